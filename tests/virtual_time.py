"""An event loop whose time passes at once: as soon as everything waits, it is as late as need be.

For tests of what takes minutes, over connections in memory. Nothing in them may come from outside:
a socket or a thread would find that its answer comes too late.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec

P = ParamSpec("P")


TURN_S: Final = 1e-9
"""What a turn of the loop takes: without it, what is due a rounding error later would be set anew
for ever."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Begins at 1,000 s."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        super().__init__(_Selector(self._pass_time))

    def time(self) -> float:
        return self.now_s

    def _pass_time(self, seconds: float) -> None:
        self.now_s += seconds


class _Selector(selectors.SelectSelector):
    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_time = pass_time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("everything waits, and nothing will ever happen")
            self._pass_time(max(timeout, TURN_S))
        return ready


def at_once(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The test, run in such a loop."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
