"""What is promised where there is much at once, and of handlers and users that behave oddly."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final

from duologue.errors import DeadlineExceeded, RemoteError
from duologue.testing.conversation.promise import End, Promise, failure, same
from duologue.testing.conversation.service import Words

NUMBER: Final = 8101
"""A service by number."""

LARGE_CALLS: Final = 12
"""Of nearly `max_message_bytes` each, at once: more than a connection buffers."""

MORE: Final = 50
"""So many calls above each bound."""

DEPTH: Final = 3
"""Calls within calls."""

ODD_ENDS: Final[tuple[BaseException, ...]] = (
    GeneratorExit(),
    StopIteration("the secret"),
    StopAsyncIteration("the secret"),
    asyncio.CancelledError(),
    BaseExceptionGroup("the secret", [GeneratorExit()]),
)


async def _check_large(caller: End, callee: End) -> None:
    """Many large calls and answers at once are all answered, and small calls beside them."""
    text = "x" * (caller.peer.limits.max_message_bytes * 6 // 7)
    large = [caller.client.echo(text=text) for _ in range(LARGE_CALLS)]
    small = [caller.client.echo(text=f"{number}") for number in range(LARGE_CALLS)]
    answers = await asyncio.gather(*large, *small)
    expected = [text] * LARGE_CALLS + [f"{number}" for number in range(LARGE_CALLS)]
    assert answers == expected, "not each has its own answer"
    # Whatever waited, and for what: it leaves nothing behind that those after it wait for.
    again = await asyncio.gather(*(caller.client.echo(text=text) for _ in range(LARGE_CALLS)))
    assert again == [text] * LARGE_CALLS, "not each has its own answer the second time"


async def _check_many(caller: End, callee: End) -> None:
    """More calls at once than may be open, or run, wait in order and are answered."""
    numbers = range(caller.peer.limits.max_open_calls + MORE)
    ran: list[int] = []
    callee.peer.add_service(NUMBER, ran.append)
    await asyncio.gather(*(caller.peer.send(NUMBER, number) for number in numbers))
    same(ran, list(numbers), "the list of those that ran")


async def _check_nested(caller: End, callee: End) -> None:
    """Calls within calls make progress, though more are made together than may run."""

    def nest(end: End) -> Callable[[int], Any]:
        async def down(depth: int) -> object:
            return await end.peer.send(NUMBER, depth - 1) if depth else "bottom"

        return down

    for end in (caller, callee):
        end.peer.add_service(NUMBER, nest(end))
    calls = callee.peer.limits.max_running_calls + MORE
    answers = await asyncio.gather(*(caller.peer.send(NUMBER, DEPTH) for _ in range(calls)))
    same(answers.count("bottom"), calls, "the number of answers")


async def _check_odd_ends(caller: End, callee: End) -> None:
    """However a handler ends, its call is answered, and the conversation goes on."""
    ends = list(ODD_ENDS)

    async def end() -> None:
        await asyncio.sleep(0)
        raise ends.pop()

    callee.peer.add_service(NUMBER, end)
    for _ in ODD_ENDS:
        error = await failure(caller.peer.send(NUMBER), RemoteError)
        assert "secret" not in f"{error!r} {error}", "the text of the error was sent"
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_handlers_of_events(caller: End, callee: End) -> None:
    """An async handler is told of one event after the other, however long each takes."""
    told: list[str] = []
    running = 0
    done = asyncio.Event()
    texts = [f"{number}" for number in range(20)]

    async def handle(event: Words) -> None:
        nonlocal running
        running += 1
        for _ in range(len(texts) - int(event.text)):
            await asyncio.sleep(0)
        told.append(event.text if running == 1 else "beside another")
        running -= 1
        if event.text == texts[-1]:
            done.set()

    async with caller.client.on_told(handle):
        for text in texts:
            callee.service.emit_told(text=text)
        await done.wait()
    same(told, texts, "the list of handled events")


async def _check_stalled_stream(caller: End, callee: End) -> None:
    """A stream of which nothing comes any more fails, if its call has a deadline."""

    async def read() -> bytes:
        stream = await caller.timed.with_options(timeout=0.1).stall()
        return await stream.read()

    await failure(read(), DeadlineExceeded)
    # It may have been too late even to begin.
    if callee.timed_service.begun.is_set():
        await callee.timed_service.ended.wait()
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_other_threads(caller: End, callee: End) -> None:
    """From another thread nothing is done: each use says how to come in, and all goes on."""
    loop = asyncio.get_running_loop()
    before = loop.get_debug()
    held = asyncio.get_running_loop().create_future()

    async def hold() -> str:
        await held
        return "let go"

    callee.peer.add_service(NUMBER, hold)
    call = caller.peer.send(NUMBER)
    stream = await caller.client.pour_on()
    async with caller.client.on_told() as events, caller.client.count(number=2) as items:
        same((await anext(items)).number, 0, "the first item")
        actions: tuple[Callable[[], object], ...] = (
            lambda: caller.peer.send(NUMBER),
            lambda: callee.service.emit_told(text="lost"),
            caller.client.on_told,
            *(call.cancel, stream.cancel, items.cancel, events.close, caller.peer.close),
        )
        # In debug mode the loop itself objects, too: nothing may have happened by then.
        loop.set_debug(True)
        try:
            for action in actions:
                error = _raised_in_a_thread(action)
                assert isinstance(error, RuntimeError), f"{error!r} came of {action}"
                assert "run_coroutine_threadsafe" in str(error), f"it only says: {error}"
        finally:
            loop.set_debug(before)
        callee.service.emit_told(text="heard")
        same(await anext(events), Words(text="heard"), "the event")
        same((await anext(items)).number, 1, "the next item")
    same(await stream.read(10), bytes(10), "what was read of the stream")
    stream.cancel()
    held.set_result(None)
    same(await call, "let go", "the answer")


def _raised_in_a_thread(action: Callable[[], object]) -> BaseException | None:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    # The loop stands still meanwhile.
    thread.join()
    return raised[0] if raised else None


CROWDS: Final[tuple[Promise, ...]] = (
    _check_large,
    _check_many,
    _check_nested,
    _check_odd_ends,
    _check_handlers_of_events,
    _check_stalled_stream,
    _check_other_threads,
)
