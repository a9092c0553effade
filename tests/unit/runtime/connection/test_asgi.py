"""A WebSocket of an ASGI server that gives whatever it has at once."""

import asyncio

import pytest

from duologue import Limits
from duologue.connection.asgi import AsgiConnection, Event
from duologue.connection.base import Connection, Message
from duologue.connection.event_loop import OWN_READ_BYTES
from duologue.limits import MAX_MESSAGES_AT_ONCE


class Server:
    """Has `waiting` messages, and then nothing; takes whatever it is given."""

    def __init__(self, waiting: list[Message], held_by_each: int = 1) -> None:
        self.waiting = waiting
        self._held_by_each = held_by_each
        self.read_in_turn: list[int] = []
        """How many messages each turn of the loop has read."""
        self._has_come = 0

    async def receive(self) -> Event:
        if not self.waiting:
            await asyncio.get_running_loop().create_future()
        message = self.waiting.pop(0)
        kind = "text" if isinstance(message, str) else "bytes"
        return {"type": "websocket.receive", kind: message}

    async def send(self, _event: Event) -> None:
        pass

    async def read_all(self) -> list[int]:
        """Messages that are read in each turn of the loop that reads some."""
        connection = AsgiConnection(self.receive, self.send, Limits())

        def count(_message: Message) -> None:
            self._has_come += 1
            connection.note_batch(self._held_by_each - 1)

        def begin(opened: Connection) -> None:
            opened.on_message.listen(count)

        running = asyncio.create_task(connection.run(begin))
        while self.waiting:
            await asyncio.sleep(0)
            if self._has_come:
                self.read_in_turn.append(self._has_come)
            self._has_come = 0
        running.cancel()
        await asyncio.wait([running])
        return self.read_in_turn


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        (MAX_MESSAGES_AT_ONCE, [MAX_MESSAGES_AT_ONCE]),
        (MAX_MESSAGES_AT_ONCE + 1, [MAX_MESSAGES_AT_ONCE, 1]),
        (1000, [MAX_MESSAGES_AT_ONCE] * 15 + [40]),
    ],
)
async def test_others_have_a_turn_between_many_small_messages(
    messages: int, turns: list[int]
) -> None:
    assert await Server(["x"] * messages).read_all() == turns


@pytest.mark.parametrize(
    ("size", "turns"), [(OWN_READ_BYTES // 2 - 1, [3, 1]), (OWN_READ_BYTES // 2, [2, 2])]
)
async def test_others_have_a_turn_between_large_messages(size: int, turns: list[int]) -> None:
    assert await Server([bytes(size)] * 4).read_all() == turns


async def test_messages_in_one_box_count_one_by_one() -> None:
    held = MAX_MESSAGES_AT_ONCE // 4
    assert await Server(["x"] * 10, held).read_all() == [4, 4, 2]
