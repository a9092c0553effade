"""What two sides say to each other over one connection."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from duologue.connection.base import Connection, ConnectionState, Message, Unlisten
from duologue.errors import DuologueError, LimitExceeded, ProtocolError, Sent
from duologue.limits import Limits
from duologue.promisifier.broadcasts import Broadcasts, EventSource
from duologue.promisifier.budget import Budget
from duologue.promisifier.calling import Calling
from duologue.promisifier.control import ControlService, Guard
from duologue.promisifier.dispatch import Dispatcher
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.handlers import Handler
from duologue.promisifier.intake import Hold, Intake
from duologue.promisifier.message_writer import MessageWriter
from duologue.promisifier.own_call import Call, CallOwner
from duologue.promisifier.parts_deadline import PartsDeadline
from duologue.protocol.control import Notified
from duologue.protocol.counters import Counters
from duologue.protocol.goaway import GOAWAY, GoAway, goaway_text
from duologue.protocol.hello import META, Counterpart
from duologue.protocol.messages import (
    AnswerReceived,
    CancelReceived,
    FailureReceived,
    Refused,
    RequestReceived,
    SessionEvent,
    StreamRefused,
)
from duologue.protocol.session import Session

PeerT = TypeVar("PeerT")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a conversation ended."""

    connection: Connection
    pending: tuple[int, ...]
    """Service ids of the own calls that were open, in the order of their requests."""
    sent: Sent
    """Whether the requests of those calls had left."""


class Owner(CallOwner, Protocol):
    """Who is told of a conversation."""

    def on_introduced(self) -> None:
        """It is known what the other side is; its next message is not read yet.

        Told once for each conversation in which this side says hello; once more if the other side's
        comes too late.
        """

    def on_notified(self, event: Notified) -> bool:
        """An event has come for a subscription, or its end; returns whether there is such."""
        ...

    def on_going_away(self, said: GoAway) -> None:
        """The other side takes no new calls; told once for each conversation."""

    def on_conversation_end(self, ending: Ending) -> None:
        """It has ended, and nothing of it is left."""


