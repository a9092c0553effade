"""Running a program that offers services, until it is told to stop."""

import asyncio
import importlib
import importlib.util
import signal
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from duologue.arguments import check_function, check_kind

Result = TypeVar("Result")

STOP_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""What asks a program to end: Ctrl-C, service managers, and Ctrl-Break on Windows."""


def run(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result | None:
    """Run `main`, a coroutine function, as the whole program; returns what it returns.

    SIGTERM and Ctrl-C end it gracefully: `main` is cancelled where it waits, so that its
    `async with serve(...)`, `listen(...)` and `dial(...)` blocks are left. Calls that run may
    finish within `Limits.drain_timeout_s`, and the other sides are told. Then this returns None. A
    second signal does not wait for that. uvloop is used where it is installed.

    For programs that call and end by themselves `asyncio.run` is as good.

    Raises:
        TypeError: `main` is no coroutine function.
        RuntimeError: an event loop runs already, or this is not the main thread.
        SystemExit: after a second signal; the status is 128 and the signal's number.
        Whatever `main` raises.
    """
    check_function("run(...)", main, "a coroutine function (async def main)")
    _check_no_loop_runs()
    stop = _Stop()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(stop.watch(main))


def _check_no_loop_runs() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("run(...) is for a whole program, and an event loop runs here: await it")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where the extra `fast` is installed; else None, which means asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop]
    factory = importlib.import_module("uvloop").new_event_loop
    return factory


@contextmanager
def stop_signals(loop: asyncio.AbstractEventLoop, act: Callable[[int], None]) -> Generator[None]:
    """Meanwhile the loop calls `act` with the number of each signal that asks to stop.

    A loop that takes signals itself does so until it is closed.

    Raises:
        RuntimeError: this is not the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("signals reach the main thread only: run this there")
    before: list[tuple[int, Any]] = []
    try:
        for number in STOP_SIGNALS:
            try:
                loop.add_signal_handler(number, act, number)
            except NotImplementedError:
                # Windows has no signals for loops.
                handler = signal.signal(number, _handing_to(loop, act))
                before.append((number, handler))
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _handing_to(
    loop: asyncio.AbstractEventLoop, act: Callable[[int], None]
) -> Callable[[int, object], None]:
    def hand_over(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(act, number)

    return hand_over


class _Stop:
    """Ends one run of a program when it is told to."""

    def __init__(self) -> None:
        self._asked = 0

    async def watch(self, main: Callable[[], Coroutine[Any, Any, Result]]) -> Result | None:
        """`main` in a task of its own, so that the second signal need not wait for the first."""
        loop = asyncio.get_running_loop()
        program = main()
        check_kind("run(...)", program, Coroutine, "a function that gives a coroutine (async def)")
        task = loop.create_task(program)
        hurry: asyncio.Future[int] = loop.create_future()

        def stop(number: int) -> None:
            self._asked += 1
            if self._asked == 1:
                task.cancel()
            elif not hurry.done():
                hurry.set_result(number)

        with stop_signals(loop, stop):
            await asyncio.wait((task, hurry), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            raise SystemExit(128 + hurry.result())
        if task.cancelled() and self._asked:
            return None
        return task.result()
