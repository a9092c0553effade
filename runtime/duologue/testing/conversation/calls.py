"""What is promised of calls, and of what is counted."""

import asyncio
from typing import Any, Final

from duologue.errors import (
    CallError,
    InternalError,
    InvalidParams,
    InvalidResult,
    RemoteError,
    Unimplemented,
)
from duologue.protocol.values import UNDEFINED
from duologue.testing.conversation.promise import End, Promise, failure, same
from duologue.testing.conversation.service import (
    CONTRACT,
    LATER_ADDED,
    LATER_CONTRACT,
    LaterClient,
    Refusal,
)

VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 2**53 - 1, 1.5, "", "é€😀\x00\u2028", "x" * 100_000),
    *([], {}, [[[]]], {"requestId": 1, "type": "cancel"}, [None, {"a": [1, "b"]}]),
)
"""JSON of all kinds, some of it like what the protocol itself says."""

NUMBER: Final = 8001
"""A service by number; nothing is served by the next ones."""


async def _check_numbers(caller: End, callee: End) -> None:
    """A call by number gives what the function returned."""
    callee.peer.add_service(NUMBER, lambda *values: list(values))
    callee.peer.add_service(NUMBER + 1, lambda: None)
    for value in VALUES:
        same(await caller.peer.send(NUMBER, value, 1), [value, 1], "the result")
    same(await caller.peer.send(NUMBER), [], "the result without arguments")
    same(await caller.peer.send(NUMBER + 1), UNDEFINED, "the result of nothing")


async def _check_typed(caller: End, callee: End) -> None:
    """A typed call gives what the method returned, text and bytes of any length."""
    for text in ("", "é€😀\x00", "x" * 100_000):
        same(await caller.client.echo(text=text), text, "the text")
    for data in (b"", bytes(range(256)), b"\xff" * 100_000):
        same(await caller.client.blob(data=data), data, "what came of the bytes")


async def _check_both_ways(caller: End, callee: End) -> None:
    """Both sides call at the same time, and from within a handler."""
    ends = (caller, callee)
    texts = [f"{number}" for number in range(50)]
    answers = await asyncio.gather(*(end.client.back(text=text) for text in texts for end in ends))
    same(answers, [text for text in texts for _ in ends], "the list of answers")


async def _check_order(caller: End, callee: End) -> None:
    """Answers come when they are ready, each to its own call."""
    waiting: list[asyncio.Future[int]] = []
    all_wait = asyncio.Event()

    async def wait() -> int:
        waiting.append(asyncio.get_running_loop().create_future())
        if len(waiting) == len(calls):
            all_wait.set()
        return await waiting[-1]

    callee.peer.add_service(NUMBER, wait)
    calls = [caller.peer.send(NUMBER) for _ in range(20)]
    await caller.client.echo(text="behind them")
    # The answer of a plain function may overtake the first steps of tasks.
    await all_wait.wait()
    for number in reversed(range(20)):
        waiting[number].set_result(number)
        same(await calls[number], number, "the answer")


async def _check_declared(caller: End, callee: End) -> None:
    """A declared error arrives as its class, with its fields."""
    error = await failure(caller.client.refuse(text="é"), Refusal)
    same(error.data.why, "é", "its field")


async def _check_undeclared(caller: End, callee: End) -> None:
    """An error that nobody declared arrives as an incident, and nothing of it crosses the wire."""
    error = await failure(caller.client.fail(), InternalError)
    assert error.incident, "there is no id of the incident"
    assert "secret" not in f"{error!r} {error} {error.details}", "its text was sent"
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_failures_by_number(caller: End, callee: End) -> None:
    """By number, a failure of the function and a number that is not served are told."""

    def fail() -> None:
        raise CallError("no tea", code="TEA")

    callee.peer.add_service(NUMBER, fail)
    error = await failure(caller.peer.send(NUMBER), RemoteError)
    assert "no tea" in str(error.cause), f"the cause is {error.cause}"
    await failure(caller.peer.send(NUMBER + 1), RemoteError)


async def _check_services_come_and_go(caller: End, callee: End) -> None:
    """What is served can change at any time."""
    callee.peer.add_service(NUMBER, lambda: 1)
    same(await caller.peer.send(NUMBER), 1, "the answer")
    callee.peer.remove_service(NUMBER)
    await failure(caller.peer.send(NUMBER), RemoteError)
    callee.peer.clear_services()
    await failure(caller.client.echo(text="?"), Unimplemented)


async def _check_bad_params(caller: End, callee: End) -> None:
    """Params that do not fit the contract are refused before anything is sent."""
    sent = caller.peer.stats.bytes_sent
    wrong: Any = 5
    await failure(caller.client.echo(text=wrong), InvalidParams)
    same(caller.peer.stats.bytes_sent, sent, "the number of bytes that were sent")


async def _check_other_contract(caller: End, callee: End) -> None:
    """Calls by another contract go through; what does not fit names both digests, and the field."""
    later = LaterClient(caller.peer)
    data = bytes(range(256)) * 100
    same(await later.blob(data=data), data, "what came of the bytes")
    digests = LATER_CONTRACT.digest, CONTRACT.digest
    for wrong, expected, field in (
        (later.echo(number=1), InvalidParams, "text"),
        (later.note(text="?"), InvalidResult, "valid integer"),
        (later.added(), Unimplemented, LATER_ADDED.full_name),
    ):
        error = await failure(wrong, expected)
        same(error.digests, digests, "the pair of digests")
        for part in (*digests, field):
            assert part in str(error), f"{part} is not in {error}"


async def _check_counters(caller: End, callee: End) -> None:
    """Each side has counted what the other sent, and nothing was dropped."""
    for end in (caller, callee):
        # Whatever the two sides say to each other at first has come by then.
        await end.client.echo(text="first")
    before = caller.peer.stats.snapshot(), callee.peer.stats.snapshot()
    for text in ("a", "é" * 1000, "c"):
        await caller.client.echo(text=text)
    await (await caller.client.pour()).read()
    await callee.client.echo(text="last")
    ours, theirs = caller.peer.stats, callee.peer.stats
    same(ours.requests_sent_total - before[0].requests_sent_total, 4, "requests_sent_total")
    same(
        theirs.requests_received_total - before[1].requests_received_total,
        4,
        "requests_received_total",
    )
    same(
        theirs.bytes_received - before[1].bytes_received,
        ours.bytes_sent - before[0].bytes_sent,
        "bytes_received of what the caller sent",
    )
    for stats in (ours, theirs):
        for name in (
            *("requests_received_invalid", "answers_dropped_unknown", "answers_dropped_late"),
            *("messages_dropped", "requests_refused_busy", "events_dropped", "results_dropped"),
        ):
            same(stats[name], 0, name)


CALLS: Final[tuple[Promise, ...]] = (
    _check_numbers,
    _check_typed,
    _check_both_ways,
    _check_order,
    _check_declared,
    _check_undeclared,
    _check_failures_by_number,
    _check_services_come_and_go,
    _check_bad_params,
    _check_counters,
)

DIFFERENCES: Final[tuple[Promise, ...]] = (_check_other_contract,)
"""Of sides that have told each other their contracts."""
