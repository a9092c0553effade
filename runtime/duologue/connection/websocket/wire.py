"""One end of an open WebSocket, without I/O: bytes in, whole messages out."""

from collections.abc import Callable, Iterator
from typing import Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from duologue.connection.base import CLOSE_CODE_TOO_BIG, Message
from duologue.connection.random_stocks import MASK_KEY_BYTES
from duologue.connection.websocket.foreign_log import LOGGER
from duologue.connection.websocket.frame_passer import FramePasser, TakeFrames
from duologue.connection.websocket.frames import (
    CONTROL_BIT,
    OPCODE_BITS,
    WHOLE_BINARY,
    WHOLE_TEXT,
    FrameHead,
    LargeFrame,
    encode_masked_frame,
    read_head,
    take_plain_frames,
)
from duologue.connection.websocket.plain_closing import CLOSE, Parting, PlainClosing
from duologue.connection.websocket.wire_faults import failure_from, limit_told_by_peer
from duologue.errors import BadFrame, DuologueError, LimitExceeded
from duologue.limits import (
    MAX_CONTROL_FRAMES_PER_S,
    MAX_SHORT_FRAGMENTS,
    SHORT_FRAGMENT_BYTES,
)
from duologue.protocol.closing import refusal_text

LARGE_FRAME_BYTES: Final = 32_768
"""A frame above this gets a buffer of its own, unless the last read was larger than it: then a few
such frames are read at once, which saves more than that buffer does."""

NO_MASK: Final = bytes(MASK_KEY_BYTES)
"""For frames that never leave our own machines: they look like a client's, and hide nothing."""

_DATA_OPCODES: Final = frozenset((Opcode.CONT, Opcode.TEXT, Opcode.BINARY))
_OPCODES: Final = frozenset(Opcode)


