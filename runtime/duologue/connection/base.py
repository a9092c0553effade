"""What a connection promises, whatever carries it."""

import itertools
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Generic, TypeVar

from duologue.connection.drain_gate import DrainGate
from duologue.connection.opening_request import OpeningRequest
from duologue.errors import ConnectionClosed, DuologueError, LimitExceeded
from duologue.limits import MAX_SAFE_INTEGER

Message = str | bytes
"""One whole message: text or bytes. The two kinds are never mixed up on the way."""

CLOSE_CODE_NORMAL: Final = 1000
CLOSE_CODE_NONE_GIVEN: Final = 1005
CLOSE_CODE_LOST: Final = 1006
CLOSE_CODE_TOO_BIG: Final = 1009

T = TypeVar("T")
Unlisten = Callable[[], None]

_ids = itertools.count(1)


def size_in_bytes(message: Message) -> int:
    """How long a message is on the wire."""
    if isinstance(message, bytes) or message.isascii():
        return len(message)
    return len(message.encode())


class ConnectionState(StrEnum):
    """Where a connection stands. It only ever moves downwards."""

    CONNECTING = "connecting"
    """The opening handshake is not finished; nothing can be sent."""
    OPEN = "open"
    """Messages flow both ways."""
    CLOSING = "closing"
    """One side has asked to close; nothing more is sent, and what arrives is dropped."""
    CLOSED = "closed"
    """Over. `close_code` and `close_reason` are final."""


class Signal(Generic[T]):
    """Something one can listen to. Listeners are called at once, in the order they came."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[T], None], ...] = ()

    def listen(self, listener: Callable[[T], None]) -> Unlisten:
        """Call `listener` with every value from now on; returns the function that ends it."""
        self._listeners = (*self._listeners, listener)

        def unlisten() -> None:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

        return unlisten

    def forget_listeners(self) -> None:
        """End it for all of them."""
        self._listeners = ()

    def emit(self, value: T) -> None:
        """Hand `value` to every listener."""
        for listener in self._listeners:
            listener(value)


_NONE: Final[deque[Message]] = deque(maxlen=0)
"""Where nothing waits: an empty deque of one's own takes 700 bytes, and is seldom needed."""


class MessageSignal(Signal[Message]):
    """A `Signal` that loses nothing while nobody listens.

    Messages that come before the first listener, or between two, wait in `backlog` and are handed
    over, in order, before `listen` returns (base profile 9.1). Whoever emits bounds the backlog by
    not reading on while `backlog_bytes` is high; `when_emptied` tells it to go on.
    """

    __slots__ = ("_delivering", "_take_each", "backlog", "backlog_bytes", "when_emptied")

    def __init__(self) -> None:
        super().__init__()
        self.backlog: deque[Message] = _NONE
        self.backlog_bytes = 0
        """Their lengths together; characters, where a message is text."""
        self.when_emptied: Callable[[], None] | None = None
        """Called when listeners have taken the whole backlog. Belongs to whoever emits."""
        self._delivering = False
        self._take_each: Callable[[Sequence[Message]], None] | None = None
        """Of the only listener, if it takes several at once."""

    def listen(self, listener: Callable[[Message], None]) -> Unlisten:
        """As `Signal.listen`; what has waited is delivered before this returns."""
        unlisten = self.add_listener(listener)
        self.hand_over()
        return unlisten

    def listen_once(self, listener: Callable[[Message], None]) -> Unlisten:
        """Call `listener` with one message, the next; those behind it wait for the next listener.

        It may be called before this returns.
        """

        once = _Once(self, listener)
        self.hand_over()
        return once.end

    def add_listener(
        self,
        listener: Callable[[Message], None],
        take_each: Callable[[Sequence[Message]], None] | None = None,
    ) -> Unlisten:
        """`listen` for those who may stop listening half-way; `hand_over` starts the delivery.

        As long as nobody else listens, `take_each` is called with all messages that have come
        together. If it stops listening among them, or the connection ends, it emits the rest anew
        or drops it.
        """
        unlisten_one = super().listen(listener)
        self._take_each = take_each if len(self._listeners) == 1 else None

        def unlisten() -> None:
            unlisten_one()
            self._take_each = None

        return unlisten

    def emit(self, value: Message) -> None:
        """Hand `value` to every listener, or keep it until there is one."""
        if self._listeners and not self.backlog:
            for listener in self._listeners:
                listener(value)
            return
        if self.backlog is _NONE:
            self.backlog = deque()
        self.backlog.append(value)
        self.backlog_bytes += len(value)
        self.hand_over()

    def emit_each(self, messages: Sequence[Message], state: "StateOfConnection") -> None:
        """`emit` one after the other, as long as `state` is OPEN."""
        if self._take_each is not None and not self.backlog:
            if messages and state.current_state is ConnectionState.OPEN:
                self._take_each(messages)
            return
        for message in messages:
            if state.current_state is not ConnectionState.OPEN:
                return
            if self._listeners and not self.backlog:
                for listener in self._listeners:
                    listener(message)
            else:
                self.emit(message)

    def hand_over(self) -> None:
        """Deliver what has waited, as long as somebody listens."""
        # A listener may stop listening half-way, or cause an emit: one loop keeps the order.
        if self._delivering or not self._listeners or not self.backlog:
            return
        self._delivering = True
        try:
            while self._listeners and self.backlog:
                message = self.backlog.popleft()
                self.backlog_bytes -= len(message)
                for listener in self._listeners:
                    listener(message)
        finally:
            self._delivering = False
        self._note_taken()

    def forget_listeners(self) -> None:
        """See `Signal.forget_listeners`."""
        super().forget_listeners()
        self._take_each = None

    def take_waiting(self) -> Message | None:
        """What has waited longest, where nobody listens; None if nothing waits."""
        if self._listeners or self._delivering or not self.backlog:
            return None
        message = self.backlog.popleft()
        self.backlog_bytes -= len(message)
        self._note_taken()
        return message

    def _note_taken(self) -> None:
        if not self.backlog:
            self.backlog = _NONE
            if self.when_emptied is not None:
                self.when_emptied()

    def drop_backlog(self) -> None:
        """Forget what waits: the connection is closed, nothing is delivered any more."""
        self.backlog.clear()
        self.backlog_bytes = 0


