"""What `/metrics` says, and that it tells nobody who speaks with whom (catalogue row 56)."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

import duologue
from duologue import ANYONE
from duologue.relay.events import (
    Cause,
    Closed,
    Joined,
    NotOpened,
    Parted,
    Ponged,
    Refused,
    Registered,
    TurnedAway,
)
from duologue.relay.limits import RelayLimits
from duologue.relay.server.metrics import PREFIX, RelayMetrics
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN, ANN_SECRET, BEN, Running, offering, running, until
from tests.integration.relay_loopback import pins as pins

MAX_SERIES = 200


def samples(metrics: RelayMetrics) -> dict[str, float]:
    """Everything there is, by its name without the prefix."""
    lines = metrics.exposition().decode().splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name.removeprefix(PREFIX): float(value) for name, _, value in pairs}


@asynccontextmanager
async def measured(**settings: Any) -> AsyncGenerator[tuple[Running, RelayMetrics]]:
    metrics = RelayMetrics()
    async with running(observers=[metrics], **settings) as relay:
        metrics.observe(relay.server)
        yield relay, metrics


async def test_what_pairs_carry_is_counted_while_they_are_open_and_not_twice(pins: Path) -> None:
    async with (
        measured() as (relay, metrics),
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins),
    ):
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
            await peer.send(4, "x" * 100_000)
            seen = samples(metrics)
            assert seen["pairs"] == 1
            up, down = (seen[f'relayed_bytes_total{{direction="{way}"}}'] for way in ("up", "down"))
            assert min(up, down) >= 100_000
            assert seen["relayed_frames_total"] >= 8
        await until(lambda: samples(metrics)["pairs"] == 0)
        after = samples(metrics)['relayed_bytes_total{direction="up"}']
        # Leaving takes a few frames more.
        assert up <= after <= up + 2000
        assert samples(metrics)['pair_closed_total{reason="peer_left"}'] == 1


async def push(caller: ClientConnection) -> None:
    """Send until nothing more is taken, and then wait."""
    while True:
        await caller.send(bytes(65_536))


async def test_time_in_which_a_side_is_held_is_counted_while_it_lasts() -> None:
    async with measured() as (relay, metrics):
        own = PrivateKey.generate()
        listener = await register(relay.url, own)
        async with plain_connect(relay.url, compression=None) as caller:
            await caller.send(request_for(ANN_SECRET, bytes(own.public_key)))
            await wait_for_caller(listener)
            listener.transport.pause_reading()
            pushing = asyncio.create_task(push(caller))
            await until(lambda: samples(metrics)["backpressure_seconds_total"] > 0)
            first = samples(metrics)["backpressure_seconds_total"]
            await asyncio.sleep(0.1)
            second = samples(metrics)["backpressure_seconds_total"]
            assert 0 < first <= second - 0.09
            pushing.cancel()
            await asyncio.wait([pushing])
            listener.transport.abort()
            caller.transport.abort()
            await until(lambda: samples(metrics)["pairs"] == 0)
            assert samples(metrics)["backpressure_seconds_total"] >= second


async def test_spares_are_counted_by_how_many_their_key_has() -> None:
    async with measured() as (relay, metrics):
        keys = [PrivateKey.generate() for _ in range(4)]
        wanted = {0: 1, 1: 2, 2: 3, 3: 8}
        spares = [
            await register(relay.url, keys[number])
            for number, count in wanted.items()
            for _ in range(count)
        ]
        seen = samples(metrics)
        assert [seen[f'spares{{bucket="{each}"}}'] for each in (1, 2, 4, 8, "more")] == [
            *(1, 2, 3, 8, 0)
        ]
        assert seen["registrations"] == 4
        for spare in spares:
            await spare.close()


@pytest.mark.parametrize(
    ("said", "counter"),
    [
        (b"\x81\x80\x00\x00\x00\x00", 'frame_rejected_total{reason="bad_message"}'),
        (b"\x81\x81\x00\x00\x00\x00\xff", 'frame_rejected_total{reason="bad_frame"}'),
        (b"\x83\x80\x00\x00\x00\x00", 'frame_rejected_total{reason="bad_frame"}'),
        (b"\x81\xff" + b"\xff" * 8, 'frame_rejected_total{reason="max_message_bytes"}'),
        (b"\x81\xfe\x10\x01", 'frame_rejected_total{reason="max_message_bytes"}'),
        (
            b"\x89\x80\x00\x00\x00\x00" * 1001,
            'frame_rejected_total{reason="max_control_frames_per_s"}',
        ),
    ],
    ids=["no command", "no UTF-8", "opcode 3", "huge", "above 4 KiB", "pings"],
)
async def test_each_refused_frame_is_counted_once_with_its_reason(
    said: bytes, counter: str
) -> None:
    async with measured() as (relay, metrics):
        async with plain_connect(relay.url, compression=None) as socket:
            before = samples(metrics)
            socket.transport.write(said)
            with contextlib.suppress(PlainClosed):
                await socket.recv()
        await until(lambda: counter in samples(metrics))
        await until(lambda: not relay.server.exchange)
        counted = {
            name: value
            for name, value in samples(metrics).items()
            if "_total" in name and value != before.get(name, 0.0)
        }
        counted.pop('connections_total{outcome="left"}', None)
        counted.pop('connections_total{outcome="bad_message"}', None)
        assert counted == {counter: 1.0}


@pytest.mark.parametrize(
    ("said", "reason"),
    [(b"GET / HTTP/1.1\r\n\r\n", "opening_refused"), (b"", "opening_unfinished")],
)
async def test_sockets_that_never_become_websockets_are_counted(said: bytes, reason: str) -> None:
    async with measured() as (relay, metrics):
        _, writer = await asyncio.open_connection("127.0.0.1", relay.server.port)
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        name = f'connection_rejected_total{{reason="{reason}"}}'
        await until(lambda: samples(metrics).get(name) == 1)
        await writer.wait_closed()


async def test_whatever_happens_there_are_no_more_series_than_promised() -> None:
    """Catalogue row 56: every cause, every limit, every kind of refusal at once."""
    async with measured() as (_, metrics):
        limits = RelayLimits.__slots__
        for cause in Cause:
            metrics(Closed(1, cause, 1.0))
            metrics(Parted(1, 2, cause, 1.0, 1, 1, 1, 1, 0.0))
            for asked in ("first", "register", "request"):
                metrics(Refused(1, asked, cause))
        for fault in ("bad_frame", "max_message_bytes", "max_control_frames_per_s"):
            metrics(Closed(1, None, 1.0, fault))
        metrics(Closed(1, None, 1.0, "max_fragments_per_message"))
        at_the_door = ("max_conn", "max_unauth", "new_")
        for limit in [each for each in limits if each.startswith(at_the_door)]:
            metrics(TurnedAway("192.0.2.1", limit))
        later = ("registers", "requests", "max_spares", "max_pairs", "max_waiting")
        for limit in [each for each in limits if each.startswith(later)]:
            metrics(Refused(1, "request", Cause.LIMIT, limit))
        for reason in ("opening_refused", "opening_unfinished"):
            metrics(NotOpened("192.0.2.1", reason))
        metrics(Registered(1, ANN.public_key, 0.1))
        metrics(Ponged(1, 0.1))
        metrics(Joined(1, 2, ANN.public_key, BEN.public_key, 0.1))
        text = metrics.exposition().decode()
        assert len(samples(metrics)) <= MAX_SERIES
        for secret in (str(ANN), str(BEN), "192.0.2"):
            assert secret not in text
