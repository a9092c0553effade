"""Deadlines around many calls: of a block, and of the call that is being served."""

import asyncio
import math
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Self

from duologue.arguments import check_seconds
from duologue.errors import DeadlineExceeded
from duologue.promisifier.own_call import Call
from duologue.promisifier.served_call import serving

in_force: Final[set[object]] = set()
"""What bounds calls just now, in any thread, by its deadline: with nothing here, nobody looks
further."""

_scope: Final[ContextVar["Deadline | None"]] = ContextVar("duologue_deadline", default=None)


class Deadline:
    """A time for all calls that are made in a block, by whatever client; made by `deadline`."""

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None:
            check_seconds("deadline(...)", seconds)
        self._seconds = seconds
        self._is_entered = False
        self.outer: Deadline | None = None
        """The block around it, while it lasts."""
        self.due_s = math.inf
        """When the time is over, by the clock of the loop; known inside the block."""
        self.is_over = False
        """Whether the block has been left: then nothing is bound by it."""

    def remaining(self) -> float:
        """Seconds that are left, at least 0; infinity without a bound."""
        return max(0.0, self.due_s - asyncio.get_running_loop().time())

    async def __aenter__(self) -> Self:
        if self._is_entered:
            raise RuntimeError("this deadline was entered before: make another one")
        self._is_entered = True
        if self._seconds is not None:
            now_s = asyncio.get_running_loop().time()
            self.due_s = min(due_in_force(), now_s + self._seconds)
        self.outer = _scope.get()
        _scope.set(self)
        in_force.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.is_over = True
        in_force.discard(self)
        # Not by a token: a generator may leave the block in another context.
        if _scope.get() is self:
            _scope.set(self.outer)
        self.outer = None


def deadline(seconds: float | None) -> Deadline:
    """Bound all calls that are made in an `async with` block, together.

        async with duologue.deadline(2):
            room = await rooms.join(room="lobby", name="Ann")
            await rooms.post(room="lobby", text="Hello")

    Each call has what is left when it is made, or its own timeout if that is less; one that is made
    too late fails at once, with `DeadlineExceeded`. The other side learns how much is left and
    stops by itself. Tasks that are started in the block are bound as long as the block lasts. Other
    awaiting is not: use `asyncio.timeout` for that.

    The calls that a handler makes are bound so by what is left of the call it serves, as long as
    it serves it. `None` lifts whatever bounds calls here.
    """
    return Deadline(seconds)


def lift_deadlines() -> None:
    """Let nothing that is made in this context be bound by the blocks it was made in."""
    _scope.set(None)


def due_in_force() -> float:
    """When calls that are made here have to be over, by the loop's clock; infinity: no bound."""
    scope = _scope.get()
    while scope is not None and scope.is_over:
        scope = scope.outer
    if scope is not None:
        return scope.due_s
    served = serving.get(None)
    if served is None or (served.task is not None and served.task.done()):
        return math.inf
    return served.due_s


def obey_deadline(call: Call[Any]) -> bool:
    """Have `call` end no later than what is in force; False if that is over: `call` has failed."""
    due_s = due_in_force()
    if due_s < call.due_s:
        left_s = due_s - call.get_loop().time()
        call.due_s, call.timeout_s, call.is_late = due_s, left_s, True
        if left_s <= 0:
            name = call.reading.full_name
            text = f"{name} was not called: the time of what it belongs to was over before"
            call.fail(DeadlineExceeded(text, details={"where": "leaving"}))
            return False
    return True
