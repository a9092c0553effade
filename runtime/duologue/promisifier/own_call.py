"""One own call: the future its caller waits on, what is called, and how the answer is read."""

import asyncio
import math
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from typing import Any, Final, Protocol, Self, TypeVar

import msgspec

from duologue.errors import ConnectionClosed, DuologueError
from duologue.promisifier.streams.items import OwnItems
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.promisifier.wakeups import Waiter, Wakeups
from duologue.protocol.call_fields import meta_field, timeout_field
from duologue.protocol.hello import CalledContract
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Target(Protocol):
    """What is called. A method of a contract is one."""

    @property
    def id(self) -> int:
        """Its number; for a method of a contract, counted from where the other side says."""
        ...

    @property
    def contract(self) -> CalledContract | None:
        """The service whose method is called; None if no contract says."""
        ...

    @property
    def may_be_repeated(self) -> bool:
        """Whether the call may run twice: its contract declares it `read` or `idempotent`."""
        ...

    @property
    def may_wait(self) -> bool:
        """Whether it may leave later, if too much is open or unsent; else it fails at once."""
        ...


class Reading(Protocol[T_co]):
    """How the answer to a call is read. A method of a contract is one."""

    @property
    def full_name(self) -> str:
        """The method's name, for messages to people."""
        ...

    @property
    def takes_parts(self) -> bool:
        """Whether the result may come with parts beside it (PROTOCOL 12)."""
        ...

    def decode_result(self, data: Payload | None) -> T_co:
        """The value of a JSON result (None: there is none), or a `DuologueError` if it is unfit."""
        ...

    def decode_stream(self, stream: ByteStream | TextStream) -> T_co:
        """The value of a stream in place of a JSON result; raises as `decode_result`."""
        ...

    def decode_failure(self, failure: Failure) -> DuologueError:
        """The exception for what the other side said of its failure."""
        ...


WRONG_THREAD: Final = (
    "this conversation belongs to the event loop of another thread. From here, hand that loop what "
    "is to be done: asyncio.run_coroutine_threadsafe(coroutine, loop).result(), or "
    "loop.call_soon_threadsafe(function, ...) for what is not awaited"
)
"""What calls, events and closing from another thread are answered."""

_ENDED_LOOP: Final = (
    "this conversation was over when its event loop was closed, as its asyncio.run returned: make "
    "another one in this loop"
)

_RESTING_LOOP: Final = (
    "this conversation belongs to another event loop, which does not run at present: use it there, "
    "or make another one in this loop"
)


def wrong_loop(loop: asyncio.AbstractEventLoop) -> RuntimeError:
    """For who uses what belongs to `loop`, and does not run in it."""
    if loop.is_closed():
        return RuntimeError(_ENDED_LOOP)
    return RuntimeError(WRONG_THREAD if loop.is_running() else _RESTING_LOOP)