class Conversation(Generic[PeerT]):
    """Own calls out and the other side's in, over one connection, until that is closed.

    All of it runs in the event loop's thread, in callbacks of the connection; the only tasks are
    those of async handlers, which are shown `peer`. When the connection is closed, `owner` is given
    every call that was open, running handlers are cancelled, and `owner` is told of the end, in
    this order.
    """

    def __init__(
        self,
        owner: Owner,
        peer: PeerT,
        connection: Connection,
        limits: Limits,
        handlers: dict[int, Handler[PeerT]],
        counters: Counters,
        sources: Mapping[int, EventSource],
        guards: Mapping[int, Guard[PeerT]],
        budget: Budget,
    ) -> None:
        self.connection = connection
        self.greeting: Greeting | None = None
        self._owner = owner
        self._counters = counters
        self._limits = limits
        self._session: Session[Call[Any]] = Session(limits, counters)
        self._writer = MessageWriter(connection, limits, counters)
        self._intake = Intake(self._stop_listening, self._start_listening)
        self._dispatcher = Dispatcher(
            peer,
            handlers,
            self._session,
            connection,
            reply=self._writer.reply,
            give_up=self._give_up,
            intake=self._intake,
            limits=limits,
            budget=budget,
            takes_meta=lambda: self.counterpart.has(META),
        )
        self.calling = Calling(
            self._session,
            connection,
            self._writer,
            limits,
            admission=self._dispatcher.admission,
            intake=self._intake,
        )
        loop = asyncio.get_running_loop()
        self._sources = sources
        self._guards = guards
        self._peer = peer
        self._broadcasts: Broadcasts | None = None
        self._parts_deadline = PartsDeadline(loop, self._session, limits, self._give_up)
        self._debts = budget.debts
        self._debts.watch(connection)
        self._queued_events = budget.queued_events
        self._resting: asyncio.TimerHandle | None = None
        self._is_started = self._is_over = False
        self._is_listening = False
        self._coming: list[Iterator[Message]] = []
        """What is being received at present; more than one where one message hands over others."""
        self._own_goaway: GoAway | None = None
        """What is said to whoever knows the feature, as soon as that is known."""
        self._is_other_going = False
        self._unlisten_message: Unlisten | None = None
        self._unlisten_state = connection.state.on_enter_state.listen(self._on_state)
        # Not at once: whoever made this has services to add before the first request is served.
        loop.call_soon(self.start)

    @property
    def counterpart(self) -> Counterpart:
        """What is known of the other side."""
        return self.calling.counterpart

    @property
    def calls_running(self) -> int:
        """How many calls of the other side are being served now."""
        return self._dispatcher.admission.running

    def open_call(self, request_id: int) -> Call[Any] | None:
        """The call of ours with this id, of whose answer nothing has come."""
        return self._session.own.unanswered.get(request_id)

    def event_name(self, subscription: int) -> str | None:
        """What the other side is told of by a subscription; None if there is no such."""
        return None if self._broadcasts is None else self._broadcasts.name_of(subscription)

    def start(self) -> None:
        """Serve from now on, and say hello. Comes by itself in the next turn of the loop."""
        if self._is_started or self._is_over:
            return
        self._is_started = True
        if self.connection.state.current_state is ConnectionState.CLOSED:
            self._end()
            return
        self._start_listening()
        # If the other side's hello was waiting, our answer to it has introduced us as well.
        if self.greeting is not None and not self.counterpart.is_introduced:
            self._say_hello(self.greeting)

    def greet(self, greeting: Greeting) -> None:
        """Say hello, and serve the control calls of the duologue profile from now on."""
        self.greeting = greeting
        self.calling.meet(greeting.counterpart)
        greeting.on_mismatch = self._give_up
        greeting.on_introduced = self._on_introduced
        self._session.allow_control()
        self.connection.read_batches()
        self._dispatcher.control = ControlService(
            greeting, self._make_broadcasts, self._sources, self._guards
        )
        if self._is_started:
            self._say_hello(greeting)

    def say_goaway(self, said: GoAway) -> None:
        """Tell the other side that no new calls are taken, if it knows how that is said."""
        self._own_goaway = said
        if self.counterpart.has(GOAWAY):
            # Whoever takes no message so small learns of it from its calls.
            with contextlib.suppress(LimitExceeded):
                self._writer.reply(goaway_text(said))

    async def drain(self, timeout_s: float) -> None:
        """Refuse new calls, let the running ones finish within `timeout_s`, cancel the rest."""
        await self._dispatcher.drain(timeout_s)

    def _make_broadcasts(self) -> Broadcasts:
        # Made late: most connections have no subscribers.
        if self._broadcasts is None:
            self._broadcasts = Broadcasts(
                self._peer,
                self.connection,
                self._limits,
                self._counters,
                asyncio.get_running_loop().call_soon,
                self._rest,
                self._queued_events,
            )
        return self._broadcasts

    def _rest(self, seconds: float) -> None:
        """Read nothing for so long, behind others of the same key or address that rest."""
        self._intake.hold(Hold.REPLAY)
        go_on = partial(self._intake.release, Hold.REPLAY)
        loop, share = asyncio.get_running_loop(), self._dispatcher.admission.share
        self._resting = loop.call_later(share.replay_rest_s(seconds, loop.time()), go_on)

    def _on_introduced(self) -> None:
        self.calling.obey()
        if self._own_goaway is not None:
            # It has introduced itself late: while calls that it had made were finishing.
            self.say_goaway(self._own_goaway)
        self._owner.on_introduced()

    def _say_hello(self, greeting: Greeting) -> None:
        timeout_s = self._limits.hello_timeout_s
        hello = Call(asyncio.get_running_loop(), greeting, greeting, self._owner, timeout_s)
        self.calling.send(hello, b"[%b]" % greeting.hello)
        hello.add_done_callback(greeting.note_answered)

    # -- messages -------------------------------------------------------------------------------

    def _start_listening(self) -> None:
        if self._is_listening or self._is_over:
            return
        self._is_listening = True
        self.calling.note_reading(True)
        on_message = self.connection.on_message
        self._unlisten_message = on_message.add_listener(self._on_message, self._on_messages)
        # What has waited may make us stop again: then what is behind it waits on.
        on_message.hand_over()
        if self._is_listening:
            self._parts_deadline.watch()

    def _stop_listening(self) -> None:
        self._is_listening = False
        self.calling.note_reading(False)
        self._parts_deadline.stop()
        if self._unlisten_message is not None:
            self._unlisten_message()
            self._unlisten_message = None
        self._set_aside()

    def _on_message(self, message: Message) -> None:
        self._receive((message,))

    def _on_messages(self, messages: Sequence[Message]) -> None:
        """All of one read. Who waited for an answer among them goes on right behind them."""
        wakeups = self.calling.wakeups
        if self._coming or not wakeups.gather():
            self._receive(messages)
            return
        try:
            self._receive(messages)
        finally:
            wakeups.let_go()

    def _receive(self, messages: Sequence[Message]) -> None:
        coming = iter(messages)
        self._coming.append(coming)
        dispatch, settle = self._dispatcher.dispatch, self.calling.settle
        try:
            for event in self._session.receive_each(coming):
                if type(event) is RequestReceived:
                    dispatch(event)
                elif type(event) is AnswerReceived:
                    if event.meta is not None:
                        self.calling.note_meta(event.call, event.meta)
                    settle(event.call, event.data)
                else:
                    self._on_rare_event(event)
        except (ProtocolError, LimitExceeded) as error:
            self._give_up(error)
        finally:
            self._coming.remove(coming)
        if self._session.arriving is not None:
            self._parts_deadline.watch()

    def _set_aside(self) -> None:
        """What has come together with the present message waits, or is dropped at the end."""
        rest = [message for coming in self._coming for message in coming]
        if self.connection.state.current_state is ConnectionState.OPEN:
            for message in rest:
                self.connection.on_message.emit(message)

    def _on_rare_event(self, event: SessionEvent[Call[Any]]) -> None:
        if isinstance(event, FailureReceived):
            self.calling.fail(event)
        elif isinstance(event, Refused):
            self._writer.reply(event.reply)
        elif isinstance(event, Notified):
            if not self._owner.on_notified(event):
                self._session.late.count()
        elif isinstance(event, StreamRefused):
            self._dispatcher.stop_stream(event.request_id)
        elif isinstance(event, CancelReceived):
            self._dispatcher.cancel(event.request_id)
        elif isinstance(event, GoAway):
            self._receive_goaway(event)
        elif not isinstance(event, AnswerReceived | RequestReceived):
            self.calling.receive(event)

    def _receive_goaway(self, said: GoAway) -> None:
        if self._is_other_going:
            self._counters.messages_dropped += 1
            self._session.late.count()
        else:
            self._is_other_going = True
            self._owner.on_going_away(said)

    # -- the end --------------------------------------------------------------------------------

    def _give_up(self, error: DuologueError) -> None:
        self.connection.failure = error
        self.connection.close(f"onMsgHandler error: {error}")

    def _on_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            self._end()
        else:
            self._set_aside()

    def _end(self) -> None:
        self._is_over = True
        self._debts.forget(self.connection)
        self._unlisten_state()
        self._intake.end()
        if self._resting is not None:
            self._resting.cancel()
        self._stop_listening()
        self._parts_deadline.end()
        pending, sent = self.calling.end()
        self._dispatcher.close()
        if self._broadcasts is not None:
            self._broadcasts.close()
        self._owner.on_conversation_end(Ending(self.connection, pending, sent))
        # What holds us is let go of: connections that come and go would keep the collector busy.
        del self._owner, self._peer, self._unlisten_state, self._broadcasts
        self._dispatcher.control = None
        if self.greeting is not None:
            self.greeting.forget_listeners()
