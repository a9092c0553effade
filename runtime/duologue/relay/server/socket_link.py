"""A `Link` over a socket."""

import asyncio
from collections.abc import Callable
from typing import Final
from typing import Protocol as Interface

from websockets.protocol import Side

from duologue.connection.base import CLOSE_CODE_LOST, ConnectionState, Message, Unlisten
from duologue.connection.event_loop import Loop
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.frames import (
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_masked_frame,
)
from duologue.connection.websocket.opening import Opening
from duologue.connection.websocket.server_opening import BearerOpening
from duologue.connection.websocket.wire import NO_MASK, Wire
from duologue.errors import LimitExceeded
from duologue.limits import Limits
from duologue.relay.link import Carrier, Hold

FEWEST_READ_BYTES: Final = 512
"""Read at a time from who is new, or sends tiny frames: 85 pings at most, some 3 ms of work. From
the full `RelayLimits.read_bytes` it would be 50 ms, and that for each connection that does so."""

TINY_FRAME_BYTES: Final = 32
"""Frames below this, on average, are sent by nobody who encrypts."""


class Doorkeeper(Interface):
    """Who decides what happens to an accepted socket, and is told of its fate."""

    def judge(self, link: "SocketLink", transport: asyncio.Transport) -> BearerOpening:
        """The opening handshake for it; or end the transport."""
        ...

    def note_open(self, link: "SocketLink") -> None:
        """The opening handshake is done; no message was delivered yet."""

    def note_lost(self, link: "SocketLink") -> None:
        """The socket is gone, whether it was ever open or not."""


