"""Servers and relays that are killed and started again under a peer with `reconnect=True`."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest

import duologue
from duologue import (
    ANYONE,
    CallContext,
    ConnectionClosed,
    HandshakeFailed,
    Identity,
    Limits,
    ProtocolError,
    WebsocketPromisifier,
)
from duologue.endpoints.listener import Listener
from generated.chat.rooms.v1 import (
    Edit,
    Note,
    PresenceNudgeParams,
    PresenceService,
    RoomsClient,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.relay_process import relay_process
from tests.rooms_process import NotingRooms, rooms_process
from tests.support import square

ANN, BEN, EVE = (Identity.generate() for _ in range(3))
PATIENCE_S = 10
"""Reliability 3, row 4: calls that may be repeated succeed so long after a restart."""


@pytest.fixture(autouse=True)
def the_same_luck_each_time() -> None:
    # Pauses are random; one in a hundred would be longer than our patience.
    random.seed(4)


class Presence(PresenceService):
    """Offered by the guest."""

    def __init__(self) -> None:
        self.nudges: list[str] = []

    async def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        self.nudges.append(params.text)
        return True


class Three:
    """The same calls each time: a `read`, an `idempotent` one and a write."""

    def __init__(self, rooms: RoomsClient) -> None:
        self.read: asyncio.Future[Note] = asyncio.ensure_future(rooms.note(room="a"))
        self.idempotent: asyncio.Future[None] = asyncio.ensure_future(rooms.leave(room="b"))
        self.write: asyncio.Future[Note] = asyncio.ensure_future(
            rooms.edit_note(room="c", revision=1, edits=[Edit(at=0)])
        )

    async def write_fails(self) -> None:
        """At once, and typed: nobody knows whether it has been done."""
        async with asyncio.timeout(1):
            with pytest.raises(ConnectionClosed) as caught:
                await self.write
        assert caught.value.sent == "unknown"

    async def others_succeed(self) -> None:
        """Within our patience."""
        begun = time.monotonic()
        async with asyncio.timeout(PATIENCE_S):
            assert (await self.read).text == "a"
            await self.idempotent
        print(f"repeated calls succeeded {time.monotonic() - begun:.1f} s after the restart")


async def noted(notes: Path, count: int) -> list[str]:
    """What has been noted, once it is so many calls."""
    for _ in range(PATIENCE_S * 100):
        lines = notes.read_text().splitlines() if notes.exists() else []
        if len(lines) >= count:
            return lines
        await asyncio.sleep(0.01)
    raise AssertionError("it has not come to that")


async def within_patience(result: Awaitable[object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await result


# -- a server -----------------------------------------------------------------------------------


async def test_a_killed_server_comes_back_and_only_what_may_be_repeated_is(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    presence, farewells = Presence(), list[str]()
    async with contextlib.AsyncExitStack() as stack:
        async with rooms_process(first, answers=False) as (process, port):
            peer = await stack.enter_async_context(
                duologue.connect(f"ws://127.0.0.1:{port}", offer=[presence], reconnect=True)
            )
            rooms = RoomsClient(peer)
            rooms.on_message_posted(lambda event: farewells.append(event.room))
            three = Three(rooms)
            assert sorted(await noted(first, 3)) == ["edit_note c", "leave b", "note a"]
            process.kill()
            await three.write_fails()
        parked = asyncio.ensure_future(rooms.edit_note(room="d", revision=1, edits=[Edit(at=0)]))
        async with rooms_process(second, port=port):
            await three.others_succeed()
            assert (await parked).text == "d"
            assert sorted(await noted(second, 3)) == ["edit_note d", "leave b", "note a"]
            # What we offer is called, and what we have subscribed to comes, as before.
            await rooms.leave(room="lounge")
            assert presence.nudges == ["goodbye"]
            await rooms.leave(room="tower")
            assert farewells == ["tower"]
            assert peer.stats.reconnects_total == 1
            assert peer.stats.requests_repeated == 2
    assert (await peer.promise).code == 1000


async def test_a_server_that_is_restarted_gracefully_is_found_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve(NotingRooms(notes, answers=True)) as server:
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True)
            )
            assert (await RoomsClient(peer).note(room="a")).text == "a"
        assert not peer.promise.done()
        async with duologue.serve(NotingRooms(notes, answers=True), port=port):
            await within_patience(RoomsClient(peer).note(room="b"))
            assert peer.remote_address


async def test_an_encrypted_conversation_has_proven_keys_each_time(tmp_path: Path) -> None:
    rooms = NotingRooms(tmp_path / "notes", answers=True)
    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve(rooms, identity=BEN, allow=[ANN.public_key]) as server:
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(
                    f"ws://127.0.0.1:{port}", identity=ANN, to=BEN.public_key, reconnect=True
                )
            )
            first = peer.conn_id
        async with duologue.serve(rooms, port=port, identity=BEN, allow=[ANN.public_key]) as server:
            await within_patience(RoomsClient(peer).note(room="b"))
            assert peer.remote_key == BEN.public_key
            assert peer.conn_id != first
            assert {each.remote_key for each in server.peers} == {ANN.public_key}


async def test_a_server_that_allows_us_no_more_ends_it(tmp_path: Path) -> None:
    rooms = NotingRooms(tmp_path / "notes", answers=True)
    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve(rooms, identity=BEN, allow=[ANN.public_key]) as server:
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(
                    f"ws://127.0.0.1:{port}", identity=ANN, to=BEN.public_key, reconnect=True
                )
            )
        parked = asyncio.ensure_future(RoomsClient(peer).note(room="b"))
        async with duologue.serve(rooms, port=port, identity=BEN, allow=[EVE.public_key]):
            async with asyncio.timeout(PATIENCE_S):
                outcome = await peer.promise.wait()
            assert isinstance(outcome, ConnectionClosed)
            assert isinstance(outcome.__cause__, HandshakeFailed)
            assert outcome.__cause__.fault == "not-allowed"
            with pytest.raises(ConnectionClosed) as caught:
                await parked
            assert caught.value.sent == "no"


async def test_what_is_no_server_any_more_ends_it(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve() as server:
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True)
            )
        async with await asyncio.start_server(answer, "127.0.0.1", port):
            async with asyncio.timeout(PATIENCE_S):
                outcome = await peer.promise.wait()
            assert isinstance(outcome, ConnectionClosed)
            assert isinstance(outcome.__cause__, ProtocolError)


async def test_the_block_is_left_at_once_though_nobody_is_there() -> None:
    async with asyncio.timeout(PATIENCE_S):
        async with contextlib.AsyncExitStack() as stack:
            async with duologue.serve() as server:
                peer = await stack.enter_async_context(
                    duologue.connect(f"ws://127.0.0.1:{server.port}", reconnect=True)
                )
            waiting = peer.send(3)
            begun = time.monotonic()
        assert time.monotonic() - begun < 0.5
        assert isinstance(waiting.exception(), ConnectionClosed)


async def test_a_first_connection_that_fails_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionClosed):
        async with duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True):
            raise AssertionError("not to be reached")


# -- a relay ------------------------------------------------------------------------------------


async def test_a_killed_relay_comes_back_and_only_what_may_be_repeated_is(tmp_path: Path) -> None:
    notes, again = tmp_path / "notes", tmp_path / "again"
    hosts: list[WebsocketPromisifier] = []
    presence = Presence()
    rooms = NotingRooms(notes, answers=False)
    async with contextlib.AsyncExitStack() as stack:
        async with relay_process() as relay:
            port = relay.port
            await stack.enter_async_context(
                duologue.listen(
                    relay.url, rooms, identity=BEN, allow=ANYONE, on_peer=hosts.append,
                    known_relays=tmp_path / "known",
                )
            )  # fmt: skip
            peer = await stack.enter_async_context(
                duologue.dial(
                    relay.url, to=BEN.public_key, identity=ANN, offer=[presence], reconnect=True
                )
            )
            three = Three(RoomsClient(peer))
            assert len(await noted(notes, 3)) == 3
            relay.process.kill()
            await three.write_fails()
        rooms.answer_from_now_on(again)
        async with relay_process(port=port):
            await three.others_succeed()
            await RoomsClient(peer).leave(room="lounge")
            assert presence.nudges == ["goodbye"]
            assert peer.remote_key == BEN.public_key
            assert len(hosts) == 2
    assert sorted(notes.read_text().splitlines()) == ["edit_note c", "leave b", "note a"]
    assert sorted(again.read_text().splitlines()) == ["leave b", "leave lounge", "note a"]


async def test_two_hundred_calls_outlive_their_relay(tmp_path: Path) -> None:
    notes, again = tmp_path / "notes", tmp_path / "again"
    rooms = NotingRooms(notes, answers=False)
    names = [f"r{number}" for number in range(200)]
    async with contextlib.AsyncExitStack() as stack:
        async with relay_process() as relay:
            port = relay.port
            await stack.enter_async_context(
                duologue.listen(
                    relay.url, rooms, identity=BEN, allow=ANYONE, known_relays=tmp_path / "known",
                    spares=4,
                )
            )  # fmt: skip
            peers = [
                await stack.enter_async_context(
                    duologue.dial(
                        relay.url, to=BEN.public_key, identity=Identity.generate(), reconnect=True
                    )
                )
                for _ in range(8)
            ]
            calls = [
                asyncio.ensure_future(RoomsClient(peers[number % 8]).note(room=name))
                for number, name in enumerate(names)
            ]
            await noted(notes, len(names))
            relay.process.kill()
        rooms.answer_from_now_on(again)
        async with relay_process(port=port):
            async with asyncio.timeout(PATIENCE_S):
                answers = await asyncio.gather(*calls)
    assert [answer.text for answer in answers] == names
    for file in (notes, again):
        assert sorted(file.read_text().split()[1::2]) == sorted(names)


async def test_a_listener_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    def on_peer(peer: WebsocketPromisifier) -> None:
        peer.add_service(3, square)

    quick = Limits(keepalive_interval_s=0.2, keepalive_timeout_s=0.5, close_timeout_s=0.5)
    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(relay_process())

        def listening() -> Listener:
            return duologue.listen(
                relay.url, identity=BEN, allow=ANYONE, on_peer=on_peer,
                known_relays=tmp_path / "known",
            )  # fmt: skip

        async with listening():
            peer = await stack.enter_async_context(
                duologue.dial(
                    relay.url, to=BEN.public_key, identity=ANN, limits=quick, reconnect=True
                )
            )
            assert await peer.send(3, 3) == 9
        call = peer.send(3, 4)
        # Long enough to be told that nobody listens.
        await asyncio.sleep(1.2)
        assert not call.done()
        async with listening():
            await within_patience(call)
            assert await call == 16


async def test_a_relay_that_allows_us_no_more_ends_it(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    async with contextlib.AsyncExitStack() as stack:
        async with relay_process() as relay:
            port = relay.port
            await stack.enter_async_context(
                duologue.listen(
                    relay.url, identity=BEN, allow=ANYONE, known_relays=tmp_path / "known"
                )
            )
            peer = await stack.enter_async_context(
                duologue.dial(relay.url, to=BEN.public_key, identity=ANN, reconnect=True)
            )
        keys.write_text(f"{BEN.public_key.hex()}\n")
        async with relay_process("--allow-file", str(keys), port=port):
            async with asyncio.timeout(PATIENCE_S):
                outcome = await peer.promise.wait()
            assert isinstance(outcome, ConnectionClosed)
            assert isinstance(outcome.__cause__, duologue.RelayRefused)
