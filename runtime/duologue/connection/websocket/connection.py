"""A WebSocket on an asyncio transport, either role."""

import asyncio
from collections.abc import Callable
from typing import cast

from websockets.protocol import Side

from duologue.connection.base import (
    CLOSE_CODE_LOST,
    CLOSE_CODE_NORMAL,
    ConnectionState,
    Message,
)
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES
from duologue.connection.event_loop import (
    OWN_READ_BYTES,
    Loop,
    Timer,
    mask_keys,
    reading_space_for,
    reads_on_and_on,
)
from duologue.connection.websocket.arrival_watch import ArrivalWatch
from duologue.connection.websocket.first_sign import FirstSign
from duologue.connection.websocket.happy_eyeballs import address_text
from duologue.connection.websocket.opening import Opening
from duologue.connection.websocket.pulse import Pulse
from duologue.connection.websocket.reading_pace import ReadingPace
from duologue.connection.websocket.server_opening import ServerOpening
from duologue.connection.websocket.wire import Wire
from duologue.connection.websocket.writer import SocketWriter
from duologue.errors import DuologueError, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.closing import (
    close_text,
    lost_text,
    no_answer_text,
    shorten,
    terminate_text,
)


class WebSocketConnection(SocketWriter, asyncio.BufferedProtocol):
    """Whole messages over one socket; see `Connection` for what it promises.

    It is an asyncio protocol as well: the `connection_made` and later methods are for transports.
    `on_open` is called once the opening handshake is done and before any message; `on_lost` when
    the socket is gone, whether it was ever open or not; `on_heard` when the first bytes have come
    over the open connection, before their messages: with it, that may take `opening_silence_s`.
    Without `has_pulse` it sends no pings and bears silence: something above looks after that.

    Of what is protected, subclasses may use `_loop`, `_wire`, `_reading_space`, `_reading_window`
    and `_max_message_bytes`; call `_pause_reading`, `_note_read`, `_note_end`, `_write_from`,
    `_end`, `_adopt` and `_give_up_transport`; and override `_resume_reading`, `_enter_closing`,
    `_watch_writing` and `_deliver`, calling `super()`, or in place of the last doing in this order:
    `_note_read`, the messages, and if it was the last read `_write_from` and `_note_end`. All else
    is private. `SocketLink` of the relay is one.
    """

    __slots__ = (
        "_arrival",
        "_first_sign",
        "_has_pulse",
        "_make_opening",
        "_on_heard",
        "_on_lost",
        "_on_open",
        "_opening",
        "_opening_timeout_s",
        "_pace",
        "_reading_is_paused",
        "_reading_space",
        "_reading_window",
        "_rest",
        "_timer",
        "_window_bytes",
        "_wire",
    )

    def __init__(
        self,
        make_opening: Callable[["WebSocketConnection", asyncio.Transport], Opening],
        limits: Limits,
        loop: Loop,
        *,
        opening_timeout_s: float | None,
        on_open: Callable[["WebSocketConnection"], None],
        on_lost: Callable[["WebSocketConnection"], None],
        on_heard: Callable[["WebSocketConnection"], None] | None = None,
        has_pulse: bool = True,
    ) -> None:
        super().__init__(limits, loop)
        self._make_opening = make_opening
        self._opening_timeout_s = opening_timeout_s
        self._on_open = on_open
        self._on_lost = on_lost
        self._on_heard = on_heard
        self._first_sign: FirstSign | None = None
        """Until something has come over the open connection, where that is waited for."""
        self._has_pulse = has_pulse
        self._opening: Opening | None = None
        self._wire: Wire | None = None
        self._timer: Timer | None = None
        self._reading_space = reading_space_for(loop)
        self._pace = ReadingPace(loop.time(), len(self._reading_space))
        self._window_bytes = self._pace.window_bytes
        self._reading_window = self._reading_space[: self._window_bytes]
        """The part of it that is read to at once."""
        self._reading_is_paused = False
        self._rest: Timer | None = None
        """While nothing is read because others are to have their turn."""
        self._arrival: ArrivalWatch | None = None
        """While a message has begun to come, or once one has."""

    def close(self, reason: str | None = None) -> None:
        """See `Connection.close`."""
        self.close_as(CLOSE_CODE_NORMAL, close_text(reason))

    def close_as(self, code: int, text: str) -> None:
        """As `close`, with this code and exactly this text, shortened if need be."""
        if self.state.current_state is ConnectionState.OPEN:
            self._send_close(shorten(text), code)
            self._enter_closing()

    def terminate(self, reason: str) -> None:
        """See `Connection.terminate`. The peer is told, if that is possible without waiting."""
        if self.state.current_state is ConnectionState.CLOSED:
            return
        text = terminate_text(reason)
        transport = self._transport
        if transport is not None:
            if self.state.current_state is ConnectionState.OPEN:
                self._send_close(text)
            if transport.get_write_buffer_size() or transport.get_extra_info("sslcontext"):
                # Closing politely would wait for the peer.
                self._from_outside(transport, transport.abort)
            else:
                transport.close()
        self._end(CLOSE_CODE_LOST, text)

    def allow_message_bytes(self, max_bytes: int) -> None:
        """Set the limit for messages, both ways, from now on."""
        self._max_message_bytes = max_bytes
        self.max_send_bytes = min(max_bytes, self._other_side_takes)
        if self._wire is not None:
            self._wire.allow_message_bytes(max_bytes)

    @property
    def is_mid_message(self) -> bool:
        """See `Connection.is_mid_message`."""
        return self._arrival is not None and self._arrival.is_watching

    def _send_close(self, text: str, code: int = CLOSE_CODE_NORMAL) -> None:
        if self._pending:
            self._flush()
        if self._wire is not None:
            self._wire.send_close(code, text)
            self._write_from(self._wire)

    # -- reading ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there; the opening handshake begins."""
        # asyncio has no common class for what stream transports offer.
        stream = cast(asyncio.Transport, transport)
        self._transport = stream
        if self.state.current_state is ConnectionState.CLOSED:
            stream.abort()
            return
        high = min(PAUSE_ABOVE_BYTES, self._limits.max_unsent_bytes)
        stream.set_write_buffer_limits(high=high, low=min(RESUME_BELOW_BYTES - 1, high))
        self.remote_address = address_text(stream.get_extra_info("peername"))
        if self._opening_timeout_s is not None:
            self._timer = self._loop.call_later(self._opening_timeout_s, self._give_up)
        self._opening = self._make_opening(self, stream)
        self._opening.start()
        self._write_from(self._opening)

    def _adopt(self, stream: asyncio.Transport, side: Side) -> None:
        """Go on with a socket whose opening handshake was done elsewhere, as this side."""
        self._transport = stream
        high = min(PAUSE_ABOVE_BYTES, self._limits.max_unsent_bytes)
        stream.set_write_buffer_limits(high=high, low=min(RESUME_BELOW_BYTES - 1, high))
        self._wire = Wire(side, max_message_bytes=self._max_message_bytes, clock=self._loop.time)
        self.on_message.when_emptied = self._resume_reading

    def _give_up_transport(self) -> asyncio.Transport | None:
        """Part from the socket, which is read no more until its next owner does so."""
        stream = self._transport
        self._pause_reading()
        if self._pending:
            self._flush()
        self._wire = self._transport = None
        self._stop_arrival()
        self._cancel_rest()
        self.on_message.when_emptied = None
        self.on_message.drop_backlog()
        self.gate.open()
        return stream

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport shall read to. Holds nothing of ours between two calls."""
        wire = self._wire
        if wire is None or wire.large is None:
            return self._reading_window
        return wire.large.room()

    def buffer_updated(self, nbytes: int) -> None:
        """The transport has read `nbytes` into the buffer."""
        wire = self._wire
        if wire is None:
            self._receive_opening(bytes(self._reading_space[:nbytes]))
        elif wire.large is None:
            self._deliver(wire, wire.receive(bytes(self._reading_space[:nbytes])), nbytes)
        else:
            self._deliver(wire, wire.receive_large(nbytes), nbytes)

    def _receive_opening(self, data: bytes) -> None:
        opening = self._opening
        transport = self._transport
        if opening is None or transport is None:
            return
        rest = opening.receive(data)
        if opening.is_open:
            self._open(opening)
            if rest and self._wire is not None:
                self._deliver(self._wire, self._wire.receive(rest), len(rest))
            return
        self._write_from(opening)
        if opening.failure is not None:
            self.failure = opening.failure
            if opening.side is Side.CLIENT:
                transport.abort()

    def _open(self, opening: Opening) -> None:
        self._cancel_timer()
        if isinstance(opening, ServerOpening):
            self.request = opening.request
        self._opening = None
        if opening.side is Side.CLIENT:
            self._mask_keys = mask_keys()
        self._wire = Wire(
            opening.reached,
            max_message_bytes=self._max_message_bytes,
            clock=self._loop.time,
            keys=self._mask_keys,
        )
        self.on_message.when_emptied = self._resume_reading
        self.state.enter(ConnectionState.OPEN)
        if self._has_pulse:
            self._pulse = Pulse(
                self._limits, self._loop, ping=self.send_ping_frame, lose=self._lose_silent
            )
            self._pulse.start()
        if self._on_heard is not None:
            self._first_sign = FirstSign(
                self._limits, self._loop, ping=self.send_ping_frame, lose=self._lose_mute
            )
        # What is sent at once goes out together with the answer to the request, and behind it.
        self._pending.extend(filter(None, opening.data_to_send()))
        self._is_receiving = True
        try:
            self._on_open(self)
        finally:
            self._is_receiving = False
            if self._pending:
                self._flush()
        if opening.side is Side.CLIENT:
            # Who waited for this comes in the next turn: the first messages go out together too.
            self._loop.call_soon(self._end_tick)
            self._tick_is_due = True

    def _deliver(self, wire: Wire, messages: list[Message], received_bytes: int) -> None:
        is_over = self._note_read(wire, received_bytes, is_new=bool(messages))
        self._is_receiving = True
        try:
            self.on_message.emit_each(messages, self.state)
        finally:
            self._is_receiving = False
            if self._pending:
                self._flush()
            if is_over:
                self._write_from(wire)
        if received_bytes == self._window_bytes:
            # Only now is it known how many messages were in boxes.
            self._note_full_read(wire, len(messages))
        if is_over:
            self._note_end(wire)
        elif self.on_message.backlog_bytes > self._max_message_bytes:
            self._pause_reading()

    def _note_read(self, wire: Wire, received_bytes: int, *, is_new: bool) -> bool:
        """What follows from a read, but for its messages; returns whether it was the last."""
        if self._first_sign is not None and self._on_heard is not None:
            self._first_sign.stop()
            self._first_sign = None
            self._on_heard(self)
        pulse = self._pulse
        if wire.was_plain:
            if pulse is not None:
                pulse.has_read = True
            return False
        if wire.short_pieces and (rest_s := self._pace.rest_due_s(wire, self._loop.time())):
            self._take_rest(rest_s)
        is_over = wire.is_over
        if not is_over:
            # Pongs first: they must not wait for the answers to messages that came behind their
            # pings. At the end it is the other way round, as nothing may follow a close frame.
            self._write_from(wire)
        if pulse is not None:
            if is_new:
                pulse.has_read = True
            else:
                pulse.note_read()
        if wire.is_unfinished:
            self._watch_arrival(received_bytes, is_new=is_new)
        else:
            self._stop_arrival()
        return is_over

    def _lose_mute(self) -> None:
        """Nothing has come since it is open, not even an answer to a ping."""
        self.failure = LimitExceeded("opening_silence_s", self._limits.opening_silence_s)
        self.terminate(str(self.failure))

    def _note_end(self, wire: Wire) -> None:
        """The peer has closed, or has been found wrong."""
        if self.failure is None:
            self.failure = wire.what_went_wrong
        self._enter_closing()

    def _pause_reading(self) -> None:
        if (
            self._transport is not None
            and not self._reading_is_paused
            and self.state.current_state is ConnectionState.OPEN
        ):
            self._transport.pause_reading()
            self._note_pause()

    def _note_pause(self) -> None:
        self._reading_is_paused = True
        if self._pulse is not None:
            self._pulse.note_pause()
        self._stop_arrival()

    def _resume_reading(self) -> None:
        if self._transport is not None and self._reading_is_paused and self._rest is None:
            self._transport.resume_reading()
            self._reading_is_paused = False
            if self._pulse is not None:
                self._pulse.note_resumption()
            if self._wire is not None and self._wire.is_unfinished:
                self._watch_arrival(0, is_new=True)

    def note_batch(self, more: int) -> None:
        """See `Connection.note_batch`."""
        if self._wire is not None:
            self._wire.pieces += more

    def _note_full_read(self, wire: Wire, messages: int) -> None:
        """A read has filled the window, and so many messages were in it."""
        if self._pace.fit(wire, messages):
            self._window_bytes = self._pace.window_bytes
            self._reading_window = self._reading_space[: self._window_bytes]
        if self._window_bytes < OWN_READ_BYTES and reads_on_and_on(self._loop):
            self._take_rest(0)

    def _take_rest(self, seconds: float) -> None:
        """Read on later, so that others have their turn."""
        if self._transport is None or self.state.current_state is not ConnectionState.OPEN:
            return
        self._cancel_rest()
        if not self._reading_is_paused:
            self._transport.pause_reading()
            self._note_pause()
        self._rest = self._loop.call_later(seconds, self._end_rest)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cancel_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _end_rest(self) -> None:
        self._rest = None
        if self.on_message.backlog_bytes <= self._max_message_bytes:
            self._resume_reading()

    def _watch_arrival(self, received_bytes: int, *, is_new: bool) -> None:
        if self.state.current_state is ConnectionState.OPEN and not self._reading_is_paused:
            if self._arrival is None:
                self._arrival = ArrivalWatch(self._limits, self._loop, self._give_up_waiting)
            self._arrival.note(received_bytes, is_new=is_new)

    def _stop_arrival(self) -> None:
        if self._arrival is not None:
            self._arrival.stop()

    def _give_up_waiting(self, failure: LimitExceeded) -> None:
        """The rest of a message is late."""
        if self._wire is not None:
            self._wire.give_up(failure)
            self._write_from(self._wire)
            self._note_end(self._wire)

    def eof_received(self) -> None:
        """The peer sends no more; the transport closes when this returns."""
        transport = self._transport
        source = self._wire or self._opening
        if source is None or transport is None:
            return
        source.receive_eof()
        # The end of what we send needs no call of its own: the transport closes.
        for data in filter(None, source.data_to_send()):
            transport.write(data)
        if self.state.current_state is not ConnectionState.CLOSING:
            # Without a close frame. What is unsent is of no use to a peer that has gone.
            self._from_outside(transport, transport.abort)

    # -- the end ------------------------------------------------------------------------------

    def _enter_closing(self) -> None:
        if self.state.current_state is not ConnectionState.OPEN:
            return
        self._timer = self._loop.call_later(self._limits.close_timeout_s, self._give_up)
        # The answer to our close frame stands behind what nobody listened to.
        self._resume_reading()
        self._stop_arrival()
        self._stop_watching()
        self.state.enter(ConnectionState.CLOSING)

    def _give_up(self) -> None:
        """The peer took too long for the opening or the closing handshake."""
        if self._transport is not None:
            self._transport.abort()
        if self._wire is None:
            why = f"The opening handshake was not done after {self._opening_timeout_s:g} s"
        else:
            why = no_answer_text(self._limits.close_timeout_s)
        self._end_as_told(why)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        opening = self._opening
        if opening is not None:
            opening.receive_eof()
            if self.failure is None:
                self.failure = opening.failure
        self._end_as_told(lost_text(self.failure or exc))
        self._transport = None
        self._on_lost(self)

    def _end_as_told(self, why_lost: str) -> None:
        """End in the words of the close frame, or else for this reason."""
        told = None if self._wire is None else self._wire.ending
        self._end(*(told or (CLOSE_CODE_LOST, why_lost)))

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        self._cancel_timer()
        self._stop_arrival()
        if self._first_sign is not None:
            self._first_sign.stop()
        self._cancel_rest()
        # What holds us is let go of: see `Conversation`.
        self._arrival = self._first_sign = None
        self.on_message.when_emptied = None
        super()._end(code, reason, failure)
