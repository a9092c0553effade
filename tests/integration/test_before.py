"""A word before the calls: said on both sides, in every way of joining, and refused with words."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

import duologue
from duologue import ANYONE, Identity, Limits, OpenConnection, WebsocketPromisifier
from duologue.connection.websocket.dial import dial_websocket
from duologue.endpoints.first_words import Before
from duologue.relay.server.server import RelayServer
from tests.support import square

ANN, BEN = Identity.generate(), Identity.generate()
Way = Literal["plain", "encrypted", "relayed"]
WAYS: tuple[Way, ...] = ("plain", "encrypted", "relayed")


def offering(peer: WebsocketPromisifier) -> None:
    peer.add_service(3, square)


@asynccontextmanager
async def joined(
    way: Way, pins: Path, near: Before, far: Before, **options: Any
) -> AsyncGenerator[WebsocketPromisifier]:
    """`near` speaks for the side that connects, `far` for the other."""
    encryption: dict[str, Any] = {"identity": ANN, "to": BEN.public_key}
    if way == "relayed":
        relay = RelayServer()
        await relay.start()
        try:
            async with (
                duologue.listen(
                    relay.url, identity=BEN, allow=ANYONE, before=far, on_peer=offering,
                    known_relays=pins / "known_relays",
                ),
                duologue.dial(relay.url, **encryption, before=near, **options) as peer,
            ):  # fmt: skip
                yield peer
        finally:
            await relay.close()
        return
    keys: dict[str, Any] = {"identity": BEN, "allow": ANYONE} if way == "encrypted" else {}
    async with duologue.serve(before=far, on_peer=offering, **keys) as server:
        url = f"ws://127.0.0.1:{server.port}"
        options |= encryption if way == "encrypted" else {}
        async with duologue.connect(url, before=near, **options) as peer:
            yield peer


@pytest.mark.parametrize("reconnect", [False, True], ids=["once", "reconnecting"])
@pytest.mark.parametrize("way", WAYS)
async def test_both_sides_speak_before_the_first_call(
    way: Way, reconnect: bool, tmp_path: Path
) -> None:
    heard: list[Any] = []

    async def near(connection: OpenConnection) -> None:
        assert connection.is_connector
        connection.send("I am Ann")
        connection.send(b"\x00\x01")
        heard.append(await connection.receive())
        assert connection.remote_key == (None if way == "plain" else BEN.public_key)

    async def far(connection: OpenConnection) -> None:
        assert not connection.is_connector
        assert connection.remote_key == (None if way == "plain" else ANN.public_key)
        heard.append(await connection.receive())
        heard.append(await connection.receive())
        connection.send("welcome")

    async with joined(way, tmp_path, near, far, reconnect=reconnect) as peer:
        assert await peer.send(3, 12) == 144
    assert heard == ["I am Ann", b"\x00\x01", "welcome"]


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_is_called_may_refuse_with_words(
    way: Way, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "duologue")

    async def near(connection: OpenConnection) -> None:
        connection.send("I am Ann")
        await connection.receive()

    async def far(connection: OpenConnection) -> None:
        raise ValueError(f"no such instance: {await connection.receive()!r}")

    with pytest.raises(duologue.ConnectionClosed, match="no such instance"):
        async with joined(way, tmp_path, near, far):
            pass
    assert "refused: no such instance" in caplog.text


@pytest.mark.parametrize("reconnect", [False, True], ids=["once", "reconnecting"])
async def test_whoever_calls_may_refuse_and_its_exception_comes_out(reconnect: bool) -> None:
    met: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def near(connection: OpenConnection) -> None:
        raise LookupError("another instance")

    async def far(connection: OpenConnection) -> None:
        try:
            await connection.receive()
        except duologue.ConnectionClosed as error:
            met.set_result(error)
            raise

    async with duologue.serve(before=far) as server:
        url = f"ws://127.0.0.1:{server.port}"
        with pytest.raises(LookupError, match="another instance"):
            async with duologue.connect(url, before=near, reconnect=reconnect):
                pass
        assert "another instance" in str(await met)


async def test_each_connection_of_a_peer_that_comes_back_begins_so() -> None:
    begun: list[OpenConnection] = []
    again = asyncio.Event()

    async def note(connection: OpenConnection) -> None:
        begun.append(connection)
        if len(begun) == 2:
            again.set()

    async with duologue.serve(on_peer=offering) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with duologue.connect(
            url, before=note, reconnect=True, backoff=duologue.Backoff(0.01, 0.01)
        ) as peer:
            (other,) = server.peers
            other.close()
            await again.wait()
            assert await peer.send(3, 3) == 9
    assert len(begun) == 2
    with pytest.raises(RuntimeError, match="belongs to the conversation"):
        begun[0].send("late")
    with pytest.raises(RuntimeError, match="belongs to the conversation"):
        await begun[0].receive()


async def test_silence_before_the_calls_has_an_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "duologue")
    limits = Limits(connect_timeout_s=0.05)

    async def wait(connection: OpenConnection) -> None:
        await connection.receive()

    async with duologue.serve(before=wait, limits=limits) as server:
        url = f"ws://127.0.0.1:{server.port}"
        mute = await dial_websocket(url, Limits(), timeout_s=5)
        closed = asyncio.Event()
        mute.state.on_enter_state.listen(lambda _: closed.set())
        await asyncio.wait_for(closed.wait(), 20)
        mute.terminate("done")
    assert "what is said before the calls took longer than 0.05 s" in caplog.text
    async with duologue.serve(profile="base") as server:
        url = f"ws://127.0.0.1:{server.port}"
        with pytest.raises(duologue.DeadlineExceeded, match="before the calls"):
            async with duologue.connect(url, before=wait, profile="base", limits=limits):
                pass


async def test_a_server_that_ends_gives_up_those_that_still_speak() -> None:
    speaking, given_up = asyncio.Event(), asyncio.Event()

    async def wait(connection: OpenConnection) -> None:
        speaking.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            given_up.set()

    async with duologue.serve(before=wait) as server:
        mute = await dial_websocket(f"ws://127.0.0.1:{server.port}", Limits(), timeout_s=5)
        await speaking.wait()
        assert server.peers == frozenset()
    assert given_up.is_set()
    mute.terminate("done")
