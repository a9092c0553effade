"""Conversations of ours through a relay of ours on loopback."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed
from websockets.exceptions import InvalidMessage

import duologue
from duologue import ANYONE, Limits, WebsocketPromisifier
from duologue.relay.events import Joined, Parted, Refused
from duologue.relay.limits import RelayLimits
from tests.foreign_relay import MinimalRelay, minimal_relay, register
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import (
    ANN,
    BEN,
    EVE,
    EVE_SECRET,
    PATIENCE_S,
    offering,
    running,
    until,
)
from tests.integration.relay_loopback import pins as pins

# -- ours with ours -----------------------------------------------------------------------------


async def test_two_that_only_dial_out_call_each_other(pins: Path) -> None:
    seen: list[bytes | None] = []

    def on_peer(peer: WebsocketPromisifier) -> None:
        async def who() -> str:
            # The listener's side calls back while it serves.
            assert await peer.send(3, 5) == 25
            seen.append(peer.remote_key)
            return str(peer.remote_key.hex()) if peer.remote_key else ""

        peer.add_service(7, who)

    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow={str(ANN)}, on_peer=on_peer, known_relays=pins
        ) as listener,
        duologue.dial(relay.url, to=str(BEN), identity=ANN, on_peer=offering) as peer,
    ):
        assert await peer.send(7) == str(ANN)
        assert peer.remote_key == listener.public_key == BEN.public_key
        assert seen == [ANN.public_key]
        assert len(listener.peers) == 1


async def test_a_large_text_goes_through(pins: Path) -> None:
    text = "é€😀" * 20_000
    async with (
        running() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins),
        duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
    ):
        assert await peer.send(4, text) == [text]


async def test_a_key_that_is_not_allowed_is_told_so_and_stands_in_the_listeners_log(
    pins: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "duologue")
    async with (
        running() as relay,
        duologue.listen(relay.url, identity=BEN, allow={str(BEN)}, known_relays=pins),
    ):
        for again in (False, True):
            with pytest.raises(duologue.KeyNotAllowed, match=str(ANN)):
                async with duologue.dial(
                    relay.url, to=BEN.public_key, identity=ANN, reconnect=again
                ):
                    pass
    assert f"connection of the key {ANN} from " in caplog.text


async def test_spares_are_refilled_after_each_handover(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins, spares=1
        ),
    ):
        for number in range(12):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
                assert await peer.send(3, number) == number * number
        await relay.until(spares=1)


async def test_leaving_the_listener_closes_spares_and_conversations(pins: Path) -> None:
    async with running() as relay:
        async with duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins
        ):
            await relay.until(spares=2)
            dialled = duologue.dial(relay.url, to=BEN.public_key, identity=ANN)
            peer = await dialled.__aenter__()
        status = await peer.promise
        assert status.reason == "Close called: the listener is shutting down"
        await dialled.__aexit__(None, None, None)
        await relay.until(spares=0)
        assert relay.server.exchange.switchboard.pairs == 0


async def test_a_listener_at_two_relays_is_found_at_both(pins: Path) -> None:
    async with (
        running() as first,
        running() as second,
        duologue.listen(
            [first.url, second.url],
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=pins,
        ) as listener,
    ):
        for relay in (first, second):
            await relay.until(spares=2)
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
                assert await peer.send(3, 2) == 4
        assert listener.faults == {}


async def test_one_relay_of_two_is_enough_to_begin(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            ["ws://127.0.0.1:1", relay.url], identity=BEN, allow=ANYONE, known_relays=pins
        ) as listener,
    ):
        assert list(listener.faults) == ["ws://127.0.0.1:1"]


# -- refusals -----------------------------------------------------------------------------------


async def test_a_key_that_nobody_listens_under_is_not_found() -> None:
    async with running() as relay:
        with pytest.raises(duologue.PeerNotFound):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass


async def test_a_relay_that_is_not_there_is_unreachable(pins: Path) -> None:
    with pytest.raises(duologue.RelayUnreachable):
        async with duologue.dial("ws://127.0.0.1:1", to=BEN.public_key, identity=ANN):
            pass
    with pytest.raises(duologue.RelayUnreachable):
        async with duologue.listen(
            "ws://127.0.0.1:1", identity=BEN, allow=ANYONE, known_relays=pins
        ):
            pass


async def test_a_key_that_is_not_allowed_is_refused_by_the_listener(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow={ANN.public_key}, known_relays=pins
        ) as listener,
    ):
        with pytest.raises(duologue.HandshakeFailed, match="does not let this identity in"):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=EVE):
                pass
        assert listener.rejected["not-allowed"] == 1
        assert not listener.peers


async def test_dialling_has_a_deadline(pins: Path) -> None:
    # A foreign relay hands over and says no more.
    relay = MinimalRelay()
    relay.continues = False
    limits = Limits(handshake_timeout_s=1)
    async with (
        minimal_relay(relay),
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, known_relays=pins, limits=limits, spares=1
        ) as listener,
    ):
        with pytest.raises(duologue.DeadlineExceeded):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, timeout=1.5):
                pass
        # The listener has given that handover up and has a new spare.
        await until(lambda: listener.rejected["timeout"] == 1 and relay.proved == 2)


def test_listening_without_saying_who_may_call_is_refused() -> None:
    with pytest.raises(ValueError, match=r"allow=duologue\.ANYONE"):
        duologue.listen("ws://127.0.0.1:1", identity=BEN)


async def test_plain_text_to_another_machine_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match="insecure_plaintext"):
        duologue.listen("ws://relay.example", identity=BEN, allow=ANYONE)
    with pytest.raises(ValueError, match="insecure_plaintext"):
        async with duologue.dial("ws://192.0.2.1", to=BEN.public_key, identity=ANN):
            pass


# -- the end ------------------------------------------------------------------------------------


async def test_draining_lets_calls_finish_and_closes_spares_with_1001(pins: Path) -> None:
    release = asyncio.Event()

    def on_peer(peer: WebsocketPromisifier) -> None:
        async def slow() -> str:
            await release.wait()
            return "done"

        peer.add_service(9, slow)

    async with running() as relay:
        foreign = await register(relay.url, EVE_SECRET)
        async with (
            duologue.listen(
                relay.url, identity=BEN, allow=ANYONE, on_peer=on_peer, known_relays=pins, spares=1
            ),
            duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
        ):
            call = peer.send(9)
            draining = asyncio.create_task(relay.server.drain(PATIENCE_S))
            with pytest.raises(PlainClosed) as caught:
                await asyncio.wait_for(foreign.recv(), PATIENCE_S)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1001
            with pytest.raises(duologue.RelayUnreachable):
                async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                    pass
            release.set()
            assert await call == "done"
        await asyncio.wait_for(draining, PATIENCE_S)
        assert len(relay.server.door) == 0


async def test_closing_at_once_ends_every_connection(pins: Path) -> None:
    async with running() as relay:
        listener = duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins
        )
        await listener.__aenter__()
        dialled = duologue.dial(relay.url, to=BEN.public_key, identity=ANN)
        peer = await dialled.__aenter__()
        await asyncio.wait_for(relay.server.close(), PATIENCE_S)
        with pytest.raises(duologue.ConnectionClosed):
            await peer.send(3, 2)
        await dialled.__aexit__(None, None, None)
        await listener.close()


# -- what the relay knows -----------------------------------------------------------------------


async def test_the_relay_notes_sizes_and_no_payload(pins: Path) -> None:
    canary = "CANARY-PAYLOAD"
    async with (
        running() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins),
    ):
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
            await peer.send(4, canary)
        await until(lambda: bool(relay.noted(Parted)))
    assert relay.noted(Joined)
    assert not relay.noted(Refused)
    assert canary not in repr(relay.events)


async def test_connections_of_one_address_are_limited_at_the_limit() -> None:
    limits = replace(RelayLimits(), max_connections_per_address=2)
    async with (
        running(limits=limits) as relay,
        plain_connect(relay.url, compression=None),
        plain_connect(relay.url, compression=None),
    ):
        with pytest.raises(InvalidMessage):
            await plain_connect(relay.url, compression=None)


async def test_closing_drops_those_that_have_not_finished_their_opening() -> None:
    async with running() as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.server.port)
        await until(lambda: relay.server.door.strangers == 1)
        await asyncio.wait_for(relay.server.close(), PATIENCE_S)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_pins_that_cannot_be_kept_do_not_keep_a_listener_from_listening(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    async with (
        running(identity=EVE) as relay,
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, known_relays=tmp_path / "file" / "known"
        ),
    ):
        await relay.until(spares=2)
    assert "cannot be kept" in caplog.text
