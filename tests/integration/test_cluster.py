"""Three nodes that are one relay: peers of every kind, on different ones."""

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

import duologue
from tests.cluster_support import cluster
from tests.foreign_peer import Dialogue, request_for
from tests.foreign_relay import register, wait_for_caller
from tests.integration.cluster_talk import NO_LISTENER, joined
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import (
    ANN,
    ANN_SECRET,
    BEN,
    BEN_SECRET,
    EVE,
    PATIENCE_S,
    offering,
    until,
)
from tests.integration.relay_loopback import pins as pins
from tests.nats_server import NEEDS_NATS

pytestmark = NEEDS_NATS


async def test_our_peers_meet_whichever_nodes_they_have_come_to(pins: Path) -> None:
    async with (
        cluster(3) as (nodes, _),
        duologue.listen(
            nodes[0].url, identity=BEN, allow={ANN.public_key}, on_peer=offering, known_relays=pins
        ),
    ):
        for node in nodes:
            await nodes[0].until_spares(2)
            async with duologue.dial(node.url, to=BEN.public_key, identity=ANN) as peer:
                assert await peer.send(3, 12) == 144
                large = "x" * 800_000
                assert await peer.send(4, large) == [large]
        for node in nodes:
            await until(node.is_quiet)
        assert nodes[1].node.lookups.counts.visits["joined"] == 1
        assert nodes[0].node.visits_in_counts["visit_joined"] == 2


async def test_a_foreign_caller_reaches_our_listener_at_another_node(pins: Path) -> None:
    async with (
        cluster(3) as (nodes, _),
        duologue.listen(
            nodes[2].url, identity=BEN, allow={ANN.public_key}, on_peer=offering, known_relays=pins
        ),
        plain_connect(nodes[1].url, compression=None) as socket,
    ):
        await nodes[2].until_spares(2)
        dialogue = await Dialogue.connect(socket, ANN_SECRET, BEN.public_key)
        await dialogue.send_raw("keepalive")
        assert (await dialogue.call(0, 3, 12))["data"] == 144


async def test_we_reach_a_foreign_listener_at_another_node() -> None:
    async with cluster(3) as (nodes, _):
        socket = await register(nodes[1].url, BEN_SECRET)

        async def listen() -> None:
            await wait_for_caller(socket)
            dialogue = await Dialogue.accept(socket, BEN_SECRET)
            assert await dialogue.serve_one(3, 144) == [12]
            with contextlib.suppress(PlainClosed):
                await socket.recv()

        listening = asyncio.create_task(listen())
        async with duologue.dial(nodes[0].url, to=BEN.public_key, identity=ANN) as peer:
            assert await peer.send(3, 12) == 144
        await asyncio.wait_for(listening, PATIENCE_S)


async def test_two_foreign_peers_meet_across_nodes_and_part_with_their_own_words() -> None:
    async with cluster(3) as (nodes, _):
        for closes_first in ("caller", "listener"):
            caller, listener = await joined(nodes[0].url, nodes[1].url)
            for message in ("hello", b"\x00" * 100_000, "é" * 40_000, "", b"x"):
                for one, other in ((caller, listener), (listener, caller)):
                    await one.send(message)
                    assert await other.recv() == message
            one, other = (caller, listener) if closes_first == "caller" else (listener, caller)
            await one.close(1000, "Close called: enough")
            with pytest.raises(PlainClosed) as caught:
                await other.recv()
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (
                1000,
                "Close called: enough",
            )
        for node in nodes:
            await until(node.is_quiet)


async def test_frames_of_every_form_arrive_as_on_one_node() -> None:
    async with cluster(2) as (nodes, _):
        for listener_node in nodes:
            caller, listener = await joined(nodes[0].url, listener_node.url)
            await caller.send(iter(["in ", "three ", "parts"]))
            await caller.send(iter([b"a", b"", b"b"]))
            pong = await caller.ping()
            assert await listener.recv() == "in three parts"
            assert await listener.recv() == b"ab"
            await asyncio.wait_for(pong, PATIENCE_S)
            for size in (1, 125, 126, 65_535, 65_536, 500_000):
                await caller.send(b"x" * size)
                assert await listener.recv() == b"x" * size
            await caller.close()
            with contextlib.suppress(PlainClosed):
                await listener.recv()


