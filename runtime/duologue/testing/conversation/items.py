"""What is promised of calls with items, in all shapes."""

import asyncio
from typing import Final

from duologue.errors import Cancelled, ConnectionClosed, InvalidParams
from duologue.testing.conversation.promise import End, Promise, failure, same
from duologue.testing.conversation.service import (
    ENOUGH,
    PIECES,
    REFUSED,
    CheckedClient,
    Refusal,
    Step,
    piece,
)
from duologue.typed import Incoming

MANY: Final = 700
"""More than several windows of a call hold as it begins."""

ENDLESS: Final = 2**40


def _steps(upto: int) -> list[Step]:
    return [Step(number=number) for number in range(upto)]


async def _check_incoming(caller: End, callee: End) -> None:
    """Items come whole, once and in order, with the result behind them."""
    async with caller.client.count(number=MANY) as log:
        same([item async for item in log], _steps(MANY), "the list of items")
        await log.result()
    async with caller.client.count_up(number=MANY) as log:
        same([item async for item in log], _steps(MANY), "the list of items")
        same(await log.result(), MANY, "the result")
    async with caller.client.count(number=0) as log:
        same([item async for item in log], [], "the list of no items")
    async with caller.client.count_up(number=MANY) as log:
        same(await log.result(), MANY, "the result without reading")


async def _check_outgoing(caller: End, callee: End) -> None:
    """Items arrive whole, and their result comes."""
    async with caller.client.add() as up:
        await up.send_all(_steps(MANY))
        same(await up.result(), sum(range(MANY)), "the result")
    same(await caller.client.add(), 0, "the result of no items")


async def _check_exchange(caller: End, callee: End) -> None:
    """Items go both ways at once, long bytes in them too, or one by one."""
    sent = [Step(number=each, data=bytes([each]) * each * 500) for each in range(PIECES)]
    async with caller.client.mirror() as exchange:
        exchange.send_all([*sent, *_steps(MANY)])
        same([item async for item in exchange], [*sent, *_steps(MANY)], "the list of items")
    async with caller.client.mirror() as exchange:
        for item in _steps(20):
            await exchange.send(item)
            same(await anext(exchange), item, "the item that came back")


async def _check_bytes(caller: End, callee: End) -> None:
    """Items of bytes arrive as they were cut, empty ones too."""
    pieces = list(map(piece, range(PIECES)))
    async with caller.client.fetch() as log:
        same([item async for item in log], pieces, "the list of items")
    async with caller.client.store() as up:
        await up.send_all([*pieces, b"x" * 100_000])
        same(await up.result(), sum(map(len, pieces)) + PIECES + 100_001, "bytes and items")


async def _check_side_by_side(caller: End, callee: End) -> None:
    """Many calls with items, in both directions, and others beside them, are kept apart."""

    async def read(client: CheckedClient, number: int) -> int:
        async with client.count_up(number=number) as log:
            same([item async for item in log], _steps(number), "the list of items")
            return await log.result()

    calls = [read(end.client, 10 * each) for each in range(15) for end in (caller, callee)]
    results = await asyncio.gather(*calls, *(caller.client.echo(text="é") for _ in range(15)))
    same(results[:30], [10 * each for each in range(15) for _ in range(2)], "the list of results")
    same(results[30:], ["é"] * 15, "the list of other answers")


async def _check_leaving(caller: End, callee: End) -> None:
    """Who leaves before the end stops the other side at once, and the conversation goes on."""
    async with caller.client.count(number=ENDLESS) as log:
        async for item in log:
            if item.number == 100:
                break
    await callee.service.ended.wait()
    callee.service.ended.clear()
    async with caller.client.mirror() as exchange:
        await exchange.send(Step(number=1))
        await anext(exchange)
        exchange.cancel()
        await failure(exchange.send(Step(number=2)), Cancelled)
    await callee.service.ended.wait()
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_held_back(caller: End, callee: End) -> None:
    """A reader that stops holds its own sender back, and nobody else."""
    async with caller.client.count(number=ENDLESS) as log:
        await anext(log)
        for number in range(20):
            same(await caller.client.echo(text=f"{number}"), f"{number}", "another answer")
            same(await callee.client.echo(text=f"{number}"), f"{number}", "an answer there")
    await callee.service.ended.wait()


async def _check_early_answer(caller: End, callee: End) -> None:
    """An answer before the end of the items is the result; what follows it goes nowhere."""
    async with caller.client.add() as up:
        await up.send_all([Step(number=5), Step(number=ENOUGH), *_steps(MANY)])
        same(await up.result(), 5, "the result")
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_failures(caller: End, callee: End) -> None:
    """A declared error comes behind the items before it; whoever sends is told of it, too."""
    async with caller.client.count(number=100, data=b"x") as log:
        for expected in _steps(100):
            same(await anext(log), expected, "the item before the error")
        error = await failure(anext(log), Refusal)
        same(error.data.why, "enough", "its field")
    up = caller.client.add()
    await up.send(Step(number=REFUSED))
    error = await failure(up.result(), Refusal)
    same(error.data.why, "the number", "its field")


async def _check_bad_item(caller: End, callee: End) -> None:
    """An item that does not fit the contract is refused before it is sent, and it alone."""
    wrong: Step = Step.model_construct(number="5")
    async with caller.client.add() as up:
        await up.send(Step(number=1))
        await failure(up.send(wrong), InvalidParams)
        await up.send(Step(number=2))
        same(await up.result(), 3, "the result of the others")
    async with caller.client.mirror() as exchange:
        await exchange.send(Step(number=1))
        await anext(exchange)


ITEMS: Final[tuple[Promise, ...]] = (
    _check_incoming,
    _check_outgoing,
    _check_exchange,
    _check_bytes,
    _check_side_by_side,
    _check_leaving,
    _check_held_back,
    _check_early_answer,
    _check_failures,
    _check_bad_item,
)


async def _check_close_with_items(closer: End, other: End) -> None:
    """Calls with items that are open at the end fail with ConnectionClosed, both ways."""
    calls = [(end.client.count(number=ENDLESS), end.client.mirror()) for end in (closer, other)]
    for log, exchange in calls:
        await anext(log)
        await exchange.send(Step(number=1))
        await anext(exchange)
    for end in (closer, other):
        end.service.ended.clear()
    closer.peer.close()
    for log, exchange in calls:
        await failure(_rest(log), ConnectionClosed)
        await failure(anext(exchange), ConnectionClosed)
        await failure(exchange.send(Step(number=2)), ConnectionClosed)
    for end in (closer, other):
        await end.peer.promise.wait()
        await end.service.ended.wait()


async def _rest(log: Incoming[Step, None]) -> int:
    return len([item async for item in log])


CLOSING_WITH_ITEMS: Final[tuple[Promise, ...]] = (_check_close_with_items,)
