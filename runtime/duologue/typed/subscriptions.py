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
            subscription.close()

    def start(self, call: ServedCall[Peer]) -> Outcome:
        """See `Handler`."""
        try:
            payload = self.target.payload.decode(self.name, call.request.args)
        except BadFrame as error:
            raise UnreadableArguments(str(error)) from error
        except InvalidParams as error:
            _log.warning("an event does not fit its contract: %s", error)
            raise
        answers = [each.deliver(payload) for each in tuple(self._subscriptions)]
        later = [answer for answer in answers if answer is not None]
        return self._finish(later) if later else None

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        if isinstance(error, InvalidParams):
            return describe_failure(error, self.name)
        return describe_incident(error, f"a handler of {self.name}")

    async def _finish(self, later: list[Awaitable[None]]) -> None:
        await asyncio.gather(*later)


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
