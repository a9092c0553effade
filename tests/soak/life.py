"""What one peer does during a soak: calls of every kind, one after the other."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from duologue import (
    ConnectionClosed,
    DeadlineExceeded,
    DuologueError,
    StreamFailed,
    WebsocketPromisifier,
)
from tests.soak.ledger import PIECE_BYTES, Books, HouseClient, Kind, Tick

T = TypeVar("T")

FORESEEN: Final = (ConnectionClosed, DeadlineExceeded, StreamFailed)
"""What a loss may make of a call."""

LARGE_BYTES: Final = 200_000


class Life:
    """Of one peer, which comes back whenever it loses its connection."""

    def __init__(
        self, peer: WebsocketPromisifier, books: Books, chance: random.Random, hung_s: float
    ) -> None:
        """Whatever takes longer than `hung_s` is said to hang."""
        self.peer = peer
        self.house = HouseClient(peer, timeout=hung_s / 3)
        self._books = books
        self._chance = chance
        self._hung_s = hung_s
        self._ticks: dict[int, int] = {}
        """The last event heard of each house."""
        self.heard = 0
        self.ticked = self.house.on_ticked(self._on_tick)

    async def live(self, end_s: float, pause_s: float) -> None:
        """Act until `end_s` by the loop's clock, with pauses of `pause_s` on average."""
        loop = asyncio.get_running_loop()
        actions: list[Callable[[], Awaitable[None]]] = [
            self._read, self._read, self._write, self._write, self._hurry, self._burst,
            self._carry, self._pour, self._leave_a_stream, self._give_up, self._back,
        ]  # fmt: skip
        while loop.time() < end_s:
            await self.act(self._chance.choice(actions))
            await asyncio.sleep(self._chance.expovariate(1 / pause_s))

    async def act(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do it; complain if it hangs, or ends as nobody foresaw."""
        name = getattr(action, "__name__", "it")
        self._books.actions[name] += 1
        patience = asyncio.timeout(self._hung_s)
        try:
            async with patience:
                await action()
        except TimeoutError:
            if not patience.expired():
                raise
            self._books.complaints.append(f"{name} hung; the peer is {self.peer.state}")
        except (DuologueError, AssertionError) as error:
            self._books.complaints.append(f"{name}: {type(error).__name__}: {error}")

    async def greet_again(self) -> None:
        """A call that must succeed, as nothing is broken any more."""
        number = await self._book("read", lambda number: self.house.read(number=number))
        assert number is not None, "a call over a network that is whole was not answered"

    async def _book(self, kind: Kind, call: Callable[[int], Awaitable[T]]) -> T | None:
        """The result of a call, whose fate is written down; None if it was lost."""
        number = self._books.next_number()
        # Taken, whatever becomes of it.
        self._books.fates[number] = (kind, "lost")
        try:
            result = await call(number)
        except FORESEEN as error:
            if isinstance(error, ConnectionClosed) and error.sent == "no":
                self._books.fates[number] = (kind, "refused")
            return None
        self._books.fates[number] = (kind, "answered")
        return result

    async def _read(self) -> None:
        await self._book("read", lambda number: self.house.read(number=number))

    async def _write(self) -> None:
        await self._book("write", lambda number: self.house.write(number=number))

    async def _hurry(self) -> None:
        hurried = self.house.with_options(timeout=self._chance.random() * 2 + 0.01)
        await self._book("read", lambda number: hurried.read(number=number))

    async def _burst(self) -> None:
        await asyncio.gather(*(self._write() for _ in range(20)))

    async def _carry(self) -> None:
        data = self._chance.randbytes(LARGE_BYTES)
        met = await self._book("write", lambda number: self.house.carry(number=number, data=data))
        assert met in (None, data), "bytes came back changed"

    async def _pour(self) -> None:
        async def read(number: int) -> bytes:
            return await (await self.house.pour(number=number)).read()

        met = await self._book("write", read)
        whole = b"".join(bytes([number]) * PIECE_BYTES for number in range(10))
        assert met in (None, whole), "a stream was called complete that was not"

    async def _leave_a_stream(self) -> None:
        async def read(number: int) -> None:
            async with await self.house.pour(number=number) as stream:
                await stream.read(PIECE_BYTES)

        await self._book("write", read)

    async def _give_up(self) -> None:
        call = asyncio.ensure_future(self._write())
        await asyncio.sleep(self._chance.random())
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call

    async def _back(self) -> None:
        await self._book("write", lambda number: self.house.back(number=number))

    def _on_tick(self, tick: Tick) -> None:
        self.heard += 1
        last = self._ticks.get(tick.house, 0)
        if tick.number <= last:
            self._books.complaints.append(f"event {tick.number} was heard after {last}")
        self._ticks[tick.house] = tick.number
