"""Who is told of a service's events: what it says to whoever listens, without being asked.

An event travels as an ordinary request to its number, base plus id, at the listening side; the
answer says only that it has come. A side that listens serves that number, a side that does not is
told about once, answers that it has no such service, and is left in peace from then on. So events
work with peers that know nothing of contracts.
"""

import asyncio
import logging
from typing import Any, Final, TypeAlias

from duologue.errors import (
    CallError,
    ConnectionClosed,
    DuologueError,
    LimitExceeded,
    Unimplemented,
)
from duologue.limits import MAX_UNANSWERED_EVENTS
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload
from duologue.typed.contract import Event
from duologue.typed.declared_errors import runtime_error

Peer: TypeAlias = WebsocketPromisifier
"""One end of a conversation, as generated code calls it."""

_OPTIONS: Final = CallOptions()

_log: Final = logging.getLogger("duologue")


class Notice:
    """One event on its way: the `Target` and the `Reading` of the request that carries it."""

    contract = None
    """Events are numbered by the side that sends them."""
    may_be_repeated = False
    may_wait = False
    """Whoever has fallen behind misses events; they are not kept."""
    takes_parts = False

    def __init__(self, event: Event[..., Any], number: int) -> None:
        self.id = number
        self.full_name = event.full_name

    def decode_result(self, data: Payload | None) -> None:
        """Whatever a listener answers means that the event has come."""

    def decode_stream(self, stream: ByteStream | TextStream) -> None:
        """A stream means no more than any other answer."""
        stream.cancel()

    def decode_failure(self, failure: Failure) -> DuologueError:
        """Why a listener did not take the event."""
        return runtime_error(failure)


class Audience:
    """The peers that a service is offered to, and which events they do not want."""

    def __init__(self) -> None:
        self._peers: dict[Peer, _Listener] = {}

    def add(self, peer: Peer) -> None:
        """Events for everybody go to `peer` too, until it is closed."""
        if peer not in self._peers:
            self._peers[peer] = _Listener()
            peer.on_closed(self._forget)

    def emit(
        self, event: Event[..., Any], number: int, payload: bytes, to: Peer | None = None
    ) -> None:
        """Send an encoded event to one peer, or to all."""
        for peer in self._peers:
            peer.check_thread()
            break
        if to is not None:
            to.check_thread()
            self.add(to)
        notice = Notice(event, number)
        peers = tuple(self._peers) if to is None else (to,)
        for peer in peers:
            listener = self._peers.get(peer)
            if listener is not None:
                listener.send(peer, notice, payload)

    def _forget(self, peer: Peer) -> None:
        self._peers.pop(peer, None)


class _Listener:
    """One peer of an audience: what it has refused, and what it has not answered yet."""

    __slots__ = ("_refused", "_unanswered")

    def __init__(self) -> None:
        self._refused: dict[int, int] = {}
        """Numbers, with the connection on which they were refused: on the next one the other side
        may be a new process, which listens."""
        self._unanswered = 0

    def send(self, peer: Peer, notice: Notice, payload: bytes) -> None:
        number = notice.id
        if number in self._refused and self._refused[number] == peer.conn_id:
            return
        # Whoever falls behind misses events and delays nobody; the counter tells.
        if self._unanswered >= MAX_UNANSWERED_EVENTS or peer.is_congested:
            peer.count_dropped_event()
            return
        call = peer.start_call(notice, payload, notice, _OPTIONS)
        self._unanswered += 1
        conn_id = peer.conn_id

        def answered(settled: "asyncio.Future[None]") -> None:
            self._unanswered -= 1
            error = settled.exception()
            if isinstance(error, Unimplemented):
                self._refused[number] = conn_id
            elif isinstance(error, LimitExceeded):
                peer.count_dropped_event()
            elif isinstance(error, CallError):
                _log.warning("%s was refused by a listener: %s", notice.full_name, error)
            elif error is not None and not isinstance(error, ConnectionClosed):
                _log.error("%s could not be sent", notice.full_name, exc_info=error)

        call.add_done_callback(answered)