class Wire:
    """Turns bytes into messages; whole plain frames itself, the rest with `websockets`.

    `protocol` is the Sans-I/O object of `websockets`, made at the first frame that is not plain
    unless the opening handshake has needed it. It is the authority on control frames, closing that
    is not plain, and whatever is wrong.
    Joining fragments and checking UTF-8 is ours, for both ways through.

    When `failure` is set, the connection has been failed and the peer told; nothing more is read.
    """

    _kept: bytearray | None = None
    """What has come of the frame that is with `websockets`: see `keep_unread`. Hardly ever set."""

    def __init__(
        self,
        reached: Protocol | Side,
        *,
        max_message_bytes: int,
        clock: Callable[[], float],
        keys: Iterator[bytes] | None = None,
        large_frame_bytes: int = LARGE_FRAME_BYTES,
    ) -> None:
        """`reached` is the open Sans-I/O object, or which side this is. `keys` mask a client's
        close frames; without them `websockets` does it."""
        self._side = reached if isinstance(reached, Side) else reached.side
        self._protocol = None if isinstance(reached, Side) else reached
        self.failure: DuologueError | None = None
        self.large: LargeFrame | None = None
        """Where the next bytes belong, while a large frame comes in: see `receive_large`."""
        self.pieces = 0
        """Frames so far that were parts of messages in several."""
        self.was_plain = False
        """Whether the last read was of whole messages in one frame each, and of nothing else: then
        nothing is unfinished, nothing over, and nothing to be said."""
        self.short_pieces = 0
        """Of those, the ones below `SHORT_FRAGMENT_BYTES`."""
        self._is_between = True
        """Nothing is unfinished, and nothing over: a frame may start."""
        self._take_frames: TakeFrames = take_plain_frames
        self._passer: FramePasser | None = None
        self._masked = self._side is Side.SERVER
        self._max_message_bytes = max_message_bytes
        self._clock = clock
        self._large_frame_bytes = large_frame_bytes
        self._remainder = b""
        """The start of a frame whose rest has not come."""
        self._read_bytes = 0
        """How much has come at once, if that was more than plain frames."""
        self._foreign_bytes = 0
        """How much of the present frame has still to go to `websockets`."""
        self._parts = bytearray()
        self._first_of_parts = 0
        """Opcode of the message that comes in fragments; 0 while there is none."""
        self._short_parts = 0
        self._control_frames = 0
        self._control_window_start = clock()
        self._keys = keys
        self._closing: PlainClosing | None = None
        """Made when somebody closes; None again once `websockets` is needed."""

    @property
    def protocol(self) -> Protocol:
        """The Sans-I/O object; see above."""
        if self._protocol is None:
            self._protocol = Protocol(
                self._side, state=State.OPEN, max_size=self._max_message_bytes, logger=LOGGER
            )
            if self._closing is not None:
                self._closing.tell(self._protocol)
                self._closing = None
        return self._protocol

    def data_to_send(self) -> list[bytes]:
        """What is to be sent beside messages; an empty part stands for the end."""
        if self._closing is not None:
            return self._closing.data_to_send()
        return [] if self._protocol is None else self._protocol.data_to_send()

    def send_close(self, code: int, reason: str) -> None:
        """Queue our close frame, unless one of ours is on its way already."""
        # Who reads a batch that ends with the peer's close frame has answered it already.
        closing = self._plain_closing()
        if closing is not None and (closing.sent is not None or closing.say(code, reason)):
            return
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(code, reason)

    def receive_eof(self) -> None:
        """Read that nothing more comes."""
        # Behind both close frames nothing can be missing.
        if self._closing is None or self._closing.received is None:
            self.protocol.receive_eof()

    @property
    def is_over(self) -> bool:
        """Nothing more is read: the peer has closed, or the connection has been failed."""
        closing, protocol = self._closing, self._protocol
        return (
            self.failure is not None
            or (closing is not None and closing.received is not None)
            or (protocol is not None and protocol.close_rcvd is not None)
        )

    @property
    def is_agreed(self) -> bool:
        """Both sides have sent a close frame, and nobody has anything more to say."""
        return self.failure is None and self.parting is not None

    @property
    def parting(self) -> Parting | None:
        """What the peer's close frame says, once it has come."""
        if self._closing is not None:
            return self._closing.received
        close = None if self._protocol is None else self._protocol.close_rcvd
        return None if close is None else Parting(int(close.code), close.reason)

    @property
    def is_unfinished(self) -> bool:
        """A frame or a message has begun whose end has not come."""
        return bool(
            self._remainder or self.large is not None or self._first_of_parts or self._foreign_bytes
        )

    @property
    def ending(self) -> tuple[int, str] | None:
        """The close code and reason that count; None if nothing has been said of it."""
        if self.failure is None or self._protocol is None:
            return self.parting
        # Who fails a connection does not read the answer: its own words count.
        close = self._protocol.close_sent
        return None if close is None else (int(close.code), close.reason)

    @property
    def what_went_wrong(self) -> DuologueError | None:
        """Why the connection ends, where that is a fault: found here, or told by the peer."""
        closed = self.parting
        if self.failure is None and closed is not None and closed.code == CLOSE_CODE_TOO_BIG:
            return limit_told_by_peer(closed.reason)
        return self.failure

    def allow_message_bytes(self, max_bytes: int) -> None:
        """Set the limit for messages from now on, for instance once it is known who sends them."""
        self._max_message_bytes = max_bytes

    def pass_frames(self, passer: FramePasser | None) -> None:
        """From now on return the bytes of frames for the other side, not messages; None: again.

        Only for the server's side of a connection.
        """
        self._passer = passer
        self._take_frames = take_plain_frames if passer is None else passer.take_frames
        self._kept = None

    def keep_unread(self) -> None:
        """From now on, until `pass_frames`, remember what `unread` has to give.

        Only for the server's side, before anything has come.
        """
        self._kept = bytearray()

    def unread(self) -> bytes:
        """What has come of a message that is not whole, as a client's frames; after `keep_unread`.

        Whoever reads the connection from here on begins with it.
        """
        begun = b""
        if self._first_of_parts:
            # As one first fragment: what the parts were does not matter any more.
            whole = encode_masked_frame(0x80 | self._first_of_parts, bytes(self._parts), NO_MASK)
            begun = bytes((self._first_of_parts,)) + whole[1:]
        kept = b"" if self._kept is None else bytes(self._kept)
        large = b"" if self.large is None else self.large.so_far()
        return begun + kept + large + self._remainder

    def receive(self, data: bytes) -> list[Message]:
        """Read what came from the network; returns the messages that are now whole."""
        messages: list[Message] = []
        position = 0
        if self._is_between:
            # Nearly always, and then nearly always all there is to it.
            position = self._take_frames(
                data, 0, messages, masked=self._masked, max_bytes=self._max_message_bytes
            )
            if position == len(data):
                self.was_plain = True
                return messages
        self.was_plain = False
        self._read_bytes = len(data)
        if self.large is not None:
            taken = self.large.feed(data)
            data = data[taken:]
            self._finish_large(messages)
        if self._remainder:
            data = self._remainder + data
            self._remainder = b""
        while position < len(data) and not self.is_over:
            if self._foreign_bytes:
                stop = position + self._foreign_bytes
                self._hand_over(data[position:stop], messages)
                position = min(stop, len(data))
            else:
                position = self._start_frame(data, position, messages)
        self._is_between = not (self.is_unfinished or self.is_over)
        return messages

    def receive_large(self, size: int) -> list[Message]:
        """As `receive`, for `size` bytes that were written to `large.room()`."""
        messages: list[Message] = []
        self.was_plain = False
        if self.large is not None:
            self.large.advance(size)
            self._finish_large(messages)
        self._is_between = not (self.is_unfinished or self.is_over)
        return messages

    def give_up(self, failure: LimitExceeded) -> None:
        """Fail the connection because the rest of a message is late."""
        self.large = None
        self._is_between = False
        self._fail(CloseCode.POLICY_VIOLATION, refusal_text(failure), failure)

    def _start_frame(self, data: bytes, position: int, messages: list[Message]) -> int:
        """Go on where a frame starts; returns how far `data` is read."""
        plain_may_come = not self._first_of_parts
        if plain_may_come:
            position = self._take_frames(
                data,
                position,
                messages,
                masked=self._masked,
                max_bytes=self._max_message_bytes,
            )
            if position == len(data):
                return position
            if data[position] == CLOSE:
                closing = self._plain_closing()
                if closing is not None and closing.receive(data, position):
                    return len(data)
        head = read_head(data, position)
        if head is None:
            if self._is_hopeless(data, position):
                # It will be refused, so its length does not matter.
                self._foreign_bytes = len(data) - position
                return position
            self._remainder = data[position:]
            return len(data)
        size = head.size + head.length
        if plain_may_come and position + size > len(data) and self._is_plain(head):
            start = position + head.size
            if size <= max(self._large_frame_bytes, self._read_bytes) or start > len(data):
                self._remainder = data[position:]
                return len(data)
            key = data[start - MASK_KEY_BYTES : start] if self._masked else b""
            self.large = LargeFrame(head, key, data[start:])
            return len(data)
        # RFC 6455 5.4: control frames may come between fragments. `websockets` counts them as part
        # of the message, and refuses a close frame as long as it remembers one that is unfinished.
        is_control = head.first & CONTROL_BIT
        self.protocol.max_message_size = None if is_control else self._max_message_bytes
        if head.first & OPCODE_BITS == Opcode.CLOSE:
            self.protocol.current_size = None
        self._foreign_bytes = size
        return position

    def _plain_closing(self) -> PlainClosing | None:
        """Where close frames go, as long as `websockets` has not been needed."""
        if self._closing is None and self._protocol is None:
            if self._keys is None and not self._masked:
                return None
            self._closing = PlainClosing(self._keys)
        return self._closing

    def _is_hopeless(self, data: bytes, position: int) -> bool:
        """Whether the first two bytes of a frame are already wrong, whatever follows."""
        if len(data) - position < 2:
            return False
        return (
            data[position] & OPCODE_BITS not in _OPCODES
            or (data[position + 1] >= 0x80) is not self._masked
        )

    def _is_plain(self, head: FrameHead) -> bool:
        return (
            (head.first == WHOLE_TEXT or head.first == WHOLE_BINARY)
            and head.masked is self._masked
            and head.length <= self._max_message_bytes
        )

    def _finish_large(self, messages: list[Message]) -> None:
        large = self.large
        if large is not None and large.is_whole:
            self.large = None
            self._take(large.first & OPCODE_BITS, large.payload(), messages)

    def _hand_over(self, data: bytes, messages: list[Message]) -> None:
        """Let `websockets` read bytes of a frame that is not plain."""
        self._foreign_bytes -= len(data)
        if self._kept is not None:
            self._kept += data
            if not self._foreign_bytes:
                self._kept.clear()
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and not self.is_over:
                if event.opcode in _DATA_OPCODES:
                    self._join(event, messages)
                else:
                    self._count_control_frame()
        if self.failure is None and self.protocol.parser_exc is not None:
            self.failure = failure_from(self.protocol.parser_exc, self._max_message_bytes)

    def _join(self, frame: Frame, messages: list[Message]) -> None:
        """Take a data frame; `websockets` has checked that it may come here, and the size."""
        opcode = self._first_of_parts or frame.opcode
        self.pieces += 1
        if len(frame.data) < SHORT_FRAGMENT_BYTES:
            self.short_pieces += 1
            self._short_parts += 1
            if self._short_parts > MAX_SHORT_FRAGMENTS:
                self._fail(
                    CloseCode.MESSAGE_TOO_BIG,
                    f"message in more than {MAX_SHORT_FRAGMENTS} short fragments",
                    LimitExceeded("MAX_SHORT_FRAGMENTS", MAX_SHORT_FRAGMENTS, self._short_parts),
                )
                return
        self._parts += frame.data
        if frame.fin:
            payload = bytes(self._parts)
            self._parts = bytearray()
            self._first_of_parts = self._short_parts = 0
            self._take(opcode, payload, messages)
        else:
            self._first_of_parts = opcode

    def _take(self, opcode: int, payload: bytes, messages: list[Message]) -> None:
        if opcode == Opcode.BINARY:
            if self._passer is None:
                messages.append(payload)
            else:
                self._passer.add(WHOLE_BINARY, payload, messages)
            return
        try:
            text = payload.decode()
            if self._passer is None:
                messages.append(text)
            else:
                self._passer.add(WHOLE_TEXT, payload, messages)
        except UnicodeDecodeError as error:
            # RFC 6455 8.1. Where, not what: a close reason must not carry the payload.
            what = f"text is not UTF-8: {error.reason} at position {error.start}"
            self._fail(CloseCode.INVALID_DATA, what, BadFrame(what))

    def _count_control_frame(self) -> None:
        now = self._clock()
        if now - self._control_window_start >= 1:
            self._control_window_start = now
            self._control_frames = 0
        self._control_frames += 1
        if self._control_frames > MAX_CONTROL_FRAMES_PER_S:
            self._fail(
                CloseCode.POLICY_VIOLATION,
                f"more than {MAX_CONTROL_FRAMES_PER_S} control frames in a second",
                LimitExceeded(
                    "MAX_CONTROL_FRAMES_PER_S", MAX_CONTROL_FRAMES_PER_S, self._control_frames
                ),
            )

    def _fail(self, code: CloseCode, reason: str, failure: DuologueError) -> None:
        self.failure = failure
        self.protocol.fail(code, reason)
