"""Servers and relays that are killed and started again under a peer with `reconnect=True`."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import duologue
from duologue import (
    ANYONE,
    CallContext,
    ConnectionClosed,
    DeadlineExceeded,
    HandshakeFailed,
    HttpRefused,
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
from tests.stopwatch import PATIENCE_S, Stopwatch
from tests.stream_server import stream_server
from tests.support import square

ANN, BEN, EVE = (Identity.generate() for _ in range(3))
BACK_WITHIN_S = 10
"""Reliability 3, row 4: calls that may be repeated succeed so long after a restart."""


@pytest.fixture(autouse=True)
def the_same_luck_each_time() -> None:
    # Pauses are random; one in a hundred would be longer than our patience.
    random.seed(4)


@pytest.fixture(autouse=True)
def servers_that_end_want_us_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be up to 15 s later for each restart; unit tests say when, in virtual time."""

    def at_once(_drain_timeout_s: float, _chance: Callable[[], float]) -> int:
        return 0

    monkeypatch.setattr("duologue.endpoints.hosting.spread_ms", at_once)


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
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ConnectionClosed) as caught:
                await self.write
        assert caught.value.sent == "unknown"

    async def others_succeed(self) -> None:
        """Soon enough."""
        watch = Stopwatch()
        async with asyncio.timeout(PATIENCE_S):
            assert (await self.read).text == "a"
            await self.idempotent
        assert watch.seconds <= BACK_WITHIN_S


async def noted(notes: Path, count: int) -> list[str]:
    """What has been noted, once it is so many calls."""
    for _ in range(int(PATIENCE_S) * 100):
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


