"""Events: what a service tells whoever listens, without being asked (base form).

An event travels as an ordinary request to its number, base plus id, at the listening side; the
answer says only that it has come. A side that listens serves that number, a side that does not is
told about once, answers that it has no such service, and is left in peace from then on. So events
work with peers that know nothing of contracts.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Generic, ParamSpec, Self, TypeAlias, TypeGuard, TypeVar

from duologue.errors import (
    BadFrame,
    CallError,
    ConnectionClosed,
    DuologueError,
    InvalidParams,
    LimitExceeded,
    Unimplemented,
)
from duologue.limits import MAX_UNANSWERED_EVENTS
from duologue.promisifier.failures import describe_failure, describe_incident
from duologue.promisifier.handlers import Outcome, UnreadableArguments
from duologue.promisifier.own_call import BaseOf
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload
from duologue.typed.contract import ServiceContract, runtime_error
from duologue.typed.params import Params

A = ParamSpec("A")
E = TypeVar("E")

Peer: TypeAlias = WebsocketPromisifier
"""One end of a conversation, as generated code calls it."""

EventHandler: TypeAlias = Callable[[E], Awaitable[None] | None]
"""Told of each event: a plain function, which must not block, or an async one."""

DEFAULT_QUEUE_EVENTS: Final = 256
"""Events that wait for the iterator of a `Subscription`; above it the oldest is dropped."""

_log = logging.getLogger("duologue")


class Event(Generic[A, E]):
    """An event of a contract: its number and what it carries."""

    def __init__(self, *, id: int, name: str, payload: Params[A, E]) -> None:
        self.id = id
        self.name = name
        self.full_name = name
        """`chat.rooms.v1.Rooms/message_posted`, once it is part of a `ServiceContract`."""
        self.payload = payload
        self.contract: ServiceContract | None = None
        """Whose event it is."""

    # An event is read like a call without a result: see `Reading`.

    takes_parts = False

    def decode_result(self, data: Payload | None) -> None:
        """Whatever a listener answers means that the event has come."""

    def decode_stream(self, stream: ByteStream | TextStream) -> None:
        """A stream means no more than any other answer."""
        stream.cancel()

    def decode_failure(self, failure: Failure) -> DuologueError:
        """Why a listener did not take the event."""
        return runtime_error(failure)

    @property
    def may_be_repeated(self) -> bool:
        """A listener hears of each event at most once."""
        return False

    def number(self, base_of: BaseOf) -> None:
        """Events are numbered by the side that sends them."""


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
        if to is not None:
            self.add(to)
        peers = tuple(self._peers) if to is None else (to,)
        for peer in peers:
            listener = self._peers.get(peer)
            if listener is not None:
                listener.send(peer, event, number, payload)

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

    def send(self, peer: Peer, event: Event[..., Any], number: int, payload: bytes) -> None:
        if number in self._refused and self._refused[number] == peer.conn_id:
            return
        # Whoever falls behind misses events and delays nobody; the counter tells.
        if self._unanswered >= MAX_UNANSWERED_EVENTS or peer.is_congested:
            peer.count_dropped_event()
            return
        call = peer.start_call(number, payload, event, peer.limits.call_timeout_s)
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
                _log.warning("%s was refused by a listener: %s", event.full_name, error)
            elif error is not None and not isinstance(error, ConnectionClosed):
                _log.error("%s could not be sent", event.full_name, exc_info=error)

        call.add_done_callback(answered)


class Subscription(Generic[E]):
    """Events of one kind from one peer, from now until it is closed.

    With a handler, that is told of each event. Without one, iterate it in `async with`; up to
    `max_waiting` events wait for the loop body, then the oldest is dropped and `missed` counts it.
    The iteration ends when the subscription or the connection is closed.
    """

    def __init__(
        self,
        event: Event[..., E],
        receiver: "_Receiver[E]",
        handler: EventHandler[E] | None,
        max_waiting: int,
    ) -> None:
        self.missed = 0
        """Events dropped because the iteration did not keep up."""
        self._event = event
        self._receiver = receiver
        self._handler = handler
        self._max_waiting = max_waiting
        self._waiting: deque[E] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def close(self) -> None:
        """Receive no more. What waits can still be iterated."""
        if not self._closed:
            self._closed = True
            self._receiver.remove(self)
            self._wake()

    def deliver(self, payload: E) -> Awaitable[None] | None:
        """One event has come; the result is to be awaited if there is one."""
        if self._handler is not None:
            return self._handler(payload)
        if len(self._waiting) >= self._max_waiting:
            self._waiting.popleft()
            self.missed += 1
        self._waiting.append(payload)
        self._wake()
        return None

    def __aiter__(self) -> AsyncIterator[E]:
        if self._handler is not None:
            raise TypeError(
                f"{self._event.full_name} goes to a handler; there is nothing to iterate"
            )
        return self

    async def __anext__(self) -> E:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._waiting.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Receiver(Generic[E]):
    """The handler under an event's number: hands each event to all subscriptions of one peer."""

    def __init__(self, peer: Peer, number: int, event: Event[..., E]) -> None:
        self.name = event.full_name
        self.takes_parts = True
        self.event = event
        self._peer = peer
        self._number = number
        self._subscriptions: list[Subscription[E]] = []

    def is_for(self, event: object) -> bool:
        return self.event is event

    def add(self, subscription: Subscription[E]) -> None:
        self._subscriptions.append(subscription)

    def remove(self, subscription: Subscription[E]) -> None:
        self._subscriptions.remove(subscription)
        if not self._subscriptions and self._peer.handler(self._number) is self:
            self._peer.remove_service(self._number)

    def wanted_number(self, base_of: BaseOf) -> int:
        """See `MovingHandler`."""
        contract = self.event.contract
        return self._number if contract is None else base_of(contract) + self.event.id

    def move(self, number: int) -> None:
        """See `MovingHandler`."""
        self._number = number

    def close(self, _peer: Peer) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def start(self, args: Payload | None, peer: Peer, takes_parts: bool = False) -> Outcome:
        try:
            payload = self.event.payload.decode(self.name, args)
        except BadFrame as error:
            raise UnreadableArguments(str(error)) from error
        except InvalidParams as error:
            _log.warning("an event does not fit its contract: %s", error)
            raise
        answers = [each.deliver(payload) for each in tuple(self._subscriptions)]
        later = [answer for answer in answers if answer is not None]
        return self._finish(later) if later else None

    def failure(self, error: Exception) -> Failure:
        if isinstance(error, InvalidParams):
            return describe_failure(error, self.name)
        return describe_incident(error, f"a handler of {self.name}")

    async def _finish(self, later: list[Awaitable[None]]) -> None:
        await asyncio.gather(*later)


def _is_receiver(handler: object, event: Event[..., E]) -> TypeGuard[_Receiver[E]]:
    return isinstance(handler, _Receiver) and handler.is_for(event)


def subscribe(
    peer: Peer,
    number: int,
    event: Event[..., E],
    handler: EventHandler[E] | None,
    max_waiting: int = DEFAULT_QUEUE_EVENTS,
) -> Subscription[E]:
    """Receive an event from `peer` from now on.

    Raises:
        ServiceIdTaken: this side serves something else under the event's number.
    """
    receiver = peer.handler(number)
    if not _is_receiver(receiver, event):
        receiver = _Receiver(peer, number, event)
        peer.add_handlers({number: receiver})
        peer.on_closed(receiver.close)
    subscription = Subscription(event, receiver, handler, max_waiting)
    receiver.add(subscription)
    return subscription