class _Once:
    """Listens for one message; knows its signal, and is known to it, only until then."""

    __slots__ = ("_listener", "_unlisten")

    def __init__(self, signal: MessageSignal, listener: Callable[[Message], None]) -> None:
        self._listener = listener
        self._unlisten: Unlisten | None = signal.add_listener(self)

    def __call__(self, message: Message) -> None:
        self.end()
        self._listener(message)

    def end(self) -> None:
        """Listen no more."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None


class StateOfConnection:
    """The present state and the moment of entering each later one."""

    __slots__ = ("current_state", "on_enter_state")

    def __init__(self, initial: ConnectionState) -> None:
        self.current_state = initial
        self.on_enter_state: Signal[ConnectionState] = Signal()

    def enter(self, state: ConnectionState) -> None:
        """Move to `state` and tell; entering the present state again does nothing."""
        if state is not self.current_state:
            self.current_state = state
            self.on_enter_state.emit(state)


class Connection(ABC):
    """Whole messages, in order, both ways; callback style and synchronous.

    Promises, checked for every implementation by `duologue.testing.check_connection`:

    * `send` either takes the message, in order, or raises. It never waits and never blocks.
    * Text arrives as `str`, bytes as `bytes`; nothing is split, joined, repeated or reordered.
    * The state moves CONNECTING, OPEN, CLOSING, CLOSED; states may be skipped, never repeated.
      When CLOSED is entered, `close_code`, `close_reason` and `failure` are final, and after it no
      message is delivered.
    * No task and no timer is left behind once the state is CLOSED.
    """

    __slots__ = (
        "__weakref__",
        "_other_side_takes",
        "address_group",
        "claimed_key",
        "close_code",
        "close_reason",
        "failure",
        "gate",
        "id",
        "max_send_bytes",
        "on_message",
        "own_key",
        "remote_address",
        "remote_key",
        "request",
        "state",
    )

    def __init__(
        self,
        state: ConnectionState = ConnectionState.CONNECTING,
        *,
        gate: DrainGate | None = None,
        max_send_bytes: int = MAX_SAFE_INTEGER,
    ) -> None:
        self.id = next(_ids)
        self.gate = gate or DrainGate()
        """Shut while more than `PAUSE_ABOVE_BYTES` are unsent; open for good after the end."""
        self.max_send_bytes = max_send_bytes
        """The largest message that `send` takes: the least of what both sides allow."""
        self._other_side_takes = MAX_SAFE_INTEGER
        """What `bound_sending` was told, if it is less than what this side allows."""
        self.state = StateOfConnection(state)
        self.on_message = MessageSignal()
        self.close_code: int | None = None
        """The WebSocket close code; 1005 none given, 1006 lost without a close frame."""
        self.close_reason = ""
        self.failure: DuologueError | None = None
        """Why the connection was ended, where it was a fault: a limit, a broken protocol."""
        self.remote_address: str | None = None
        """What the transport knows of the other side's address, as text for people."""
        self.request: OpeningRequest | None = None
        """The HTTP request that opened it, at the side that was asked, where there was one."""
        self.address_group = ""
        """Whom limits count as one with the other side, by its address; empty: nobody knows."""
        self.remote_key: bytes | None = None
        """The other side's public key, 32 bytes, once it has proved to have it; else None."""
        self.claimed_key: bytes | None = None
        """The key that the handshake was made with; proved once `remote_key` is set."""
        self.own_key: bytes | None = None
        """This side's public key in this conversation; None without encryption."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Accept one message for sending.

        Raises:
            ConnectionClosed: the connection is not open; nothing was taken.
            LimitExceeded: the message is above `max_send_bytes`; nothing was taken.
        """

    def bound_sending(self, max_bytes: int) -> None:
        """Refuse, from now on, to send what the other side has said it would not take."""
        if max_bytes < self.max_send_bytes:
            self.max_send_bytes = self._other_side_takes = max_bytes

    def read_batches(self) -> None:  # noqa: B027 - most have no boxes
        """The other side is being told that this one reads several messages in one box."""

    def send_batches(self) -> None:  # noqa: B027 - most have no boxes
        """The other side reads several messages in one box: those of a turn may go together."""

    def gather(self) -> None:  # noqa: B027 - most write nothing together
        """What is sent in the rest of this turn of the loop may leave together, at its end."""

    def note_batch(self, more: int) -> None:  # noqa: B027 - most have no boxes
        """For a layer above: a message that came held so many more. What is read at once counts."""

    def send_utf8(self, text: bytes) -> None:
        """`send` of a text that is already UTF-8; carriers that write bytes save two copies."""
        self.send(text.decode())

    @abstractmethod
    def close(self, reason: str | None = None) -> None:
        """Start closing with code 1000 (base profile 8.3). Does nothing once closing or closed."""

    @abstractmethod
    def terminate(self, reason: str) -> None:
        """Close without waiting for the other side: the state is CLOSED when this returns."""

    @property
    @abstractmethod
    def buffered_amount(self) -> int:
        """Bytes accepted by `send` and not yet handed to the network."""

    @property
    def is_mid_message(self) -> bool:
        """Whether a message has begun to come and is not whole; how fast it goes on is watched."""
        return False

    async def drained(self) -> None:
        """Wait until little is buffered (base profile 7.5), or the connection is closed."""
        await self.gate.wait()

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        """For implementations: make the end final, then tell it. The first call decides."""
        if self.state.current_state is ConnectionState.CLOSED:
            return
        self.close_code = code
        self.close_reason = reason
        if failure is not None:
            self.failure = failure
        self.on_message.drop_backlog()
        self.state.enter(ConnectionState.CLOSED)
        # Nothing will ever be told again. Whoever listened mostly knows us, as we knew them: of
        # connections that come and go, the collector should have nothing to find.
        self.state.on_enter_state.forget_listeners()
        self.on_message.forget_listeners()

    def too_large(self, met_bytes: int) -> LimitExceeded:
        """For implementations: what `send` raises for a message above `max_send_bytes`."""
        whose = "the other side's " if self.max_send_bytes == self._other_side_takes else ""
        return LimitExceeded(f"{whose}max_message_bytes", self.max_send_bytes, met_bytes)

    def _refuse_send(self) -> ConnectionClosed:
        """For implementations: what `send` raises when the connection is not open."""
        state = self.state.current_state
        reason = self.close_reason or f"the connection is {state}"
        return ConnectionClosed(self.close_code or CLOSE_CODE_LOST, reason, sent="no")
