"""Events of the other side, as they come: to a handler, or to be iterated."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar

from duologue.connection.base import CLOSE_CODE_LOST
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DuologueError,
    GoingAway,
    InvalidParams,
    UnknownError,
)
from duologue.promisifier.failures import describe_incident
from duologue.promisifier.own_call import check_thread
from duologue.protocol.control import SUBSCRIBE, Notified, Subscribe, Subscribed
from duologue.protocol.replay import Cursor
from duologue.typed.asking import ask_for, ask_to_end
from duologue.typed.audience import Peer
from duologue.typed.base_events import Receiver, receiver_for
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
        self._receiver: Receiver[E] | None = None
        self._closed = False
        self.failure: DuologueError | None = None
        """Why the other side has refused or ended it; None if it has not."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def close(self) -> None:
        """Receive no more. What waits can still be iterated; a handler that runs may finish.

        Raises:
            RuntimeError: this is another thread than the event loop's; nothing has been done.
        """
        if self._closed:
            return
        check_thread(self._opened.get_loop())
        subscription = self._subscription
        self._finish(None)
        if self._handler is not None:
            self._waiting.clear()
        if subscription is not None and self._peer.is_connected:
            ask_to_end(self._peer, self._event, subscription)

    def _finish(self, failure: DuologueError | None) -> None:
        self._closed = True
        self.failure = failure
        self._peer.subscriptions.leave(self)
        if self._subscription is not None:
            self._peer.subscriptions.unroute(self._subscription)
            self._subscription = None
        self._leave_receiver()
        if not self._opened.done():
            if failure is None:
                self._opened.set_result(None)
            else:
                self._opened.set_exception(failure)
                # With a handler nobody may ask.
                self._opened.exception()
        self._wake()

    def _leave_receiver(self) -> None:
        if self._receiver is not None:
            self._receiver.remove(self)
            self._receiver = None

    # -- for the peer ---------------------------------------------------------------------------

    def end(self) -> None:
        """The peer is closed: as `close`, and a handler that runs is cancelled."""
        if not self._closed:
            self._finish(None if self._opened.done() else _closed_before(self._event))
        if self._handler is not None:
            self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    @property
    def name(self) -> str:
        """Of the event: `chat.rooms.v1.Rooms/message_posted`."""
        return self._event.full_name

    def renew(self) -> None:
        """See `Listener`.

        Raises:
            ContractMismatch: the other side offers the service by another contract.
            ServiceIdTaken: a base peer would tell it under a number where this side serves.
        """
        if self._closed:
            return
        self._subscription = None
        self._leave_receiver()
        peer, event = self._peer, self._event
        if not peer.counterpart.has(SUBSCRIBE):
            self._receiver = receiver_for(peer, event)
            self._receiver.add(self)
            self._agree()
            return
        number = event.id
        if event.contract is not None:
            number += peer.counterpart.base_of(event.contract)
        wish = Subscribe(number, self._key, self._replay, self._cursor)
        ask_for(peer, event, wish, self)

    def agreed(self, answer: Subscribed) -> None:
        """The other side has agreed; its next message is not read yet."""
        if self._closed:
            ask_to_end(self._peer, self._event, answer.subscription)
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
        if isinstance(error, ConnectionClosed | GoingAway):
            # The next connection is asked again; if none comes, that is told as an end.
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
        if event.data is None:
            _log.warning("an event of %s is larger than this side reads", self._event.full_name)
            self.missed += 1
            return
        try:
            payload = self._event.payload.decode(self._event.full_name, b"[%b]" % event.data)
        except (BadFrame, InvalidParams) as error:
            contract = self._event.contract
            if contract is not None and isinstance(error, InvalidParams):
                error.digests = self._peer.counterpart.digests_of(contract)
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
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # The application's own code; panics of extensions are no `Exception`.
            self._report(error)
            return None

    async def _go_on(self, handler: EventHandler[E], later: Awaitable[None] | None) -> None:
        try:
            while True:
                if later is not None:
                    try:
                        await later
                    except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit):
                        raise
                    except BaseException as error:
                        # The application's own code, too.
                        self._report(error)
                if not self._waiting:
                    return
                later = self._begin(handler, self._waiting.popleft())
        finally:
            self._task = None

    def _report(self, error: BaseException) -> None:
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
            # Cancellation included: nobody would close it.
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


def _closed_before(event: Event[..., Any]) -> ConnectionClosed:
    reason = f"the other side had not agreed to the subscription of {event.full_name} before"
    return ConnectionClosed(CLOSE_CODE_LOST, reason, sent="unknown")


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
        RuntimeError: this is another thread than the event loop's.
    """
    peer.check_thread()
    subscription = Subscription(
        peer, event, handler, key=key, replay=replay, max_waiting=max_waiting
    )
    if peer.subscriptions.is_closed:
        # Nobody will be there to end it.
        subscription.end()
        return subscription
    # Else it is asked for as soon as it is known what the other side is.
    is_asked = peer.is_settled
    if is_asked:
        subscription.renew()
    peer.subscriptions.join(subscription, is_asked=is_asked)
    return subscription
