"""How many a listener lets in, and who gives way to one more."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from duologue.connection.websocket.listener import WebSocketListener
from duologue.connection.websocket.own_names import AcceptanceRules
from duologue.connection.websocket.refusals import Refusals
from duologue.limits import Limits
from tests.unit.runtime.pretend import REQUEST, PretendLoop, PretendTransport


class Caller:
    """A socket that a listener has accepted."""

    def __init__(self, listener: WebSocketListener, address: str = "192.0.2.1") -> None:
        self.transport = PretendTransport(peer_address=address)
        admitted = listener.admit((address, 4711))
        assert admitted is not None
        self.connection = admitted
        self.connection.connection_made(self.transport)

    def ask(self) -> bytes:
        """The first line of the answer to its request."""
        self.connection.get_buffer(-1)[: len(REQUEST)] = REQUEST
        self.connection.buffer_updated(len(REQUEST))
        return b"".join(self.transport.take_written()).partition(b"\r\n")[0]


@contextmanager
def listening(limits: Limits, refusals: Refusals | None = None) -> Generator[WebSocketListener]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        listener = WebSocketListener(
            [sock],
            lambda _: None,
            limits,
            cast("asyncio.AbstractEventLoop", cast("Any", PretendLoop())),
            AcceptanceRules(hosts=("localhost",)),
            bound_host=None,
            ssl=None,
            has_pulse=False,
            needs_proof=False,
            refusals=refusals,
        )
        yield listener
        listener.close()


async def test_all_places_can_be_taken_and_one_more_is_told_that_there_are_none() -> None:
    with listening(Limits(max_connections=3)) as listener:
        inside = [Caller(listener) for _ in range(3)]
        assert [each.ask() for each in inside] == [b"HTTP/1.1 101 Switching Protocols"] * 3
        assert all(listener.let_stay(each.connection) for each in inside)
        assert Caller(listener).ask() == b"HTTP/1.1 503 Service Unavailable"


async def test_newcomers_of_an_address_have_so_many_places_and_one_more_takes_the_first() -> None:
    refusals = Refusals()
    with listening(Limits(max_newcomers_per_address=3), refusals) as listener:
        first, *others = [Caller(listener) for _ in range(3)]
        assert not first.transport.is_closing()
        Caller(listener, "198.51.100.1")
        assert not first.transport.is_closing()
        Caller(listener)
        assert first.transport.is_closing()
        assert not any(each.transport.is_closing() for each in others)
        assert refusals.counts["gave_way"] == 1


async def test_of_newcomers_that_show_who_they_are_as_many_stay_as_there_are_places() -> None:
    refusals = Refusals()
    with listening(Limits(max_connections=3), refusals) as listener:
        newcomers = [Caller(listener) for _ in range(4)]
        assert [each.ask() for each in newcomers] == [b"HTTP/1.1 101 Switching Protocols"] * 4
        stay = [listener.let_stay(each.connection) for each in newcomers]
        assert stay == [True, True, True, False]
        assert refusals.counts["no_room"] == 1
