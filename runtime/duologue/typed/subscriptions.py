"""Events of the other side, as they come: to a handler, or to be iterated."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Final, Generic, Self, TypeAlias, TypeGuard, TypeVar

from duologue.errors import BadFrame, InvalidParams
from duologue.promisifier.failures import describe_failure, describe_incident
from duologue.promisifier.handlers import Outcome, UnreadableArguments
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.messages import Failure
from duologue.typed.audience import Peer
from duologue.typed.contract import Event

E = TypeVar("E")

EventHandler: TypeAlias = Callable[[E], Awaitable[None] | None]
"""Told of each event: a plain function, which must not block, or an async one."""

DEFAULT_QUEUE_EVENTS: Final = 256
"""Events that wait for the iterator of a `Subscription`; above it the oldest is dropped."""

_log: Final = logging.getLogger("duologue")


class Subscription(Generic[E]):
    """Events of one kind from one peer, from now until it is closed.

    With a handler, that is told of each event, one after the other and in order: the next one waits
    until an async handler has returned. Without one, iterate it in `async with`. Either way up to
    `max_waiting` events wait, then the oldest is dropped and `missed` counts it. The iteration ends
    when the subscription or the connection is closed. What a handler raises is logged.
    """

    def __init__(
        self,
        event: Event[..., E],
        receiver: "_Receiver[E]",
        handler: EventHandler[E] | None,
        max_waiting: int,
    ) -> None:
        self.missed = 0
        """Events dropped because the iteration, or the handler, did not keep up."""
        self._event = event
        self._receiver = receiver
        self._handler = handler
        self._max_waiting = max_waiting
        self._waiting: deque[E] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        """Runs an async handler, until nothing waits for it."""
        self._closed = False

    def close(self) -> None:
        """Receive no more. What waits can still be iterated; a handler that runs may finish."""
        if not self._closed:
            self._closed = True
            self._receiver.remove(self)
            if self._handler is not None:
                self._waiting.clear()
            self._wake()

    def end(self) -> None:
        """The peer is closed: as `close`, and a handler that runs is cancelled."""
        self.close()
        if self._task is not None:
            self._task.cancel()

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
        for subscription in tuple(self._subscriptions):
            subscription.deliver(payload)
        return None

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        return describe_failure(error, self.name)


def _is_receiver(subscriber: object, event: Event[..., E]) -> TypeGuard[_Receiver[E]]:
    return isinstance(subscriber, _Receiver) and subscriber.is_for(event)


def subscribe(
    peer: Peer,
    event: Event[..., E],
    handler: EventHandler[E] | None,
    max_waiting: int = DEFAULT_QUEUE_EVENTS,
) -> Subscription[E]:
    """Receive an event from `peer` from now on.

    Raises:
        ContractMismatch: the other side offers the service by another contract.
        ServiceIdTaken: this side serves something else under the event's number.
    """
    receiver = peer.subscriptions.find(event)
    if not _is_receiver(receiver, event):
        receiver = _Receiver(peer, event)
        peer.subscriptions.add(receiver, peer.counterpart)
    subscription = Subscription(event, receiver, handler, max_waiting)
    receiver.add(subscription)
    return subscription
