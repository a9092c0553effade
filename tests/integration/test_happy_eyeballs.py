"""Reaching a host with several addresses, some of which are dead."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from duologue.connection.websocket import happy_eyeballs
from duologue.connection.websocket.happy_eyeballs import Address, connected_socket, interleaved
from tests.stopwatch import PATIENCE_S

V4 = socket.AF_INET
V6 = socket.AF_INET6


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[Address]:
    """An address where attempts get no answer: its queue of connections is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        with socket.create_connection(address):
            yield V4, address


@pytest.fixture
async def dead() -> AsyncIterator[Address]:
    """An address that refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield V4, bound.getsockname()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: Address) -> None:
    async def addresses_of(_host: str, _port: int) -> list[Address]:
        return list(addresses)

    monkeypatch.setattr(happy_eyeballs, "_addresses_of", addresses_of)


async def test_an_address_as_such(listening: int) -> None:
    with await connected_socket("127.0.0.1", listening) as sock:
        assert sock.getpeername() == ("127.0.0.1", listening)


async def test_a_name(listening: int) -> None:
    with await connected_socket("localhost", listening) as sock:
        assert sock.getpeername()[1] == listening


async def test_a_refusing_address_is_passed_over_at_once(
    monkeypatch: pytest.MonkeyPatch, listening: int, dead: Address
) -> None:
    resolve_to(monkeypatch, dead, (V4, ("127.0.0.1", listening)))
    async with asyncio.timeout(PATIENCE_S):
        with await connected_socket("both", 1, attempt_delay_s=60) as sock:
            assert sock.getpeername()[1] == listening


async def test_a_silent_address_is_passed_over_after_the_delay(
    monkeypatch: pytest.MonkeyPatch, listening: int, silent: Address
) -> None:
    resolve_to(monkeypatch, silent, (V4, ("127.0.0.1", listening)))
    async with asyncio.timeout(PATIENCE_S):
        with await connected_socket("both", 1, attempt_delay_s=0.01) as sock:
            assert sock.getpeername()[1] == listening


async def test_when_all_refuse_each_is_named(
    monkeypatch: pytest.MonkeyPatch, dead: Address
) -> None:
    resolve_to(monkeypatch, dead, (V4, ("127.0.0.1", dead[1][1])), dead)
    with pytest.raises(OSError, match="Connect call failed"):
        await connected_socket("all dead", 1)


async def test_a_name_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch)
    with pytest.raises(OSError, match="no address to try"):
        await connected_socket("nowhere", 1)


@pytest.mark.parametrize("turns", range(8))
async def test_giving_up_at_any_moment_closes_every_socket(
    monkeypatch: pytest.MonkeyPatch, listening: int, turns: int
) -> None:
    # An unclosed socket is a warning, and warnings are errors here.
    place: Address = (V4, ("127.0.0.1", listening))
    resolve_to(monkeypatch, place, place, place)
    tasks_before = asyncio.all_tasks()
    reached = asyncio.ensure_future(connected_socket("thrice", 1, attempt_delay_s=0))
    for _ in range(turns):
        await asyncio.sleep(0)
    if reached.done():
        reached.result().close()
    else:
        reached.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reached
    assert asyncio.all_tasks() == tasks_before


def test_families_take_turns() -> None:
    a4, b4, c4 = ((V4, (name, 1)) for name in "abc")
    x6, y6 = ((V6, (name, 1)) for name in "xy")
    assert interleaved([x6, y6, a4, b4, c4]) == [x6, a4, y6, b4, c4]
    assert interleaved([a4, b4, x6]) == [a4, x6, b4]
    assert interleaved([]) == []
