"""Who waits for an answer goes on right behind the read that brought it."""

import asyncio
from collections.abc import Callable
from typing import Any

from duologue.connection.base import ConnectionState
from duologue.promisifier.own_call import Call
from tests.support import Conversation, turns


async def between_tasks(function: Callable[[], object]) -> None:
    """Have the loop call `function` as it calls what reads a socket: where no task runs."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()

    def run() -> None:
        try:
            function()
        finally:
            over.set_result(None)

    loop.call_soon(run)
    await over


def arrive(talk: Conversation, *numbers: int) -> None:
    """Answers to calls with these ids come together."""
    connection = talk.connection
    texts = [f'{{"responseId":{number},"type":"data","data":{number}}}' for number in numbers]
    connection.on_message.emit_each(texts, connection.state)


async def waiting(talk: Conversation, number: int, heard: list[int]) -> list[asyncio.Task[None]]:
    """Tasks that wait for so many calls, each of which makes another when it is answered."""

    async def wait() -> None:
        heard.append(await talk.peer.send(3))
        await talk.peer.send(3)

    tasks = [asyncio.ensure_future(wait()) for _ in range(number)]
    await turns(2)
    return tasks


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_they_go_on_before_the_read_is_over_and_after_all_its_messages() -> None:
    async with Conversation() as talk:
        heard: list[int] = []
        tasks = await waiting(talk, 3, heard)
        in_the_read: list[list[int]] = []

        def read() -> None:
            arrive(talk, 0, 2, 1)
            in_the_read.append(list(heard))

        await between_tasks(read)
        assert in_the_read == [[0, 2, 1]]
        # What they have called then has left, too.
        assert [each["requestId"] for each in talk.said] == [0, 1, 2, 3, 4, 5]
        await end(tasks)


async def test_inside_a_task_they_wait_for_the_next_turn() -> None:
    async with Conversation() as talk:
        heard: list[int] = []
        tasks = await waiting(talk, 2, heard)
        arrive(talk, 0, 1)
        assert heard == []
        await turns(2)
        assert heard == [0, 1]
        await end(tasks)


async def test_one_that_gives_the_other_answers_meanwhile_is_not_gone_on_in_itself() -> None:
    async with Conversation() as talk:
        order: list[str] = []

        async def first() -> None:
            await talk.peer.send(3)
            arrive(talk, 1)
            order.append("first")

        async def second() -> None:
            await talk.peer.send(3)
            order.append("second")

        tasks = [asyncio.ensure_future(each) for each in (first(), second())]
        await turns(2)
        await between_tasks(lambda: arrive(talk, 0))
        await asyncio.wait(tasks)
        assert order == ["first", "second"]


async def test_a_callback_that_raises_is_told_to_the_loop_and_ends_nothing() -> None:
    async with Conversation() as talk:
        told: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context))
        heard: list[int] = []
        failing: Call[Any] = talk.peer.send(3)
        failing.add_done_callback(lambda _: 1 // 0)
        fine: Call[Any] = talk.peer.send(3)
        fine.add_done_callback(lambda call: heard.append(call.result()))
        await turns(2)
        await between_tasks(lambda: arrive(talk, 0, 1))
        assert heard == [1]
        assert [type(each["exception"]) for each in told] == [ZeroDivisionError]
        assert told[0]["future"] is failing
        assert talk.connection.state.current_state is ConnectionState.OPEN


async def test_one_may_end_the_conversation_that_it_is_told_of() -> None:
    async with Conversation() as talk:
        heard: list[int] = []

        async def close() -> None:
            heard.append(await talk.peer.send(3))
            talk.peer.close("enough")

        tasks = [asyncio.ensure_future(close()), *(await waiting(talk, 2, heard))]
        await between_tasks(lambda: arrive(talk, 0, 1, 2))
        done, _ = await asyncio.wait(tasks, timeout=5)
        assert len(done) == len(tasks)
        assert heard == [0, 1, 2]
        for task in tasks[1:]:
            assert task.exception() is not None
