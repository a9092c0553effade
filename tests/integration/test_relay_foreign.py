"""Relays and peers of the base profile beside ours, in every role."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

import duologue
from duologue import ANYONE
from duologue.connection.base import Message
from duologue.limits import Limits
from duologue.relay.limits import RelayLimits
from tests.foreign_peer import Dialogue, request_for
from tests.foreign_relay import MinimalRelay, minimal_relay, register, wait_for_caller
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import (
    ANN,
    ANN_SECRET,
    BEN,
    BEN_SECRET,
    PATIENCE_S,
    offering,
    running,
    until,
)
from tests.integration.relay_loopback import pins as pins

# -- foreign peers on our relay -----------------------------------------------------------------


async def test_a_foreign_caller_reaches_our_listener(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow={ANN.public_key}, on_peer=offering, known_relays=pins
        ),
        plain_connect(relay.url, compression=None) as socket,
    ):
        dialogue = await Dialogue.connect(socket, ANN_SECRET, BEN.public_key)
        await dialogue.send_raw("keepalive")
        assert (await dialogue.call(0, 3, 12))["data"] == 144


async def test_we_reach_a_foreign_listener() -> None:
    async with running() as relay:
        socket = await register(relay.url, BEN_SECRET)

        async def listen() -> None:
            await wait_for_caller(socket)
            dialogue = await Dialogue.accept(socket, BEN_SECRET)
            assert await dialogue.serve_one(3, 144) == [12]
            with contextlib.suppress(PlainClosed):
                await socket.recv()

        listening = asyncio.create_task(listen())
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
            assert await peer.send(3, 12) == 144
        await asyncio.wait_for(listening, PATIENCE_S)


async def test_two_foreign_peers_meet_on_our_relay() -> None:
    async with running() as relay:
        listener = await register(relay.url, BEN_SECRET)
        async with plain_connect(relay.url, compression=None) as caller:
            answering = asyncio.create_task(_accept(listener))
            asking = await Dialogue.connect(caller, ANN_SECRET, BEN.public_key)
            answered = await answering
            for message in ("hello", b"\x00" * 100_000, "é" * 40_000):
                await asking.send(message)
                assert await answered.recv() == message
                await answered.send(message)
                assert await asking.recv() == message
            await caller.close(1000, "Close called: enough")
            with pytest.raises(PlainClosed) as caught:
                await listener.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1000, "Close called: enough")


async def _accept(socket: Any) -> Dialogue:
    await wait_for_caller(socket)
    return await Dialogue.accept(socket, BEN_SECRET)


async def test_a_foreign_spare_is_pinged_and_stays() -> None:
    limits = RelayLimits(ping_interval_s=0.05, ping_timeout_s=5)
    async with running(limits=limits) as relay:
        socket = await register(relay.url, BEN_SECRET)
        for _ in range(3):
            assert json.loads(await socket.recv()) == {"command": "ping"}
            await socket.send('{"command":"pong"}')
        await socket.close()


async def test_a_silent_foreign_spare_is_dropped() -> None:
    limits = RelayLimits(ping_interval_s=0.05, ping_timeout_s=0.05)
    async with running(limits=limits) as relay:
        socket = await register(relay.url, BEN_SECRET)
        assert json.loads(await socket.recv()) == {"command": "ping"}
        with pytest.raises(PlainClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.reason == "Terminate called: Ping: Connection timed out"


@pytest.mark.parametrize(
    ("first", "text"),
    [
        ('{"command":"pong"}', "Received unexpected or malformed message from client."),
        (b"\x00", "Received message that is not a string message."),
        ("{}", "Received data does not match the data of a client message."),
        (
            json.dumps({"command": "register", "publicKey": "00" * 32}),
            "CYENC-ENSPUB: Data is not a public key",
        ),
        (
            request_for(ANN_SECRET, BEN.public_key),
            "No listening connection for the specified publicKey.",
        ),
    ],
)
async def test_refusals_have_code_1000_and_the_text_of_the_original(
    first: Message, text: str
) -> None:
    async with running() as relay, plain_connect(relay.url, compression=None) as socket:
        await socket.send(first)
        with pytest.raises(PlainClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1000, f"Close called: {text}")


async def test_a_first_message_above_4_kib_is_refused_and_one_at_it_is_read() -> None:
    text = '{"command":"pong","x":"%s"}'
    async with running() as relay:
        for size, code in ((4096, 1000), (4097, 1009)):
            async with plain_connect(relay.url, compression=None) as socket:
                await socket.send(text % ("x" * (size - len(text) + 2)))
                with pytest.raises(PlainClosed) as caught:
                    await socket.recv()
                assert caught.value.rcvd is not None
                assert caught.value.rcvd.code == code


# -- our peers on a foreign relay ---------------------------------------------------------------


async def test_ours_meet_on_a_foreign_relay(pins: Path) -> None:
    async with (
        minimal_relay() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins),
        duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
    ):
        assert await peer.send(3, 12) == 144
        assert peer.remote_key == BEN.public_key
    assert not pins.exists()


async def test_a_foreign_relay_says_that_nobody_is_there() -> None:
    async with minimal_relay() as relay:
        with pytest.raises(duologue.PeerNotFound):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass


async def test_a_listener_without_pings_registers_again(pins: Path) -> None:
    limits = Limits(relay_ping_grace_s=0.05)
    relay = MinimalRelay()
    relay.ping_interval_ms = 50
    async with (
        minimal_relay(relay),
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, known_relays=pins, spares=1, limits=limits
        ),
    ):
        await until(lambda: relay.proved >= 3)


async def test_a_listener_comes_back_when_its_relay_does(pins: Path) -> None:
    async with running() as relay:
        port = relay.server.port
        listener = duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins
        )
        await listener.__aenter__()
    try:
        async with running(port=port) as relay:
            await relay.until(spares=2)
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
                assert await peer.send(3, 3) == 9
    finally:
        await listener.close()