def http(status: str, *headers: str, body: bytes = b"") -> bytes:
    """An answer of something that is no server of ours."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


IN_THE_WAY = {
    "502": http("502 Bad Gateway", body=b"x"),
    "503": http("503 Unavailable", "Retry-After: 1"),
    "429": http("429 Too Many Requests"),
    "408": http("408 Request Timeout"),
    "404": http("404 Not Found"),
    "403, once": http("403 Forbidden"),
    "a page": http("200 OK", body=b"<html>we are back soon"),
    "a portal": http("302 Found", "Location: http://portal.example/"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
}


@asynccontextmanager
async def answering(answer: bytes, port: int = 0) -> AsyncGenerator[tuple[int, asyncio.Event]]:
    """Something at a port that answers so to whoever comes; its port, and the first who came."""
    asked = asyncio.Event()

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        asked.set()

    async with stream_server(on_client, port) as taken:
        yield taken, asked


@pytest.mark.parametrize("what", IN_THE_WAY)
async def test_what_stands_in_the_way_for_a_while_is_waited_out(what: str, tmp_path: Path) -> None:
    rooms = NotingRooms(tmp_path / "notes", answers=True)
    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve(rooms) as server:
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True)
            )
        async with answering(IN_THE_WAY[what], port) as (_, asked):
            await within_patience(asked.wait())
        async with duologue.serve(rooms, port=port):
            await within_patience(RoomsClient(peer).note(room="b"))


async def test_a_right_that_is_denied_twice_ends_it() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve() as server:
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True)
            )
        async with answering(http("401 Unauthorized"), port):
            async with asyncio.timeout(PATIENCE_S):
                outcome = await peer.promise.wait()
            assert isinstance(outcome, ConnectionClosed)
            assert isinstance(outcome.__cause__, HttpRefused)
            assert outcome.__cause__.status == 401
            with pytest.raises(ConnectionClosed, match=r"not connected again.*HTTP 401") as caught:
                await peer.send(3)
            assert caught.value.sent == "no"
            assert caught.value.__cause__ is outcome.__cause__


@pytest.mark.parametrize("what", ["404", "403, once", "a page", "a portal", "no HTTP"])
async def test_the_first_time_a_wrong_address_is_told_at_once(what: str) -> None:
    async with answering(IN_THE_WAY[what]) as (port, _):
        with pytest.raises(ProtocolError):
            async with duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True):
                raise AssertionError("not to be reached")


async def test_the_first_time_somebody_else_is_told_at_once() -> None:
    async with duologue.serve(identity=EVE, allow=[ANN.public_key]) as server:
        url = f"ws://127.0.0.1:{server.port}"
        with pytest.raises(HandshakeFailed) as caught:
            async with duologue.connect(url, identity=ANN, to=BEN.public_key, reconnect=True):
                raise AssertionError("not to be reached")
        assert caught.value.fault == "target"


@pytest.mark.parametrize("what", ["502", "408", "nothing"])
async def test_the_first_time_a_server_that_is_not_ready_is_waited_for(what: str) -> None:
    entering = contextlib.AsyncExitStack()
    async with answering(IN_THE_WAY[what]) as (port, asked):
        connecting = asyncio.ensure_future(
            entering.enter_async_context(duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True))
        )
        await within_patience(asked.wait())
    async with duologue.serve(port=port):
        await within_patience(connecting)
        assert (await connecting).state == "connected"
        await entering.aclose()


async def test_the_block_is_left_at_once_though_nobody_is_there() -> None:
    async with asyncio.timeout(PATIENCE_S):
        async with contextlib.AsyncExitStack() as stack:
            async with duologue.serve() as server:
                peer = await stack.enter_async_context(
                    duologue.connect(f"ws://127.0.0.1:{server.port}", reconnect=True)
                )
            waiting = peer.send(3)
            watch = Stopwatch()
        assert watch.seconds < 0.5
        assert isinstance(waiting.exception(), ConnectionClosed)


async def test_a_server_that_is_not_there_yet_is_waited_for_as_long_as_we_say() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DeadlineExceeded, match=r"within 1 s; .*refused the conn") as caught:
        async with duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True, open_timeout=1):
            raise AssertionError("not to be reached")
    assert isinstance(caught.value.__cause__, ConnectionClosed)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_an_agent_registers_again_before_anything_that_waits_leaves(encrypted: bool) -> None:
    heard: list[object] = []

    def on_peer(peer: WebsocketPromisifier) -> None:
        peer.add_service(3, heard.append)

    async def register(peer: WebsocketPromisifier) -> None:
        await peer.send(3, "agent")

    own = {"identity": BEN, "allow": [ANN.public_key]} if encrypted else {}
    theirs = {"identity": ANN, "to": BEN.public_key} if encrypted else {}
    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve(on_peer=on_peer, **own) as server:  # type: ignore[arg-type]
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(
                    f"ws://127.0.0.1:{port}",
                    reconnect=True,
                    on_connected=register,
                    **theirs,  # type: ignore[arg-type]
                )
            )
            assert heard == ["agent"]
        changes = peer.state_changes()
        waiting = asyncio.ensure_future(peer.send(3, "work"))
        async with duologue.serve(on_peer=on_peer, port=port, **own):  # type: ignore[arg-type]
            await within_patience(waiting)
            assert heard == ["agent", "agent", "work"]
            async with asyncio.timeout(PATIENCE_S):
                async for state in changes:
                    if state == "connected":
                        break
            assert peer.state == "connected"
    assert peer.state == "closed"


async def test_what_a_server_turns_away_when_it_stops_runs_at_the_next(tmp_path: Path) -> None:
    first, second = (NotingRooms(tmp_path / name, answers=True) for name in ("a", "b"))
    async with contextlib.AsyncExitStack() as stack:
        async with duologue.serve(first) as server:
            port = server.port
            peer = await stack.enter_async_context(
                duologue.connect(f"ws://127.0.0.1:{port}", reconnect=True)
            )
            (host,) = server.peers
            draining = asyncio.ensure_future(host.drain(5))
            rooms = RoomsClient(peer)
            write = asyncio.ensure_future(rooms.edit_note(room="d", revision=1, edits=[Edit(at=0)]))
            await draining
            for _ in range(100):
                if peer.state == "waiting":
                    break
                await asyncio.sleep(0.01)
        async with duologue.serve(second, port=port):
            await within_patience(write)
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "b").read_text() == "edit_note d\n"


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


async def test_another_relay_is_taken_when_one_is_down(tmp_path: Path) -> None:
    def on_peer(peer: WebsocketPromisifier) -> None:
        peer.add_service(3, square)

    async with contextlib.AsyncExitStack() as stack:
        other = await stack.enter_async_context(relay_process())
        async with relay_process() as relay:
            relays = [relay.url, other.url]
            await stack.enter_async_context(
                duologue.listen(
                    relays, identity=BEN, allow=ANYONE, on_peer=on_peer,
                    known_relays=tmp_path / "known",
                )
            )  # fmt: skip
            peer = await stack.enter_async_context(
                duologue.dial(relays, to=BEN.public_key, identity=ANN, reconnect=True)
            )
            assert await peer.send(3, 3) == 9
            relay.process.kill()
        await within_patience(peer.send(3, 4))


async def test_a_relay_that_has_just_started_waits_for_listeners(tmp_path: Path) -> None:
    async with relay_process(limits={"startup_grace_s": PATIENCE_S}) as relay:
        dialled = duologue.dial(relay.url, to=BEN.public_key, identity=ANN)
        async with contextlib.AsyncExitStack() as stack:
            entering = asyncio.ensure_future(stack.enter_async_context(dialled))
            await asyncio.sleep(0.2)
            assert not entering.done()
            await stack.enter_async_context(
                duologue.listen(
                    relay.url, identity=BEN, allow=ANYONE, known_relays=tmp_path / "known"
                )
            )
            await within_patience(entering)


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
