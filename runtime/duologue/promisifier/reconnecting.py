"""A peer that outlives its connection (`reconnect=True`)."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Any, TypeVar

from duologue.connection.base import CLOSE_CODE_LOST, CLOSE_CODE_NORMAL, Connection
from duologue.errors import ConnectionClosed, IdentityMismatch, LimitExceeded, Sent
from duologue.limits import MAX_TIMES_SENT, Limits
from duologue.observer import Observer
from duologue.promisifier.conversation import Ending
from duologue.promisifier.deadline_scope import in_force, obey_deadline
from duologue.promisifier.on_connected import OnConnected, Registration
from duologue.promisifier.own_call import Call, CallOptions, Reading, Target
from duologue.promisifier.parked_calls import KeptCall, ParkedCalls, numbers_of
from duologue.promisifier.peer_state import PeerState
from duologue.promisifier.promise import CloseStatus
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.closing import close_text
from duologue.protocol.control import SUBSCRIBE
from duologue.protocol.goaway import GoAway
from duologue.protocol.hello import Counterpart
from duologue.protocol.parcels import Parcel, Payload
from duologue.protocol.wording import words_of

T = TypeVar("T")

Greet = Callable[["ReconnectingPromisifier", Connection], None]
"""Says hello over a new connection, where that is done."""


class Stage(Enum):
    """How far the peer is with the present connection."""

    READY = auto()
    """Calls leave at once."""
    AWAY = auto()
    """There is none."""
    GREETING = auto()
    """There is one; the other side has not said yet how its services are numbered."""
    REGISTERING = auto()
    """Numbers are known, and `on_connected` runs; its calls leave, all others wait for its end, and
    so do subscriptions, which may need what it does."""
    RESENDING = auto()
    """Parked calls leave one after the other."""
    LEAVING = auto()
    """The other side takes no new calls over it, and will close it; what is open goes on."""


class ReconnectingPromisifier(WebsocketPromisifier):
    """One end of a conversation that goes on over another connection when one is lost.

    Services, subscriptions and counters stay; `conn_id`, `remote_key` and `remote_address` are
    those of the present connection, or of the last. Calls that are made meanwhile wait. Whoever
    owns it calls `stand` once, and then again and again waits for `went_away`, finds a connection,
    and hands it to `go_on`. `promise` settles when it is closed by this side, or given up.
    """

    def __init__(
        self,
        connection: Connection,
        limits: Limits,
        on_connected: OnConnected | None = None,
        observers: Observer | None = None,
    ) -> None:
        """`on_connected` is called each time a conversation stands, before parked calls leave."""
        self._registration = None if on_connected is None else Registration(on_connected)
        self._stage = Stage.READY if on_connected is None else Stage.GREETING
        self._known: Counterpart | None = None
        """What is known of the other side, from the present connection or the one before."""
        self._is_over = False
        """No connection will follow the present one."""
        self._is_draining = False
        self._is_trying = False
        self._serials = itertools.count()
        self._went_away = asyncio.Event()
        self.has_stood = asyncio.Event()
        """Set once calls could leave over one of its connections."""
        self._leaving: asyncio.TimerHandle | None = None
        self._why_over: tuple[str, BaseException | None] | None = None
        """What calls are told after the end, if that came between two connections."""
        self.on_call_parked: Callable[[bool], None] = lambda _others_wait: None
        """Told of each new call that waits for a connection, and whether others wait already."""
        self.on_going_away_told: Callable[[GoAway], None] = lambda _said: None
        """Told what the other side says when it takes no new calls any more."""
        super().__init__(connection, limits, observers=observers)
        self._parked = ParkedCalls(self._loop, limits)

    # -- what the owner does --------------------------------------------------------------------

    @property
    def last_end(self) -> ConnectionClosed:
        """How the present connection ended, in words of the other side where it had some."""
        connection = self._conversation.connection
        closed = ConnectionClosed(
            connection.close_code or CLOSE_CODE_LOST, connection.close_reason, sent="no"
        )
        closed.__cause__ = connection.failure
        return closed

    def note_trying(self, is_trying: bool) -> None:
        """Another connection is being opened, or one pauses before the next try."""
        self._is_trying = is_trying
        self._note_state()

    async def went_away(self) -> None:
        """Wait until the connection is closed and another one is wanted."""
        await self._went_away.wait()

    async def go_on(self, connection: Connection, greet: Greet) -> None:
        """Converse over `connection`, which is open and new; otherwise as `stand`."""
        self._went_away.clear()
        self._counters.reconnects_total += 1
        self._is_trying = False
        self._stage = Stage.GREETING
        self._conversation = self._converse(connection)
        self._note_state()
        greet(self, connection)
        self.start()
        if self._is_draining:
            # Nothing runs yet: this only shuts the door, and returns at once.
            await self._conversation.drain(0)
        await self.stand()

    async def stand(self) -> None:
        """Bring the present conversation to where calls leave at once.

        Returns when everything that was parked has left, or the connection is closed again.
        """
        await self.introduced()
        if self._stage is Stage.GREETING:
            # No hello was said: its services are where our contracts say.
            self.on_introduced()
        if self._stage is Stage.REGISTERING:
            await self._register()
        if self._stage is Stage.RESENDING:
            self._resend()
        if self._stage is Stage.READY and self.is_connected:
            self.has_stood.set()

    def give_up(self, cause: BaseException) -> None:
        """No other connection will come: fail what is parked, and the promise, because of it."""
        if self._is_over:
            return
        self._is_over = True
        if self._stage is not Stage.AWAY:
            super().close("it cannot be made anew")
            return
        reason = f"not connected again: {words_of(cause)}"
        self._why_over = reason, cause
        pending = self._fail_parked(reason, cause)
        sent: Sent = "no" if all(each.was_sent == "no" for each in pending) else "unknown"
        closed = ConnectionClosed(
            CLOSE_CODE_LOST,
            reason,
            stats=self._stats.snapshot(),
            pending=numbers_of(pending),
            sent=sent,
        )
        closed.__cause__ = cause
        self._settle(closed)

    # -- the peer, as everywhere ----------------------------------------------------------------

    def start_call(
        self, target: Target, args: Payload, reading: Reading[T], options: CallOptions
    ) -> Call[T]:
        """As everywhere; without a connection the request waits for one, within its deadline."""
        timeout_s = options.timeout_s
        if timeout_s is None:
            timeout_s = self._limits.call_timeout_s
        serial = next(self._serials)
        call = KeptCall(self._loop, target, reading, self, timeout_s, options, args, serial)
        if options.items is not None:
            call.add_done_callback(options.items.note_settled)
        if in_force and not obey_deadline(call):
            return call
        if (self._stage is Stage.READY and self.is_connected) or self._is_registering():
            self._conversation.calling.send(call, args)
        elif self._is_over:
            self._refuse(call, args)
        elif not target.may_wait:
            call.fail(self._conversation.calling.aborted(call, "no", "there is no connection"))
        else:
            self._park(call, args)
        return call

    def close(self, reason: str | None = None) -> None:
        """As everywhere. No connection will follow; without one, it is closed when this returns."""
        self.check_thread()
        was_over, self._is_over = self._is_over, True
        if self._stage is not Stage.AWAY:
            super().close(reason)
            self._note_state()
        elif not was_over:
            text = close_text(reason)
            self._why_over = f"closed by this side: {text}", None
            pending = self._fail_parked(text, None)
            stats = self._stats.snapshot()
            self._settle(CloseStatus(CLOSE_CODE_NORMAL, text, stats, numbers_of(pending)))

    async def drain(self, timeout_s: float) -> None:
        """As everywhere; connections that follow refuse calls too."""
        self._is_draining = True
        await super().drain(timeout_s)

    def on_introduced(self) -> None:
        """As everywhere; subscriptions and parked calls may leave, `on_connected` first."""
        if self._stage is Stage.GREETING:
            self._stage = Stage.RESENDING if self._registration is None else Stage.REGISTERING
        self._known = self._conversation.counterpart
        # A base peer is not asked: it tells what it has to tell from now on.
        if self._stage is Stage.REGISTERING and self._known.has(SUBSCRIBE):
            self.subscriptions.start_over()
        else:
            super().on_introduced()

    @property
    def is_settled(self) -> bool:
        """As everywhere; not while there is no connection, or a new one that is not registered."""
        if self._stage is Stage.REGISTERING and not self._is_registering():
            return False
        return self._stage not in (Stage.AWAY, Stage.GREETING) and super().is_settled

    @property
    def counterpart(self) -> Counterpart:
        """As everywhere; while nobody can say, what was known last."""
        if self._stage is Stage.GREETING and self._known is not None:
            return self._known
        return super().counterpart

    @property
    def state(self) -> PeerState:
        """As everywhere."""
        match self._stage:
            case _ if self._is_over:
                return PeerState.CLOSED
            case Stage.GREETING | Stage.REGISTERING:
                return PeerState.CONNECTING
            case Stage.READY | Stage.RESENDING if self.is_connected:
                return PeerState.CONNECTED
            case _:
                return PeerState.CONNECTING if self._is_trying else PeerState.WAITING

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
        if self._may_leave_later(call) and not self._ends_for_good:
            self._parked.keep(call, call.args)
        else:
            super().on_unanswered(call, error)

    def on_turned_away(self, call: Call[Any]) -> bool:
        """It has not run: it leaves over the next connection, whatever its effect."""
        if (
            not isinstance(call, KeptCall)
            or not call.target.may_wait
            or (call.items is not None and call.items.has_begun)
            or self._is_over
            or self._stage is Stage.REGISTERING
        ):
            # Of the calls of `on_connected`, it is told: this conversation does not stand.
            return False
        self._begin_leaving()
        self._parked.keep(call, call.args)
        return True

    def on_going_away(self, said: GoAway) -> None:
        """New calls wait for the next connection; the owner is told when it may be tried."""
        self.on_going_away_told(said)
        # While it is not known how services are numbered, or `on_connected` runs, none leave.
        if self._stage in (Stage.READY, Stage.RESENDING) and not self._is_over:
            self._begin_leaving()

    def _begin_leaving(self) -> None:
        if self._stage is not Stage.LEAVING:
            self._stage = Stage.LEAVING
            self._note_state()
            self._leave_later()

    def on_conversation_end(self, ending: Ending) -> None:
        """As everywhere, if no connection is to follow."""
        self._stage = Stage.AWAY
        if self._leaving is not None:
            self._leaving.cancel()
        if self._registration is not None:
            self._registration.cancel()
        if not self._ends_for_good:
            self._note_state()
            self._went_away.set()
            return
        self._is_over = True
        connection = ending.connection
        parked = self._fail_parked(connection.close_reason, connection.failure)
        super().on_conversation_end(replace(ending, pending=(*ending.pending, *numbers_of(parked))))

    @property
    def _ends_for_good(self) -> bool:
        # Whoever is at the other end has proved to be somebody else, and will be the next time.
        failure = self._conversation.connection.failure
        return self._is_over or isinstance(failure, IdentityMismatch)

    def _watch_state(self) -> None:
        """Nothing more: each change of a stage is told of."""

    def _settle(self, outcome: CloseStatus | ConnectionClosed) -> None:
        self._note_state()
        super()._settle(outcome)

    async def _register(self) -> None:
        """Call `on_connected`; if it fails, this conversation is given up."""
        assert self._registration is not None
        is_registered = await self._registration.succeeds(self)
        if self._stage is not Stage.REGISTERING:
            return
        if is_registered:
            self._stage = Stage.RESENDING
            self.subscriptions.renew()
        else:
            self._conversation.connection.close("on_connected has failed")

    def _is_registering(self) -> bool:
        return (
            self._stage is Stage.REGISTERING
            and self.is_connected
            and self._registration is not None
            and self._registration.makes_this_call(self.conn_id)
        )

    def _park(self, call: KeptCall[Any], args: Payload) -> None:
        others_wait = bool(self._parked.calls)
        try:
            self._parked.add(call, args)
        except LimitExceeded as error:
            call.fail(error)
        else:
            self.on_call_parked(others_wait)

    def _refuse(self, call: KeptCall[Any], args: Payload) -> None:
        """There is no connection, and none will come."""
        if self._why_over is None:
            # The last one ended it, and says why.
            self._conversation.calling.send(call, args)
            return
        reason, cause = self._why_over
        closed = ConnectionClosed(
            "WSP-ONCL0",
            reason,
            close_code=CLOSE_CODE_LOST,
            stats=self._stats.snapshot(),
            pending=numbers_of([call]),
            sent="no",
        )
        closed.__cause__ = cause
        call.fail(closed)

    def _leave_later(self) -> None:
        self._leaving = self._loop.call_later(self._limits.drain_timeout_s, self._leave)

    def _leave(self) -> None:
        """The other side was to close by now; once nothing is open, this side does."""
        if self._conversation.calling.in_flight:
            self._leave_later()
        else:
            self._conversation.connection.close("the other side takes no calls any more")

    def _may_leave_later(self, call: KeptCall[Any]) -> bool:
        if not call.target.may_wait:
            return False
        if call.was_sent == "no":
            return True
        if call.items is not None and call.items.has_begun:
            return False
        return call.target.may_be_repeated and call.times_sent < MAX_TIMES_SENT

    def _resend(self) -> None:
        """Send what is parked, in order; what the connection does not take now waits in its line.

        If that is lost meanwhile, what has not left is parked again.
        """
        self._parked.sort()
        while self.is_connected and self._parked.calls and self._stage is Stage.RESENDING:
            call, args = self._parked.take()
            contract = call.target.contract
            if isinstance(args, Parcel) and not (contract and self.takes_parts_of(contract)):
                reason = "the other side takes no large bytes any more"
                call.fail(self._conversation.calling.aborted(call, call.was_sent, reason))
                continue
            self._conversation.calling.send(call, args)
        if self.is_connected and self._stage is Stage.RESENDING:
            self._stage = Stage.READY
            self._note_state()

    def _fail_parked(self, reason: str, cause: BaseException | None) -> list[KeptCall[Any]]:
        self._parked.sort()
        calls = [call for call, _ in self._parked.take_all()]
        for call in calls:
            error = self._conversation.calling.aborted(call, call.was_sent, reason)
            error.__cause__ = cause
            call.fail_quietly(error)
        return calls
