"""`reconnect=True`: the block that owns the search for another connection."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.guest import Lasting, Visit
from duologue.endpoints.manner import Manner
from duologue.errors import ConnectionClosed, DeadlineExceeded, HttpRefused
from duologue.limits import Limits
from duologue.promisifier.promise import CloseStatus
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.service import Offer
from tests.reconnect_support import lose
from tests.support import turns

AWAY = ConnectionClosed(1006, "nobody there", sent="no")

LASTING = Lasting(reconnect=True)

LIMITS = Limits(reconnect_pause_s=0.002)
"""Nearly no pauses."""


class Server:
    """Gives out connections, as long as it has some."""

    def __init__(self, *faults: BaseException | None) -> None:
        self.faults = list(faults)
        self.wires: list[Connection] = []
        self.dialled = asyncio.Event()
        """After the first connection."""

    async def dial(self) -> Connection:
        fault = self.faults.pop(0) if self.faults else None
        if self.wires:
            self.dialled.set()
        if fault is not None:
            raise fault
        connection, wire = connected_pair()
        self.wires.append(wire)
        return connection


def manner(told: list[WebsocketPromisifier] | None = None) -> Manner:
    on_peer = None if told is None else told.append
    return Manner(offer=Offer(()), limits=LIMITS, profile="base", on_peer=on_peer)


@pytest.fixture(autouse=True)
async def nothing_is_left_behind() -> AsyncGenerator[None]:
    before = asyncio.all_tasks()
    yield
    await turns(4)
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


async def test_the_first_connection_is_waited_for() -> None:
    server = Server(AWAY, AWAY)
    async with Visit(server.dial, manner(), LASTING) as peer:
        assert peer.is_connected
        assert server.faults == []
        assert peer.stats.reconnects_total == 0


async def test_without_reconnect_it_is_not() -> None:
    with pytest.raises(ConnectionClosed):
        async with Visit(Server(AWAY).dial, manner(), Lasting()):
            raise AssertionError("not to be reached")


async def test_a_wrong_address_is_told_at_once() -> None:
    server = Server(AWAY, HttpRefused("answered HTTP 404", 404), AWAY)
    with pytest.raises(HttpRefused):
        async with Visit(server.dial, manner(), LASTING):
            raise AssertionError("not to be reached")
    assert len(server.faults) == 1


async def test_waiting_for_the_first_connection_is_bounded() -> None:
    bounded = Lasting(reconnect=True, open_timeout_s=0.02)
    with pytest.raises(DeadlineExceeded, match=r"within 0\.02 s.*nobody there") as caught:
        async with Visit(Server(*[AWAY] * 1000).dial, manner(), bounded):
            raise AssertionError("not to be reached")
    assert caught.value.__cause__ is AWAY


async def test_a_first_conversation_that_does_not_stand_is_followed_by_another() -> None:
    server, calls = Server(), list[int]()

    def on_connected(peer: WebsocketPromisifier) -> None:
        calls.append(peer.conn_id)
        if len(calls) == 1:
            raise KeyError("not ready")

    lasting = Lasting(reconnect=True, on_connected=on_connected)
    async with Visit(server.dial, manner(), lasting) as peer:
        assert peer.is_connected
        assert len(calls) == len(server.wires) == 2


async def test_without_reconnect_what_on_connected_raises_comes_out_of_the_block() -> None:
    def on_connected(_peer: WebsocketPromisifier) -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        async with Visit(Server().dial, manner(), Lasting(on_connected=on_connected)):
            raise AssertionError("not to be reached")


async def test_on_peer_is_told_once_and_can_call_at_once() -> None:
    told, server = list[WebsocketPromisifier](), Server()
    async with Visit(server.dial, manner(told), LASTING) as peer:
        lose(server.wires[0])
        async with asyncio.timeout(30):
            await server.dialled.wait()
        await turns()
        assert peer.is_connected
        assert told == [peer]
        peer.close()
        assert isinstance(await peer.promise, CloseStatus)


async def test_what_on_peer_raises_comes_out_of_the_block() -> None:
    def refuse(_peer: WebsocketPromisifier) -> None:
        raise KeyError("no")

    server = Server()
    strict = Manner(offer=Offer(()), limits=LIMITS, on_peer=refuse)
    with pytest.raises(KeyError):
        async with Visit(server.dial, strict, LASTING):
            raise AssertionError("not to be reached")
    await turns()


async def test_leaving_the_block_while_away_does_not_take_long() -> None:
    server = Server(None, *[AWAY] * 1000)
    async with asyncio.timeout(30):
        async with Visit(server.dial, manner(), LASTING) as peer:
            lose(server.wires[0])
            await server.dialled.wait()
            waiting = peer.send(3)
        assert isinstance(waiting.exception(), ConnectionClosed)


async def test_leaving_the_block_ends_a_dial_that_hangs() -> None:
    server = Server()
    hanging = asyncio.Event()

    async def dial() -> Connection:
        if server.wires:
            hanging.set()
            await asyncio.Event().wait()
        return await server.dial()

    async with asyncio.timeout(30):
        async with Visit(dial, manner(), LASTING):
            lose(server.wires[0])
            await hanging.wait()


async def test_after_closing_nobody_is_dialled_any_more() -> None:
    server = Server(None, *[AWAY] * 1000)
    async with Visit(server.dial, manner(), LASTING) as peer:
        lose(server.wires[0])
        await server.dialled.wait()
        peer.close()
        left = len(server.faults)
        await asyncio.sleep(0.05)
        assert len(server.faults) == left


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with Visit(Server().dial, manner(), LASTING):
            raise ValueError("mine")


async def test_a_mistake_in_dialling_ends_the_peer_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mistake = RuntimeError("a mistake of ours")
    server = Server(None, mistake)
    async with Visit(server.dial, manner(), LASTING) as peer:
        lose(server.wires[0])
        async with asyncio.timeout(30):
            outcome = await peer.promise.wait()
        assert isinstance(outcome, ConnectionClosed)
        assert outcome.__cause__ is mistake
    assert "a mistake of ours" in caplog.text


async def test_without_reconnect_a_lost_connection_is_the_end() -> None:
    server = Server()
    async with Visit(server.dial, manner(), Lasting()) as peer:
        lose(server.wires[0])
        outcome = await peer.promise.wait()
        assert isinstance(outcome, ConnectionClosed)
        assert not peer.is_connected
    assert len(server.wires) == 1
