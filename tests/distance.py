"""Two peers in memory with a delay between them, for event loops whose time is pretended."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from duologue import ConnectionClosed, Limits, WebsocketPromisifier
from duologue.connection.base import Connection, Message
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import Manner
from duologue.typed import Service
from duologue.typed.service import Offer


class DelayLine:
    """Passes messages on, each so much later, in order."""

    def __init__(self, source: Connection, target: Connection, delay_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._target = target
        self._delay_s = delay_s
        self._waiting: deque[tuple[float, Message]] = deque()
        source.on_message.listen(self._on_message)

    def _on_message(self, message: Message) -> None:
        self._waiting.append((self._loop.time() + self._delay_s, message))
        if len(self._waiting) == 1:
            self._loop.call_later(self._delay_s, self._pass_on)

    def _pass_on(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._loop.time():
            _, message = self._waiting.popleft()
            with suppress(ConnectionClosed):
                self._target.send(message)
        if self._waiting:
            self._loop.call_at(self._waiting[0][0], self._pass_on)


@asynccontextmanager
async def distant_peers(
    services: Sequence[Service], delay_s: float, limits: Limits | None = None
) -> AsyncGenerator[tuple[WebsocketPromisifier, WebsocketPromisifier]]:
    """One that offers `services`, and one that calls them from afar."""
    limits = limits or Limits()
    left, left_end = connected_pair(limits)
    right, right_end = connected_pair(limits)
    DelayLine(left_end, right_end, delay_s)
    DelayLine(right_end, left_end, delay_s)
    server = Manner(offer=Offer(services), limits=limits).begin(left, "acceptor")
    caller = Manner(offer=Offer([]), limits=limits).begin(right, "connector")
    await server.introduced()
    await caller.introduced()
    yield server, caller
    for peer in (server, caller):
        peer.close()
    for peer in (server, caller):
        await peer.promise.wait()