def _masked(first: int, payload: bytes) -> bytes:
    """Any frame of a client; up to 65,535 bytes."""
    size = len(payload)
    head = bytes((first, 0x80 | min(size, 126)))
    if size > 125:
        head += size.to_bytes(2, "big")
    key = itertools.cycle(b"mask")
    return head + b"mask" + bytes(each ^ bits for each, bits in zip(payload, key, strict=False))


EARLY = {
    "whole messages": ([_masked(0x81, b"one"), _masked(0x82, b"two")], ["one", b"two"]),
    "the start of a frame": ([_masked(0x81, b"o" * 300)[:2], _masked(0x81, b"o" * 300)[2:]], None),
    "half of a frame": ([_masked(0x81, b"o" * 300)[:200], _masked(0x81, b"o" * 300)[200:]], None),
    "a fragment": (
        [_masked(0x01, b"o" * 100), _masked(0x00, b"o" * 100), _masked(0x80, b"o" * 100)],
        None,
    ),
    "half of a fragment": (
        [
            _masked(0x01, b"o" * 100),
            _masked(0x80, b"o" * 200)[:50],
            _masked(0x80, b"o" * 200)[50:],
        ],
        None,
    ),
    "half of a ping between fragments": (
        [
            _masked(0x01, b"o" * 100),
            _masked(0x89, b"ping")[:7],
            _masked(0x89, b"ping")[7:] + _masked(0x80, b"o" * 200),
        ],
        None,
    ),
    "two fragments and half of a third": (
        [
            _masked(0x01, b"o" * 100) + _masked(0x00, b"o" * 100),
            _masked(0x80, b"o" * 100)[:9],
            _masked(0x80, b"o" * 100)[9:],
        ],
        None,
    ),
}


@pytest.mark.parametrize("what", EARLY)
async def test_what_comes_right_behind_a_request_is_not_lost(what: str) -> None:
    """All but the last piece arrives before there is a tunnel; the last one through it."""
    pieces, expected = EARLY[what]
    expected = expected or ["o" * 300]
    async with cluster(2) as (nodes, _):
        listener = await register(nodes[1].url, BEN_SECRET)
        caller = await plain_connect(nodes[0].url, compression=None)
        request = request_for(ANN_SECRET, BEN.public_key).encode()
        early, late = (pieces, []) if what == "whole messages" else (pieces[:-1], pieces[-1:])
        caller.transport.write(_masked(0x81, request) + b"".join(early))
        await wait_for_caller(listener)
        assert json.loads(await listener.recv())["command"] == "communication_request"
        caller.transport.write(b"".join(late))
        for message in expected:
            assert await asyncio.wait_for(listener.recv(), PATIENCE_S) == message
        await listener.send("back")
        assert await asyncio.wait_for(caller.recv(), PATIENCE_S) == "back"
        await caller.close()
        with contextlib.suppress(PlainClosed):
            await listener.recv()


async def test_nobody_is_told_at_once_with_the_text_of_one_node() -> None:
    async with cluster(2) as (nodes, _), plain_connect(nodes[0].url) as socket:
        await socket.send(request_for(ANN_SECRET, EVE.public_key))
        with pytest.raises(PlainClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1000, NO_LISTENER)
        assert nodes[0].node.lookups.counts.lookups == {"nobody": 1}


async def test_a_caller_waits_at_another_node_for_the_listener_to_come_back() -> None:
    async with cluster(2) as (nodes, _):
        first_caller, first_listener = await joined(nodes[0].url, nodes[1].url)
        second = await plain_connect(nodes[0].url, compression=None)
        await second.send(request_for(ANN_SECRET, BEN.public_key))
        board = nodes[1].server.exchange.switchboard
        await until(lambda: board.waiting == 1)
        listener = await register(nodes[1].url, BEN_SECRET)
        await wait_for_caller(listener)
        assert board.pairs == 2
        for each in (first_caller, second):
            await each.close()
        for socket in (first_listener, listener):
            with contextlib.suppress(PlainClosed):
                while True:
                    await socket.recv()


