"""How long callers of the other side wait (PROTOCOL 16)."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from duologue.promisifier.admission import Admission
from duologue.promisifier.deadlines import Deadlines
from duologue.promisifier.served_call import ServedCall

CallT = TypeVar("CallT", bound=ServedCall[Any])


class Patience(Generic[CallT]):
    """Ends calls whose callers wait no more: those that wait are refused, those that run stopped.

    Made for the first call that may come to be late; one timer for all of a connection.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        admission: Admission[CallT],
        refuse: Callable[[CallT], None],
    ) -> None:
        """`refuse` answers a call that has not run."""
        self._loop = loop
        self._admission = admission
        self._refuse = refuse
        self._deadlines = Deadlines(loop, admission.accepted, self._on_due)

    def watch(self, call: CallT) -> None:
        """`call`, which runs or waits now, says how long its caller waits."""
        due_s = call.due_s
        if due_s == math.inf:
            # Since it left its caller time has passed, which no two clocks need agree on.
            due_s = call.due_s = self._loop.time() + call.request.timeout_ms / 1000
        if due_s < self._deadlines.timer_due_s:
            self._deadlines.arm(due_s)

    def end(self) -> None:
        """Leave no timer behind, and nothing that holds a conversation."""
        self._deadlines.end()
        self._refuse = _ignore

    def _on_due(self, call: CallT) -> None:
        call.due_s = math.inf
        if self._admission.withdraw(call.request.request_id) is not None:
            self._refuse(call)
        elif not call.ignores_cancel:
            call.is_overdue = True
            call.cancel(self._loop)


def _ignore(_: ServedCall[Any]) -> None:
    pass
