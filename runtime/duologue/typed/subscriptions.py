"""Events of the other side, as they come: to a handler, or to be iterated."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeAlias, TypeGuard, TypeVar

from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DuologueError,
    InvalidParams,
    Unimplemented,
    UnknownError,
)
from duologue.promisifier.failures import describe_failure, describe_incident
from duologue.promisifier.handlers import Outcome, UnreadableArguments
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.served_call import ServedCall
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.control import (
    SUBSCRIBE,
    Notified,
    Subscribe,
    Subscribed,
    read_subscribed,
    subscribe_args,
    unsubscribe_args,
)
from duologue.protocol.hello import CONTROL_SERVICE
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split
from duologue.protocol.replay import Cursor
from duologue.typed.audience import Peer
from duologue.typed.contract import Event
from duologue.typed.declared_errors import runtime_error

E = TypeVar("E")

EventHandler: TypeAlias = Callable[[E], Awaitable[None] | None]
"""Told of each event: a plain function, which must not block, or an async one."""

DEFAULT_QUEUE_EVENTS: Final = 256
"""Events that wait for the iterator of a `Subscription`; above it the oldest is dropped."""

_OPTIONS: Final = CallOptions()

_log: Final = logging.getLogger("duologue")


class Subscription(Generic[E]):
    """Events of one kind from one peer, from now until it is closed.

    With a handler, that is told of each event, one after the other and in order: the next one waits
    until an async handler has returned. Without one, iterate it in `async with`. Either way up to
    `max_waiting` events wait, then the oldest is dropped and `missed` counts it. The iteration ends
    when the subscription or the connection is closed. What a handler raises is logged.

    Entering the block, or the first iteration, waits until the other side has agreed, and raises
    what it says if it does not. Over another connection (`reconnect=True`) the subscription goes on
    where it was: each event comes once, or `gaps` counts that some may be missing.
    """

    def __init__(
        self,
        peer: Peer,
        event: Event[..., E],
        handler: EventHandler[E] | None,
        *,
        key: bytes | None,
        replay: int,
        max_waiting: int,
    ) -> None:
        self.missed = 0
        """Events dropped because the iteration, the handler or the line did not keep up."""
        self.gaps = 0
        """Times at which events may have been lost that nobody can count: the provider was another
        one, or did not keep enough of them."""
        self._peer = peer
        self._event = event
        self._handler = handler
        self._key = key
        self._replay = replay
        self._max_waiting = max_waiting
        self._waiting: deque[E] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        """Runs an async handler, until nothing waits for it."""
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._cursor: Cursor | None = None
        """What has come; what of it waits here is not asked for again."""
        self._subscription: int | None = None
        self._receiver: _Receiver[E] | None = None
        self._closed = False
        self.failure: DuologueError | None = None
        """Why the other side has refused or ended it; None if it has not."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def close(self) -> None:
        """Receive no more. What waits can still be iterated; a handler that runs may finish."""
        if self._closed:
            return
        subscription = self._subscription
        self._finish(None)
        if subscription is not None and self._peer.is_connected:
            asking = _Ask(self._event, f"the end of {self._event.full_name}")
            self._peer.start_call(asking, unsubscribe_args(subscription), asking, _OPTIONS)

    def _finish(self, failure: DuologueError | None) -> None:
        self._closed = True
        self.failure = failure
        self._peer.subscriptions.leave(self)
        if self._subscription is not None:
            self._peer.subscriptions.unroute(self._subscription)
            self._subscription = None
        if self._receiver is not None:
            self._receiver.remove(self)
            self._receiver = None
        if self._handler is not None:
            self._waiting.clear()
        if not self._opened.done():
            if failure is None:
                self._opened.set_result(None)
            else:
                self._opened.set_exception(failure)
                # With a handler nobody may ask.
                self._opened.exception()
        self._wake()

    # -- for the peer ---------------------------------------------------------------------------

    def end(self) -> None:
        """The peer is closed: as `close`, and a handler that runs is cancelled."""
        if not self._closed:
            self._finish(None)
        if self._task is not None:
            self._task.cancel()

    def renew(self) -> None:
        """See `Listener`.

        Raises:
            ContractMismatch: the other side offers the service by another contract.
            ServiceIdTaken: a base peer would tell it under a number where this side serves.
        """
        self._subscription = None
        if self._receiver is not None:
            self._receiver.remove(self)
            self._receiver = None
        peer, event = self._peer, self._event
        if not peer.counterpart.has(SUBSCRIBE):
            self._receiver = _receiver_for(peer, event)
            self._receiver.add(self)
            self._agree()
            return
        number = event.id
        if event.contract is not None:
            number += peer.counterpart.base_of(event.contract)
        wish = Subscribe(number, self._key, self._replay, self._cursor)
        asking = _Asking(self)
        peer.start_call(asking, subscribe_args(wish), asking, _OPTIONS).add_done_callback(
            asking.note_settled
        )

    def agreed(self, answer: Subscribed) -> None:
        """The other side has agreed; its next message is not read yet."""
        if self._closed:
            return
        self._subscription = answer.subscription
        self._peer.subscriptions.route(answer.subscription, self)
        if answer.gap:
            self.gaps += 1
            _log.warning("events of %s may have been lost", self._event.full_name)
        if self._cursor is None or answer.gap or answer.cursor.epoch != self._cursor.epoch:
            self._cursor = answer.cursor
        self._agree()

    def refused(self, error: DuologueError) -> None:
        """The other side has not agreed."""
        if self._closed:
            return
        if isinstance(error, ConnectionClosed):
            # The next connection is asked again.
            return
        if self._handler is not None or self._opened.done():
            _log.error("the subscription of %s has ended: %s", self._event.full_name, error)
        self._finish(error)

    def _agree(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def receive(self, event: Notified) -> None:
        """See `Listener`."""
        if event.end is not None:
            self.refused(UnknownError(event.end.message, code=event.end.code))
            return
        self.missed += event.missed
        if self._cursor is not None:
            self._cursor = Cursor(self._cursor.epoch, event.seq)
        try:
            payload = self._event.payload.decode(self._event.full_name, b"[%b]" % event.data)
        except (BadFrame, InvalidParams) as error:
            _log.warning("an event does not fit its contract: %s", error)
            self.missed += 1
            return
        self.deliver(payload)

    def wants(self, data: bytes) -> bool:
        """Whether an event with this payload, JSON, is one of those it subscribes to."""
        return self._key is None or self._event.key_of(data) == self._key

    def deliver(self, payload: E) -> None:
        """One event has come."""
        if self._handler is not None and self._task is None:
            later = self._begin(self._handler, payload)
            if later is not None:
                self._task = asyncio.get_running_loop().create_task(
                    self._go_on(self._handler, later)
                )
            return
        if len(self._waiting) >= self._max_waiting:
            self._waiting.popleft()
            self.missed += 1
        self._waiting.append(payload)
        self._wake()

    def _begin(self, handler: EventHandler[E], payload: E) -> Awaitable[None] | None:
        try:
            return handler(payload)
        except Exception as error:
            self._report(error)
            return None

    async def _go_on(self, handler: EventHandler[E], later: Awaitable[None] | None) -> None:
        try:
            while True:
                if later is not None:
                    try:
                        await later
                    except Exception as error:
                        self._report(error)
                if not self._waiting:
                    return
                later = self._begin(handler, self._waiting.popleft())
        finally:
            self._task = None

    def _report(self, error: Exception) -> None:
        describe_incident(error, f"a handler of {self._event.full_name}")

    def __aiter__(self) -> AsyncIterator[E]:
        if self._handler is not None:
            raise TypeError(
                f"{self._event.full_name} goes to a handler; there is nothing to iterate"
            )
        return self

    async def __anext__(self) -> E:
        if not self._opened.done() or self.failure is not None:
            await asyncio.shield(self._opened)
        while not self._waiting:
            if self._closed:
                if self.failure is not None:
                    raise self.failure
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._waiting.popleft()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.shield(self._opened)
        except BaseException:
            self.close()
            raise
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

    takes_parts = True

    def __init__(self, peer: Peer, event: Event[..., E]) -> None:
        self.name = event.full_name
        self.target = event
        self._peer = peer
        self._subscriptions: list[Subscription[E]] = []

    def is_for(self, event: object) -> bool:
        return self.target is event

    def add(self, subscription: Subscription[E]) -> None:
        self._subscriptions.append(subscription)

    def remove(self, subscription: Subscription[E]) -> None:
        self._subscriptions.remove(subscription)
        if not self._subscriptions:
            self._peer.subscriptions.remove(self)

    def close(self) -> None:
        """See `Subscriber`."""
        for subscription in tuple(self._subscriptions):
            subscription.end()

    def start(self, call: ServedCall[Peer]) -> Outcome:
        """See `Handler`."""
        try:
            payload = self.target.payload.decode(self.name, call.request.args)
        except BadFrame as error:
            raise UnreadableArguments(str(error)) from error
        except InvalidParams as error:
            _log.warning("an event does not fit its contract: %s", error)
            raise
        data = split(call.request.args)[0][1:-1] if call.request.args else b""
        for subscription in tuple(self._subscriptions):
            if subscription.wants(data):
                subscription.deliver(payload)
        return None

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        return describe_failure(error, self.name)


def _is_receiver(subscriber: object, event: Event[..., E]) -> TypeGuard[_Receiver[E]]:
    return isinstance(subscriber, _Receiver) and subscriber.is_for(event)


def _receiver_for(peer: Peer, event: Event[..., E]) -> _Receiver[E]:
    receiver = peer.subscriptions.find(event)
    if not _is_receiver(receiver, event):
        receiver = _Receiver(peer, event)
        peer.subscriptions.add(receiver, peer.counterpart)
    return receiver


class _Ask:
    """A control call about an event: its `Target`, and the `Reading` of its answer."""

    id = CONTROL_SERVICE
    contract = None
    may_be_repeated = False
    """Each connection is asked anew."""
    may_wait = False
    takes_parts = False

    def __init__(self, event: Event[..., Any], full_name: str) -> None:
        self._event = event
        self.full_name = full_name

    def decode_result(self, data: Payload | None) -> None:
        """Whatever it is."""

    def decode_stream(self, stream: ByteStream | TextStream) -> None:
        """A stream is no answer to a control call."""
        stream.cancel()
        raise BadFrame("a control call was answered by a stream")

    def decode_failure(self, failure: Failure) -> DuologueError:
        """Why not."""
        error = runtime_error(failure)
        if isinstance(error, Unimplemented):
            return Unimplemented(f"the other side offers no event {self._event.full_name}")
        return error


class _Asking(_Ask):
    """Asks for a subscription."""

    def __init__(self, subscription: Subscription[Any]) -> None:
        event = subscription._event
        super().__init__(event, f"the subscription of {event.full_name}")
        self._subscription = subscription

    def decode_result(self, data: Payload | None) -> None:
        """It is agreed, before the next message is read: that may be the first event."""
        self._subscription.agreed(read_subscribed(split(data)[0] if data else b""))

    def note_settled(self, call: "asyncio.Future[None]") -> None:
        """It is answered, or never will be."""
        error = None if call.cancelled() else call.exception()
        if isinstance(error, DuologueError):
            self._subscription.refused(error)


def subscribe(
    peer: Peer,
    event: Event[..., E],
    handler: EventHandler[E] | None,
    *,
    key: bytes | None = None,
    replay: int = 0,
    max_waiting: int = DEFAULT_QUEUE_EVENTS,
) -> Subscription[E]:
    """Receive an event from `peer` from now on; `key` is JSON.

    Raises:
        ContractMismatch: the other side offers the service by another contract.
        ServiceIdTaken: a base peer would tell it under a number where this side serves.
    """
    subscription = Subscription(
        peer, event, handler, key=key, replay=replay, max_waiting=max_waiting
    )
    # Else it is asked for as soon as it is known what the other side is.
    if peer.is_settled:
        subscription.renew()
    peer.subscriptions.join(subscription)
    return subscription
