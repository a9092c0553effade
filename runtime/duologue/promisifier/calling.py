"""Own calls over one connection, from the moment they are sent until they are settled."""

import asyncio
from collections.abc import Callable
from typing import Any

from duologue.connection.base import CLOSE_CODE_LOST, Connection
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    ContractMismatch,
    DeadlineExceeded,
    DuologueError,
    LimitExceeded,
    Sent,
)
from duologue.limits import Limits
from duologue.promisifier.deadlines import CallDeadlines
from duologue.promisifier.message_writer import MessageWriter
from duologue.promisifier.own_call import Call
from duologue.promisifier.promise import end_of_call
from duologue.promisifier.stats import Stats
from duologue.promisifier.stream_receiver import StreamReceiver
from duologue.protocol import codec
from duologue.protocol.hello import Counterpart
from duologue.protocol.messages import (
    AnswerBroken,
    ChunkReceived,
    FailureReceived,
    StreamEnded,
)
from duologue.protocol.parcels import Parcel, Payload
from duologue.protocol.session import Session


class Calling:
    """Sends calls, gives them up, and settles each exactly once.

    `pause` and `resume` stop and start the reading of the connection, for a stream that is read too
    slowly.
    """

    def __init__(
        self,
        session: Session[Call[Any]],
        connection: Connection,
        writer: MessageWriter,
        limits: Limits,
        *,
        pause: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        self.counterpart = Counterpart()
        """What is known of the other side; the conversation says more when it greets."""
        self._session = session
        self._own = session.own
        self._counters = session.counters
        self._connection = connection
        self._writer = writer
        self._receiver = StreamReceiver(
            session.own, limits, send_text=writer.reply, pause=pause, resume=resume
        )
        self._inflow = self._receiver.inflow
        self._deadlines = CallDeadlines(
            asyncio.get_running_loop(), self._own.unanswered.values(), self._on_deadline
        )
        self._is_over = False

    @property
    def in_flight(self) -> int:
        """Own calls that count towards `max_open_calls`."""
        return self._own.in_flight

    @property
    def has_deadlines(self) -> bool:
        """Whether a timer of the loop is running for open calls."""
        return self._deadlines.is_armed

    def send(self, call: Call[Any], args: Payload) -> None:
        """Send the request of `call`, which is settled exactly once: here, if it cannot be sent.

        `args` is a JSON list.
        """
        target = call.target
        contract = target.contract
        takes_parts = False
        try:
            if contract is None:
                service_id = target.id
            else:
                service_id = self.counterpart.base_of(contract) + target.id
                if call.reading.takes_parts:
                    takes_parts = self.counterpart.takes_parts_of(contract)
            call.service_id = service_id
            request_id, text = self._own.open(service_id, args, call, takes_parts)
        except (LimitExceeded, ContractMismatch) as error:
            call.fail(error)
            return
        try:
            if isinstance(args, Parcel):
                self._writer.send_parcel(text, args)
            else:
                self._connection.send_utf8(text)
        except ConnectionClosed as error:
            # A message in pieces may have ended the connection half-way, and the call with it.
            if self._own.is_open(request_id):
                self._own.take_back(request_id, service_id)
                call.owner.on_unanswered(call, self.aborted(call, "no", error.reason))
            return
        except LimitExceeded as error:
            self._own.take_back(request_id, service_id)
            call.fail(error)
            return
        self._counters.bytes_sent += len(text)
        call.request_id = request_id
        # Sending may have ended the connection, and the call with it.
        if call.due_s < self._deadlines.timer_due_s and not self._is_over:
            self._deadlines.arm(call.due_s)
        # The answer may be behind a stream that nobody reads at the moment.
        if self._inflow.is_paused:
            self._inflow.look_again()

    def abandon(self, call: Call[Any]) -> bool:
        """Give a call up and, if it was open, tell the other side; returns whether it was."""
        was_open = self._own.give_up(call.request_id)
        if was_open and self.counterpart.has("cancel"):
            self._writer.reply(codec.cancel(call.request_id))
        return was_open

    def aborted(self, call: Call[Any], sent: Sent, reason: str) -> ConnectionClosed:
        """What `call` fails with because the connection is closed."""
        stats = Stats(self._counters).snapshot()
        return end_of_call(self._connection, stats, call.service_id, sent, reason)

    # -- what the other side says ---------------------------------------------------------------

    def settle(self, call: Call[Any], data: Payload | None) -> None:
        """An answer to `call` has come.

        Raises:
            LimitExceeded: it is unreadable, and so were too many.
        """
        if call.done():
            # It is a stream by now, and this is no way to end one.
            self._receiver.break_off(call, BadFrame("a stream was cut off by an ordinary answer"))
            return
        try:
            if type(data) is Parcel and not call.reading.takes_parts:
                raise BadFrame("parts came beside an answer that was to have none")
            result = call.reading.decode_result(data)
        except BadFrame as error:
            # Unreadable, and yet an answer: counted as the one, failed as the other, so that the
            # caller is not left waiting.
            call.fail(error)
            self._session.count_invalid()
        except DuologueError as error:
            call.fail(error)
        else:
            call.set_result(result)

    def fail(self, event: FailureReceived[Call[Any]]) -> None:
        """The other side says that a call has failed."""
        call = event.call
        self._receiver.break_off(call, call.reading.decode_failure(event.failure))

    def receive(
        self,
        event: ChunkReceived[Call[Any]] | StreamEnded[Call[Any]] | AnswerBroken[Call[Any]],
    ) -> None:
        """Something of a stream that answers a call has come, or of what is no answer at all."""
        self._receiver.receive(event)

    # -- the end --------------------------------------------------------------------------------

    def end(self) -> tuple[tuple[int, ...], Sent]:
        """The connection is closed: give each open call back to its owner.

        Returns the service ids of those calls, in the order of their requests, and whether the
        requests had left.
        """
        self._is_over = True
        self._deadlines.end()
        connection = self._connection
        # Without the peer's close frame nobody can say how much of what was accepted went out.
        sent: Sent = "unknown" if connection.close_code == CLOSE_CODE_LOST else "yes"
        calls = self._session.close()
        pending = tuple(call.service_id for call in calls)
        for call in calls:
            error = self.aborted(call, sent, connection.close_reason)
            if self._receiver.is_streaming(call):
                self._receiver.break_off(call, error)
            else:
                call.owner.on_unanswered(call, error)
        self._receiver.close()
        return pending, sent

    def _on_deadline(self, call: Call[Any]) -> None:
        if self.abandon(call):
            name = call.reading.full_name
            call.fail_quietly(DeadlineExceeded(f"no answer to {name} within {call.timeout_s:g} s"))