def check_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Raise `RuntimeError`, with the remedy, if `loop` runs in another thread.

    Where it does not run at all nothing is said: so does asyncio cancel what is left at the end.
    """
    if asyncio._get_running_loop() is not loop and loop.is_running():
        raise wrong_loop(loop)


class CallOptions(msgspec.Struct, frozen=True):
    """What a caller may wish of one call. Made once, by `call_options`, and used for many calls."""

    timeout_s: float | None = None
    """From the moment of the call until its answer, or the first item; infinity is no deadline, and
    None is what `Limits.call_timeout_s` says."""
    items: OwnItems | None = None
    """Where items of the call go; options with them are for one call."""
    timeout_field: bytes = b""
    """`timeout_s` as the request says it, if it leaves at once."""
    meta_field: bytes = b""
    """What the request says beside its arguments, if the other side wants to know."""
    answer_meta: dict[str, str] | None = None
    """Gets what the answer says beside its result."""


def call_options(
    timeout_s: float | None = None,
    meta: Mapping[str, str] | None = None,
    answer_meta: dict[str, str] | None = None,
) -> CallOptions:
    """The options of calls with this deadline and this metadata.

    Raises:
        ValueError: `meta` may not be sent.
        LimitExceeded: there is too much of it.
    """
    return CallOptions(
        timeout_s,
        timeout_field=b"" if timeout_s is None else timeout_field(timeout_s),
        meta_field=b"" if meta is None else meta_field(meta),
        answer_meta=answer_meta,
    )


NO_DEADLINE: Final = CallOptions(math.inf)


class CallOwner(Protocol):
    """Who is told of a call that was given up, or lost."""

    def on_call_cancelled(self, call: "Call[Any]") -> None:
        """`call` has been cancelled; told once."""

    def on_unanswered(self, call: "Call[Any]", error: ConnectionClosed) -> None:
        """The connection of `call` is closed and it was not answered; it is to be settled."""

    def on_turned_away(self, call: "Call[Any]") -> bool:
        """`call` was answered `GOING_AWAY`: it has not run. Returns whether it is taken care of."""
        ...


_init: Final[Callable[[asyncio.Future[Any]], None]] = vars(asyncio.Future)["__init__"]
_set_result: Final[Callable[[asyncio.Future[Any], Any], None]] = asyncio.Future[Any].set_result
"""To look for them above `Call` takes as long as what they do."""


def _listed(_: object) -> None:
    """In the place of a waiter where those who wait are in the list that asyncio keeps."""


class Call(asyncio.Future[T]):
    """The result of a call, awaitable. One object per call, and no task.

    Cancelling it, or the task that awaits it, gives the call up: its owner is told.

    Nearly always one task waits for it and nothing else. That one is kept here, so that all whose
    answers come in one turn of the loop can be woken together: see `settle`. Seen from outside it
    is a future like any other.
    """

    # A future subclass rather than a done-callback: the callback would cost every call a loop turn.
    __slots__ = (
        "_waiter",
        "_waiter_context",
        "due_s",
        "is_late",
        "items",
        "options",
        "owner",
        "reading",
        "request_id",
        "service_id",
        "target",
        "timeout_s",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        target: Target,
        reading: Reading[T],
        owner: CallOwner,
        timeout_s: float = math.inf,
        options: CallOptions = NO_DEADLINE,
    ) -> None:
        """`timeout_s` counts from now; infinity is no deadline. Of `options` it is what they say,
        or what is usual where they say nothing.

        Raises:
            RuntimeError: this is not where `loop` runs; nothing has been done.
        """
        # A future without a loop takes that of its thread: this costs no call of its own.
        try:
            _init(self)
        except RuntimeError:
            raise wrong_loop(loop) from None
        if self._loop is not loop:
            raise wrong_loop(loop)
        self._waiter: Waiter | None = None
        """`_listed` once there are several: asyncio keeps those."""
        self.target = target
        self.reading = reading
        self.owner = owner
        self.request_id = -1
        """-1 until the request has been handed to the connection."""
        self.service_id = 0
        """The number it is called by at the other side; 0 until that is asked for."""
        self.timeout_s = timeout_s
        """What the caller asked for; tells the error how long that was."""
        self.due_s = math.inf if timeout_s == math.inf else loop.time() + timeout_s
        """When it fails unless it is settled, by the loop's clock."""
        self.is_late = False
        """Whether less time is left than its options say: it has waited, or others bound it."""
        self.options = options
        """The caller's wishes."""
        self.items = options.items
        """Of a call with items."""

    @property
    def patience_s(self) -> float:
        """How long a stream that answers it may be silent."""
        timeout_s = self.options.timeout_s
        return math.inf if timeout_s is None else timeout_s

    def cancel(self, msg: object = None) -> bool:
        """Give the call up; a late answer will be dropped.

        Raises:
            RuntimeError: this is another thread than the event loop's; nothing has been done.
        """
        check_thread(self._loop)
        if not super().cancel(msg):
            return False
        self._release()
        self.owner.on_call_cancelled(self)
        return True

    def settle(self, result: T, wakeups: Wakeups) -> None:
        """`set_result`, and let who waits for it go on with the others of `wakeups`."""
        _set_result(self, result)
        waiter = self._waiter
        if waiter is not None and waiter is not _listed:
            self._waiter = None
            due = wakeups.due
            if not due:
                wakeups.begin()
            due.append((waiter, self, self._waiter_context))

    def set_result(self, result: T, /) -> None:
        """As of any future."""
        super().set_result(result)
        self._release()

    def set_exception(self, exception: type | BaseException, /) -> None:
        """As of any future."""
        super().set_exception(exception)
        self._release()

    def add_done_callback(
        self, fn: Callable[[Self], object], /, *, context: Context | None = None
    ) -> None:
        """As of any future."""
        waiter = self._waiter
        if waiter is None and not self.done():
            self._waiter = fn
            self._waiter_context = copy_context() if context is None else context
            return
        if waiter is not None and waiter is not _listed:
            # In their order.
            self._waiter = _listed
            super().add_done_callback(waiter, context=self._waiter_context)
        super().add_done_callback(fn, context=context)

    def remove_done_callback(self, fn: Callable[[Self], object], /) -> int:
        """As of any future."""
        if self._waiter == fn:
            self._waiter = None
            return 1
        return super().remove_done_callback(fn)

    def _release(self) -> None:
        """Let who waits for it go on, in the next turn of the loop."""
        waiter = self._waiter
        if waiter is not None and waiter is not _listed:
            self._waiter = None
            self._loop.call_soon(waiter, self, context=self._waiter_context)

    def fail(self, error: DuologueError) -> None:
        """Settle with an error."""
        error.foreign = True
        self.set_exception(error)

    def fail_quietly(self, error: DuologueError) -> None:
        """`fail` without a log line if nobody awaits: the caller may have gone for good reasons."""
        self.fail(error)
        self.exception()

    def stand_in(self) -> "Call[Any]":
        """The same call, settled, without its result."""
        other: Call[Any] = Call(self.get_loop(), self.target, self.reading, self.owner)
        other.service_id = self.service_id
        other.request_id = self.request_id
        other.options = self.options
        other.set_result(None)
        return other
