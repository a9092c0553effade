"""A peer that outlives its connection (`reconnect=True`)."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from duologue.connection.base import CLOSE_CODE_LOST, CLOSE_CODE_NORMAL, Connection
from duologue.errors import (
    ConnectionClosed,
    ContractMismatch,
    DuologueError,
    IdentityMismatch,
    LimitExceeded,
    Sent,
    ServiceIdTaken,
)
from duologue.limits import MAX_TIMES_SENT, Limits
from duologue.promisifier.conversation import Ending
from duologue.promisifier.handlers import Handler
from duologue.promisifier.negotiation import ContractOfService, Negotiation
from duologue.promisifier.own_call import BaseOf, Call, Reading
from duologue.promisifier.parked_calls import KeptCall, Parked, too_late
from duologue.promisifier.promise import CloseStatus
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.closing import close_text
from duologue.protocol.parcels import Parcel, Payload

T = TypeVar("T")

Greet = Callable[["ReconnectingPromisifier", Connection], None]
"""Says hello over a new connection, where that is done."""

_log: Final = logging.getLogger("duologue")


class Stage(Enum):
    """How far the peer is with the present connection."""

    READY = auto()
    """Calls leave at once."""
    AWAY = auto()
    """There is none."""
    GREETING = auto()
    """There is one; the other side has not said yet how its services are numbered."""
    RESENDING = auto()
    """Numbers are known, and parked calls leave one after the other."""


@runtime_checkable
class MovingHandler(Handler, Protocol):
    """A handler under a number that the other side chooses: that of an event it sends."""

    def wanted_number(self, base_of: BaseOf) -> int:
        """Where it belongs now.

        Raises:
            ContractMismatch: the other side offers the service by another contract.
        """
        ...

    def move(self, number: int) -> None:
        """It is served under this number from now on."""
        ...

    def close(self, _peer: WebsocketPromisifier, /) -> None:
        """It is served no more."""
        ...


class ReconnectingPromisifier(WebsocketPromisifier):
    """One end of a conversation that goes on over another connection when one is lost.

    Services, subscriptions and counters stay; `conn_id`, `remote_key` and `remote_address` are
    those of the present connection, or of the last. Calls that are made meanwhile wait. Whoever
    owns it waits for `went_away`, finds a connection, and hands it to `go_on`. `promise` settles
    when it is closed by this side, or given up.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._stage = Stage.READY
        self._is_over = False
        """No connection will follow the present one."""
        self._is_draining = False
        self._serials = itertools.count()
        self._went_away = asyncio.Event()
        super().__init__(connection, limits)
        self._parked = Parked(self._loop)

    # -- what the owner does --------------------------------------------------------------------

    async def went_away(self) -> None:
        """Wait until the connection is closed and another one is wanted."""
        await self._went_away.wait()

    async def go_on(self, connection: Connection, greet: Greet) -> None:
        """Converse over `connection`, which is open and new.

        Returns when everything that was parked has left, or the connection is closed again.
        """
        self._went_away.clear()
        self._counters.reconnects_total += 1
        self._stage = Stage.GREETING
        self._conversation = self._converse(connection)
        greet(self, connection)
        self.start()
        if self._is_draining:
            # Nothing runs yet: this only shuts the door, and returns at once.
            await self._conversation.drain(0)
        await self.negotiated()
        if self._stage is Stage.GREETING:
            # A base peer: its services are where our contracts say.
            self._renumber()
        await self._resend()

    def give_up(self, cause: BaseException) -> None:
        """No other connection will come: fail what is parked, and the promise, because of it."""
        if self._is_over:
            return
        self._is_over = True
        if self._stage is not Stage.AWAY:
            super().close("it cannot be made anew")
            return
        reason = f"not connected again: {cause}"
        pending = self._fail_parked(reason, cause)
        sent: Sent = "no" if all(each.was_sent == "no" for each in pending) else "unknown"
        closed = ConnectionClosed(
            CLOSE_CODE_LOST, reason, stats=self._stats.snapshot(), pending=_ids(pending), sent=sent
        )
        closed.__cause__ = cause
        self._settle(closed)

    # -- the peer, as everywhere ----------------------------------------------------------------

    def start_call(
        self,
        service_id: int,
        args: Payload,
        reading: Reading[T],
        timeout_s: float | None,
        takes_parts: bool = False,
    ) -> Call[T]:
        """As everywhere; without a connection the request waits for one, within its deadline."""
        call = KeptCall(self._loop, service_id, reading, self, args, timeout_s, next(self._serials))
        if self._is_over or (self._stage is Stage.READY and self.is_connected):
            self._send(call, args, takes_parts)
            return call
        in_flight = len(self._parked) + self._conversation.in_flight
        if in_flight >= self._limits.max_open_calls:
            call.fail(LimitExceeded("max_open_calls", self._limits.max_open_calls, in_flight + 1))
        else:
            self._parked.add(call)
        return call

    def close(self, reason: str | None = None) -> None:
        """As everywhere. No connection will follow; without one, it is closed when this returns."""
        was_over, self._is_over = self._is_over, True
        if self._stage is not Stage.AWAY:
            super().close(reason)
        elif not was_over:
            text = close_text(reason)
            pending = self._fail_parked(text, None)
            stats = self._stats.snapshot()
            self._settle(CloseStatus(CLOSE_CODE_NORMAL, text, stats, _ids(pending)))

    async def drain(self, timeout_s: float) -> None:
        """As everywhere; connections that follow refuse calls too."""
        self._is_draining = True
        await super().drain(timeout_s)

    def negotiate(self, negotiation: Negotiation) -> None:
        """As everywhere. What was found of the other side's numbers is kept until it says more."""
        known = dict(self.bases)
        super().negotiate(negotiation)
        self.bases.update(known)

    def on_introduced(self) -> None:
        """As everywhere; what depends on the other side's numbers is moved."""
        self._renumber()

    def base_of(self, contract: ContractOfService) -> int:
        """As everywhere; while nobody can say, where it was last. Calls are numbered on leaving."""
        if self._stage in (Stage.AWAY, Stage.GREETING):
            return self.bases.get(contract, contract.base)
        return super().base_of(contract)

    @property
    def is_congested(self) -> bool:
        """As everywhere; events are not kept for a side that is away."""
        return self._stage is not Stage.READY or not self.is_connected or super().is_congested

    def on_call_cancelled(self, call: Call[Any]) -> None:
        """See `CallOwner`."""
        if not self._parked.remove(call):
            super().on_call_cancelled(call)

    # -- conversations come and go --------------------------------------------------------------

    def on_unanswered(self, call: Call[Any], error: ConnectionClosed) -> None:
        """As everywhere, unless the call may leave over the next connection."""
        if not isinstance(call, KeptCall):
            # Our hello: the next connection has one of its own.
            super().on_unanswered(call, error)
            return
        call.note_lost(error.sent)
        error.sent = call.was_sent
        if self._may_leave_later(call, error) and not self._ends_for_good:
            self._parked.add(call)
        else:
            super().on_unanswered(call, error)

    def on_conversation_end(self, ending: Ending) -> None:
        """As everywhere, if no connection is to follow."""
        self._stage = Stage.AWAY
        if not self._ends_for_good:
            self._went_away.set()
            return
        self._is_over = True
        connection = ending.connection
        parked = self._fail_parked(connection.close_reason, connection.failure)
        super().on_conversation_end(replace(ending, pending=(*ending.pending, *_ids(parked))))

    @property
    def _ends_for_good(self) -> bool:
        # Whoever is at the other end has proved to be somebody else, and will be the next time.
        failure = self._conversation.connection.failure
        return self._is_over or isinstance(failure, IdentityMismatch)

    def _may_leave_later(self, call: KeptCall[Any], error: ConnectionClosed) -> bool:
        if call.was_sent == "no":
            return True
        return call.reading.may_be_repeated and call.times_sent < MAX_TIMES_SENT

    def _send(self, call: KeptCall[Any], args: Payload, takes_parts: bool) -> None:
        asked_s = call.timeout_s
        self._conversation.send(call, args, call.remaining_s(), takes_parts)
        call.timeout_s = asked_s
        if call not in self._parked and not call.reading.may_be_repeated:
            call.args = None

    async def _resend(self) -> None:
        """Send what is parked, no faster than the connection takes it."""
        connection = self._conversation.connection
        self._parked.sort()
        while self.is_connected:
            if not self._parked:
                self._stage = Stage.READY
                return
            call = self._parked.take()
            if not self._leave(call):
                return
            if super().is_congested:
                await connection.drained()

    def _leave(self, call: KeptCall[Any]) -> bool:
        """Send a call that was parked; returns whether the next one can follow."""
        remaining_s = call.remaining_s()
        if remaining_s is not None and remaining_s <= 0:
            call.fail_quietly(too_late(call))
            return True
        try:
            number = call.reading.number(self.base_of)
        except ContractMismatch as error:
            call.fail(error)
            return True
        if number is not None:
            call.service_id = number
        assert call.args is not None
        sends_parts = call.reading.contract in self.part_takers
        if isinstance(call.args, Parcel) and not sends_parts:
            reason = "the other side takes no large bytes any more"
            call.fail(self._conversation.aborted(call, call.was_sent, reason))
            return True
        if call.times_sent:
            self._counters.requests_repeated += 1
        self._send(call, call.args, sends_parts and call.reading.takes_parts)
        return call not in self._parked

    def _renumber(self) -> None:
        """The other side is known: serve its events where it sends them, and forget old numbers."""
        if self._stage is Stage.GREETING:
            self._stage = Stage.RESENDING
        self.bases.clear()
        placed: dict[int, Handler] = {
            number: handler
            for number, handler in self._handlers.items()
            if not isinstance(handler, MovingHandler)
        }
        homeless: list[tuple[MovingHandler, DuologueError]] = []
        for handler in self._handlers.values():
            if not isinstance(handler, MovingHandler):
                continue
            try:
                number = handler.wanted_number(self.base_of)
                if number in placed:
                    raise ServiceIdTaken(number, placed[number].name, handler.name)
            except (ContractMismatch, ServiceIdTaken) as error:
                homeless.append((handler, error))
            else:
                handler.move(number)
                placed[number] = handler
        # In place: the conversation serves from this very object.
        self._handlers.clear()
        self._handlers.update(placed)
        for handler, why in homeless:
            _log.error("the subscription of %s has ended: %s", handler.name, why)
            handler.close(self)

    def _fail_parked(self, reason: str, cause: BaseException | None) -> list[KeptCall[Any]]:
        calls = self._parked.take_all()
        for call in calls:
            error = self._conversation.aborted(call, call.was_sent, reason)
            error.__cause__ = cause
            call.fail_quietly(error)
        return calls


def _ids(calls: list[KeptCall[Any]]) -> tuple[int, ...]:
    return tuple(call.service_id for call in calls)
