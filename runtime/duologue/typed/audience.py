"""Who is told of a service's events: what it says to whoever listens, without being asked.

A peer that knows how subscribes, and gets numbered events from a log that keeps some for those who
come late. To a base peer an event travels as an ordinary request to its number, base plus id; the
answer says only that it has come. If it answers that it has no such service, it is left in peace
for a while.
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
from duologue.limits import MAX_UNANSWERED_EVENTS, REFUSED_EVENT_PAUSE_S
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.control import SUBSCRIBE
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload
from duologue.typed.contract import Event
from duologue.typed.declared_errors import runtime_error
from duologue.typed.event_source import Source

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
    """The peers that a service is offered to, and who of them wants to be told of what."""

    def __init__(self) -> None:
        self._peers: dict[Peer, _Listener] = {}
        self._sources: dict[Event[..., Any], Source] = {}

    def source(self, event: Event[..., Any]) -> Source:
        """What peers subscribe to that know how."""
        source = self._sources.get(event)
        if source is None:
            source = self._sources[event] = Source(event)
        return source

    @property
    def unheard(self) -> dict[str, int]:
        """Events that nobody wanted, by the full name of their kind."""
        return {event.full_name: each.unheard for event, each in self._sources.items()}

    def add(self, peer: Peer) -> None:
        """Events for everybody go to `peer` too, until it is closed."""
        if peer not in self._peers:
            self._peers[peer] = _Listener()
            peer.on_closed(self._forget)

    def emit(
        self, event: Event[..., Any], number: int, payload: bytes, to: Peer | None = None
    ) -> None:
        """Send an encoded event, a JSON list of one, to one peer or to all who want it."""
        for peer in self._peers:
            peer.check_thread()
            break
        if to is not None:
            to.check_thread()
            self.add(to)
        source = self.source(event)
        told = source.publish(payload[1:-1] or b"{}", to)
        notice = Notice(event, number)
        peers = tuple(self._peers) if to is None else (to,)
        for peer in peers:
            # Who knows how to subscribe has done so, or does not want it.
            if not peer.counterpart.has(SUBSCRIBE):
                listener = self._peers.get(peer)
                if listener is not None:
                    told = listener.send(peer, notice, payload) or told
        if told:
            source.note_heard()
        else:
            source.note_unheard()

    def _forget(self, peer: Peer) -> None:
        self._peers.pop(peer, None)


class _Listener:
    """One peer of an audience: what it has refused, and what it has not answered yet."""

    __slots__ = ("_refused", "_unanswered")

    def __init__(self) -> None:
        self._refused: dict[int, tuple[int, float]] = {}
        """Numbers, with the connection on which they were refused, and until when that holds: on
        the next connection the other side may be a new process, and after a while it may listen."""
        self._unanswered = 0

    def send(self, peer: Peer, notice: Notice, payload: bytes) -> bool:
        """Send it, unless it is not wanted; returns whether that may be so."""
        number = notice.id
        loop = asyncio.get_running_loop()
        if number in self._refused:
            refused_on, until_s = self._refused[number]
            if refused_on == peer.conn_id and loop.time() < until_s:
                return False
        # Whoever falls behind misses events and delays nobody; the counter tells.
        if self._unanswered >= MAX_UNANSWERED_EVENTS or peer.is_congested:
            peer.count_dropped_event()
            return True
        call = peer.start_call(notice, payload, notice, _OPTIONS)
        self._unanswered += 1
        conn_id = peer.conn_id

        def answered(settled: "asyncio.Future[None]") -> None:
            self._unanswered -= 1
            error = settled.exception()
            if isinstance(error, Unimplemented):
                self._refused[number] = (conn_id, loop.time() + REFUSED_EVENT_PAUSE_S)
            elif isinstance(error, LimitExceeded):
                peer.count_dropped_event()
            elif isinstance(error, CallError):
                _log.warning("%s was refused by a listener: %s", notice.full_name, error)
            elif error is not None and not isinstance(error, ConnectionClosed):
                _log.error("%s could not be sent", notice.full_name, exc_info=error)

        call.add_done_callback(answered)
        return True
