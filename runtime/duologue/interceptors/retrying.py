"""Calls that failed for the moment, made again: as their contract allows, within a budget."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from duologue.errors import (
    CallError,
    ConnectionClosed,
    ContractError,
    DeadlineExceeded,
    GoingAway,
    LimitExceeded,
)
from duologue.promisifier.failures import THEIRS
from duologue.typed.interceptors import Interceptor, Invocation, Next

R = TypeVar("R")

_NOT_RUN: Final = frozenset(
    THEIRS + name
    for name in (
        "max_waiting_calls",
        "max_waiting_bytes",
        "max_waiting_bytes_total",
        "max_nested_calls",
    )
)
"""Limits of the other side that it tells of before anything runs."""


class RetryBudget:
    """How many calls may be repeated: a share of those that are made, and a few in any case.

    When everything fails, calls that are all repeated would be several times the load that made
    them fail. It begins full; each call that is made pays `share` in, each that is repeated takes
    one out, and there are at most `most`.
    """

    def __init__(self, share: float = 0.1, most: float = 10.0) -> None:
        if not 0 <= share <= 1 or most < 1:
            raise ValueError(f"a budget has a share from 0 to 1, and at least 1: {share}, {most}")
        self._share, self._most = share, most
        self.left = most
        """How many may be repeated just now."""

    def note_call(self) -> None:
        """A call is made for the first time."""
        self.left = min(self._most, self.left + self._share)

    def take(self) -> bool:
        """Whether one more may be repeated; then it counts."""
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Retrying(Interceptor):
    """Repeats calls of this side that failed, if another try may do better and does no harm.

    Whatever its effect, a call is repeated if it has certainly not run: it never left, the other
    side is going away (`GoingAway`), or had no room for it. One that a contract calls `read` or
    `idempotent` also if it was lost on the way, or was answered with an error whose contract says
    `retry: now` or `later`. Never after its deadline, never a call with items, at most `tries`
    times in all, and no more than the budget allows.

    Between tries passes a random time, up to `first_s` and then twice as long each time, at most
    `max_s`; for `retry: now` none does. `reconnect=True` makes up for lost connections by itself.
    """

    def __init__(
        self,
        *,
        tries: int = 3,
        first_s: float = 0.1,
        max_s: float = 2.0,
        budget: RetryBudget | None = None,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`chance` gives 0 up to 1."""
        if tries < 1:
            raise ValueError(f"a call is tried at least once, not {tries} times")
        self._tries = tries
        self._first_s, self._max_s = first_s, max_s
        self.budget = budget or RetryBudget()
        """What all calls through this one share."""
        self._chance = chance
        self._sleep = sleep

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        self.budget.note_call()
        for tried in range(1, self._tries):
            try:
                return await next()
            except (CallError, ConnectionClosed, LimitExceeded) as error:
                if not may_repeat(call, error) or not self.budget.take():
                    raise
                if not (isinstance(error, ContractError) and error.retry == "now"):
                    most_s = min(self._max_s, self._first_s * 2.0 ** (tried - 1))
                    await self._sleep(most_s * self._chance())
        return await next()


def may_repeat(call: Invocation, error: CallError | ConnectionClosed | LimitExceeded) -> bool:
    """Whether a call that failed so may do better, and does no harm, when it is made again."""
    if call.kind != "unary" or isinstance(error, DeadlineExceeded):
        return False
    if isinstance(error, GoingAway):
        return True
    if isinstance(error, LimitExceeded):
        return error.limit in _NOT_RUN
    if isinstance(error, ConnectionClosed):
        return error.sent == "no" or call.effect != "write"
    return isinstance(error, ContractError) and error.retry != "never" and call.effect != "write"
