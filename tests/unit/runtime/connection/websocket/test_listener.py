"""How many a listener lets in, and how many it tells that it is full."""

import asyncio
from typing import Any, cast

from duologue.connection.websocket.listener import MAX_WAITING_REFUSALS, WebSocketListener
from duologue.connection.websocket.opening import AcceptanceRules
from duologue.limits import Limits
from tests.unit.runtime.pretend import REQUEST, PretendLoop, PretendTransport


class Caller:
    """A socket that a listener has accepted."""

    def __init__(self, listener: WebSocketListener) -> None:
        self.transport = PretendTransport()
        self.connection = listener.make_connection()
        self.connection.connection_made(self.transport)

    @property
    def is_dropped(self) -> bool:
        return "abort" in self.transport.done

    def ask(self) -> bytes:
        """The first line of the answer to its request."""
        self.connection.get_buffer(-1)[: len(REQUEST)] = REQUEST
        self.connection.buffer_updated(len(REQUEST))
        return b"".join(self.transport.take_written()).partition(b"\r\n")[0]


def listener_for(max_connections: int) -> WebSocketListener:
    return WebSocketListener(
        lambda _: None,
        Limits(max_connections=max_connections),
        cast("asyncio.AbstractEventLoop", cast("Any", PretendLoop())),
        AcceptanceRules(hosts=("localhost",)),
        bound_host=None,
        secure=False,
        has_pulse=False,
    )


def test_all_places_can_be_taken_and_one_more_is_told_that_there_are_none() -> None:
    listener = listener_for(3)
    inside = [Caller(listener) for _ in range(3)]
    assert [each.ask() for each in inside] == [b"HTTP/1.1 101 Switching Protocols"] * 3
    assert Caller(listener).ask() == b"HTTP/1.1 503 Service Unavailable"


def test_so_many_are_told_that_it_is_full_at_a_time_and_one_more_is_dropped() -> None:
    listener = listener_for(1)
    Caller(listener)
    told = [Caller(listener) for _ in range(MAX_WAITING_REFUSALS)]
    assert not any(each.is_dropped for each in told)
    assert Caller(listener).is_dropped
