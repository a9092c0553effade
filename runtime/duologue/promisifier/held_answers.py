"""Answers that are made and wait until the other side takes those before them."""

import asyncio
from functools import partial

from duologue.connection.drain_gate import DrainGate
from duologue.errors import LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.budget import Budget


class HeldAnswers:
    """Those of one peer: bounded for it, and for all peers of the `budget` together.

    Where those hold too much, the one that holds most loses its newest.
    """

    __slots__ = ("_budget", "_gate", "_limits", "_waiting", "held_bytes")

    def __init__(self, gate: DrainGate, limits: Limits, budget: Budget) -> None:
        self.held_bytes = 0
        """What wait here, together."""
        self._gate = gate
        self._limits = limits
        self._budget = budget
        self._waiting: dict[asyncio.Future[None], int] = {}

    async def wait(self, size_bytes: int) -> None:
        """Hold an answer until the gate of the connection is open.

        Raises:
            LimitExceeded: too much is held already; the answer must be dropped.
        """
        most = self._limits.max_held_answer_bytes
        if self.held_bytes + size_bytes > most:
            raise LimitExceeded("max_held_answer_bytes", most)
        loop = asyncio.get_running_loop()
        while self._gate.is_shut:
            # A future for each: they leave one by one, and the gate may be shut after the first.
            turn = loop.create_future()
            self._add(turn, size_bytes)
            try:
                await turn
            finally:
                self._remove(turn)

    def give_up_newest(self) -> None:
        """Drop the answer that came last: its `wait` raises."""
        turn = next(reversed(self._waiting))
        self._remove(turn)
        most = self._limits.max_held_answer_bytes_total
        turn.set_exception(LimitExceeded("max_held_answer_bytes_total", most))

    def _add(self, turn: asyncio.Future[None], size_bytes: int) -> None:
        self._waiting[turn] = size_bytes
        self.held_bytes += size_bytes
        self._gate.notify(partial(_come, turn))
        self._budget.hold(self, size_bytes)

    def _remove(self, turn: asyncio.Future[None]) -> None:
        size_bytes = self._waiting.pop(turn, None)
        if size_bytes is not None:
            self.held_bytes -= size_bytes
            self._budget.let_go(self, size_bytes)


def _come(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