async def test_a_listener_that_comes_back_to_a_third_node_is_found_there() -> None:
    async with cluster(3) as (nodes, _):
        first_caller, first_listener = await joined(nodes[0].url, nodes[1].url)
        second = await plain_connect(nodes[0].url, compression=None)
        await second.send(request_for(ANN_SECRET, BEN.public_key))
        await until(lambda: nodes[1].server.exchange.switchboard.waiting == 1)
        listener = await register(nodes[2].url, BEN_SECRET)
        await wait_for_caller(listener)
        assert nodes[1].server.exchange.switchboard.waiting == 0
        assert nodes[0].node.lookups.counts.visits["cancelled"] == 1
        for each in (first_caller, second):
            await each.close()
        for socket in (first_listener, listener):
            with contextlib.suppress(PlainClosed):
                while True:
                    await socket.recv()


async def test_a_listener_that_comes_to_the_callers_own_node_is_found_there() -> None:
    async with cluster(2) as (nodes, _):
        first_caller, first_listener = await joined(nodes[0].url, nodes[1].url)
        second = await plain_connect(nodes[0].url, compression=None)
        await second.send(request_for(ANN_SECRET, BEN.public_key))
        await until(lambda: nodes[1].server.exchange.switchboard.waiting == 1)
        listener = await register(nodes[0].url, BEN_SECRET)
        await wait_for_caller(listener)
        assert nodes[0].node.lookups.counts.lookups["local"] == 1
        for each in (first_caller, second):
            await each.close()
        for socket in (first_listener, listener):
            with contextlib.suppress(PlainClosed):
                while True:
                    await socket.recv()


async def test_of_two_callers_that_want_the_last_spare_one_gets_it() -> None:
    async with cluster(3) as (nodes, _):
        listener = await register(nodes[0].url, BEN_SECRET)
        callers = [await plain_connect(nodes[each].url, compression=None) for each in (1, 2)]
        for each in callers:
            await each.send(request_for(ANN_SECRET, BEN.public_key))
        await wait_for_caller(listener)
        await listener.recv()
        await listener.send("for one")
        heard: list[Any] = await asyncio.gather(
            *(each.recv() for each in callers), return_exceptions=True
        )
        closed = [each for each in heard if isinstance(each, PlainClosed)]
        assert heard.count("for one") == len(closed) == 1
        assert closed[0].rcvd is not None
        assert closed[0].rcvd.reason == NO_LISTENER
        await listener.close()
        for each in callers:
            await each.close()


async def test_a_caller_that_leaves_while_it_is_looked_for_leaves_nothing_behind() -> None:
    async with cluster(2) as (nodes, _):
        first_caller, first_listener = await joined(nodes[0].url, nodes[1].url)
        second = await plain_connect(nodes[0].url, compression=None)
        await second.send(request_for(ANN_SECRET, BEN.public_key))
        board = nodes[1].server.exchange.switchboard
        await until(lambda: board.waiting == 1)
        await second.close()
        await until(lambda: board.waiting == 0)
        await first_caller.close()
        with contextlib.suppress(PlainClosed):
            await first_listener.recv()
        for node in nodes:
            await until(node.is_quiet)


async def test_a_key_is_asked_for_as_long_as_there_is_a_spare_or_one_is_expected() -> None:
    async with cluster(1, buses=1) as (nodes, _):
        (node,) = nodes
        always = len(node.bus.wanted)
        socket = await register(node.url, BEN_SECRET)
        await until(lambda: len(node.bus.wanted) == always + 1)
        await socket.close()
        await until(lambda: len(node.bus.wanted) == always)


def test_a_relay_that_is_alone_loads_nothing_of_clusters() -> None:
    code = (
        "import sys, duologue.commands.relay, duologue.relay.server.server;"
        "print([name for name in sys.modules if 'cluster.' in name or name.startswith('nats')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert answer.stdout.strip() == "[]"