class SocketLink(WebSocketConnection):
    """A WebSocket connection of the relay; see `Link` for what it is to the relay's rules.

    What it may touch of its base class is listed there.
    """

    may_be_given = False
    """Whether its socket may be given to another owner; set before it is open."""

    def __init__(
        self, doorkeeper: Doorkeeper, limits: Limits, loop: Loop, *, read_bytes: int
    ) -> None:
        super().__init__(
            self._ask_doorkeeper,
            limits,
            loop,
            opening_timeout_s=limits.handshake_timeout_s,
            on_open=self._tell_open,
            on_lost=lambda _: doorkeeper.note_lost(self),
            # The relay's rules say who is asked for a lifesign, and how.
            has_pulse=False,
        )
        self.token: str | None = None
        self.accepted_s = loop.time()
        self.received_bytes = 0
        self.on_full: Callable[[bool], None] | None = None
        self._doorkeeper = doorkeeper
        self._bearer: BearerOpening | None = None
        self._most_read_bytes = read_bytes
        self._read_bytes = min(FEWEST_READ_BYTES, read_bytes)
        self._reading_window = self._reading_space[: self._read_bytes]
        self._carrier: Carrier | None = None
        self._is_between_frames = False
        """While frames are passed on: nothing has begun that is not whole, and nothing is over."""
        self._passed_frames = 0
        """As many as the carrier's passer had counted at the last read."""
        self._unjudged_bytes = 0
        """Read since the last message that was whole."""
        self._holds = Hold.NONE
        self.was_open = False
        """Whether it ever became a WebSocket."""

    def _ask_doorkeeper(
        self, _connection: WebSocketConnection, transport: asyncio.Transport
    ) -> Opening:
        self._bearer = self._doorkeeper.judge(self, transport)
        return self._bearer

    def _tell_open(self, _connection: WebSocketConnection) -> None:
        self.was_open = True
        if self._bearer is not None:
            self.token = self._bearer.token
            self._bearer = None
        if self.may_be_given and self._wire is not None:
            self._wire.keep_unread()
        self._doorkeeper.note_open(self)

    # -- sockets that come from, or go to, another node of a cluster -------------------------------

    def open_without_socket(self) -> None:
        """Be open for somebody whose opening handshake was done at another node; see `adopt`."""
        self.was_open = True
        self.state.enter(ConnectionState.OPEN)

    def adopt(self, transport: asyncio.Transport) -> None:
        """Send over this socket from now on; `feed`, and being its protocol, is how it reads."""
        self._adopt(transport, Side.SERVER)

    def feed(self, data: bytes) -> None:
        """Read what has come for it before it was the protocol of its socket."""
        while data and self.state.current_state is not ConnectionState.CLOSED:
            room = self.get_buffer(-1)
            size = min(len(room), len(data))
            room[:size] = data[:size]
            self.buffer_updated(size)
            data = data[size:]

    def give_away(self) -> tuple[asyncio.Transport, bytes] | None:
        """Part from the socket; also what has come and was not read, as a client's frames.

        The link stays open until `note_given_end`, or its own end. None: the socket is gone.
        """
        wire = self._wire
        if wire is None or self.state.current_state is not ConnectionState.OPEN:
            return None
        early = [
            encode_masked_frame(WHOLE_TEXT, each.encode(), NO_MASK)
            if isinstance(each, str)
            else encode_masked_frame(WHOLE_BINARY, each, NO_MASK)
            for each in self.on_message.backlog
        ]
        unread = b"".join((*early, wire.unread()))
        self._holds = Hold.NONE
        transport = self._give_up_transport()
        return None if transport is None else (transport, unread)

    def note_given_end(self) -> None:
        """The socket that was given away is gone."""
        self._end(CLOSE_CODE_LOST, "")
        self._doorkeeper.note_lost(self)

    @property
    def parting_text(self) -> str:
        """See `Link.parting_text`."""
        if self._wire is not None and self._wire.parting is not None:
            return self._wire.parting.reason
        # Base profile 4.5: of a connection that was lost, nothing is passed on.
        return "" if self.close_code == CLOSE_CODE_LOST else self.close_reason

    @property
    def fault(self) -> str:
        """See `Link.fault`."""
        failure = None if self._wire is None else self._wire.failure
        if failure is None:
            return ""
        return failure.limit.lower() if isinstance(failure, LimitExceeded) else "bad_frame"

    def pass_on(self, carrier: Carrier) -> Unlisten:
        """See `Link.pass_on`."""
        unlisten = self.on_message.listen(carrier.carry)
        if self._wire is not None:
            # What was read before is on its way as messages.
            self._wire.pass_frames(carrier.passer)
            self._carrier = carrier
            self._is_between_frames = False
            self._passed_frames = carrier.passer.frames

        def stop() -> None:
            unlisten()
            self._carrier = None
            if self._wire is not None:
                self._wire.pass_frames(None)

        return stop

    def hold(self, reason: Hold) -> None:
        """See `Link.hold`."""
        if not self._holds:
            self._pause_reading()
        self._holds |= reason

    def release(self, reason: Hold) -> None:
        """See `Link.release`."""
        if not self._holds:
            return
        self._holds &= ~reason
        if not self._holds:
            self._resume_reading()

    def _resume_reading(self) -> None:
        if not self._holds:
            super()._resume_reading()

    def _enter_closing(self) -> None:
        # Or the answer to our close frame would never be read.
        self._holds = Hold.NONE
        super()._enter_closing()

    def get_buffer(self, sizehint: int) -> memoryview:
        """As in `WebSocketConnection`, but less at a time."""
        wire = self._wire
        if wire is not None and wire.large is not None:
            return wire.large.room()  # one large frame is cheap, however it comes
        return self._reading_window

    def buffer_updated(self, nbytes: int) -> None:
        """As in `WebSocketConnection`."""
        self.received_bytes += nbytes
        self._unjudged_bytes += nbytes
        carrier = self._carrier
        if carrier is None or not self._is_between_frames:
            super().buffer_updated(nbytes)
        else:
            self._pass_read(carrier, bytes(self._reading_space[:nbytes]))
        if nbytes == self._read_bytes == FEWEST_READ_BYTES and not self._holds:
            # libuv reads a socket up to 32 times before it looks at the next one.
            self.hold(Hold.TURN_IS_OVER)
            self._loop.call_soon(self._begin_turn)

    def _begin_turn(self) -> None:
        self.release(Hold.TURN_IS_OVER)

    def _deliver(self, wire: Wire, messages: list[Message], received_bytes: int) -> None:
        carrier = self._carrier
        if carrier is None:
            if messages:
                self._judge_size(len(messages))
            super()._deliver(wire, messages, received_bytes)
            return
        # As in `WebSocketConnection`, but nothing is answered to these here.
        is_over = self._note_read(wire, received_bytes, is_new=bool(messages))
        self._is_between_frames = not is_over and not wire.is_unfinished
        self._pass_frames(carrier, messages)
        if is_over:
            self._write_from(wire)
            self._note_end(wire)

    def _pass_read(self, carrier: Carrier, data: bytes) -> None:
        """Pass on what is read while nothing is unfinished; mostly, that is whole plain frames."""
        frames: list[Message] = []
        end = carrier.passer.take_frames(
            data, 0, frames, masked=True, max_bytes=self._max_message_bytes
        )
        if end < len(data) and self._wire is not None:
            frames += self._wire.receive(data[end:])
            self._deliver(self._wire, frames, len(data))
        else:
            self._pass_frames(carrier, frames)

    def _pass_frames(self, carrier: Carrier, frames: list[Message]) -> None:
        if frames and self.state.current_state is ConnectionState.OPEN:
            counted = carrier.passer.frames
            self._judge_size(counted - self._passed_frames)
            self._passed_frames = counted
            carrier.carry_frames(frames)

    def _judge_size(self, frames: int) -> None:
        """Read more or less at a time, as the frames are that have come."""
        # What a turn of the loop costs is a matter of frames, not of bytes. Control frames are
        # no messages: who sends nothing else is never read in large pieces.
        mean_bytes = self._unjudged_bytes / frames
        self._unjudged_bytes = 0
        if mean_bytes < TINY_FRAME_BYTES:
            read_bytes = FEWEST_READ_BYTES
        elif mean_bytes >= 2 * TINY_FRAME_BYTES:
            read_bytes = min(self._most_read_bytes, 2 * self._read_bytes)
        else:
            return
        if read_bytes != self._read_bytes:
            self._read_bytes = read_bytes
            self._reading_window = self._reading_space[:read_bytes]

    def _watch_writing(self) -> None:
        """Not here: the relay's rules compare both sides of a pair."""

    def pause_writing(self) -> None:
        """As in `WebSocketConnection`."""
        super().pause_writing()
        if self.on_full is not None:
            self.on_full(True)

    def resume_writing(self) -> None:
        """As in `WebSocketConnection`."""
        super().resume_writing()
        if self.on_full is not None:
            self.on_full(False)
