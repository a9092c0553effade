"""Relays on loopback, for the tests beside this file."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey

from duologue import Identity, WebsocketPromisifier
from duologue.relay.events import Observer, RelayEvent
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from tests.relay_process import SHORT_GRACE_S
from tests.stopwatch import PATIENCE_S as PATIENCE_S
from tests.support import echo, square

ANN_SECRET, BEN_SECRET, EVE_SECRET = (PrivateKey.generate() for _ in range(3))
ANN, BEN, EVE = (Identity.from_secret(bytes(each)) for each in (ANN_SECRET, BEN_SECRET, EVE_SECRET))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that nobody tells of."""
    for _ in range(int(PATIENCE_S) * 100):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it has not come to that")


class Running:
    """A relay of ours and what it has noted."""

    def __init__(self, server: RelayServer, events: list[RelayEvent]) -> None:
        self.server = server
        self.events = events
        self.url = server.url

    async def until(self, spares: int) -> None:
        """Wait until so many spares are registered."""
        await until(lambda: self.server.exchange.switchboard.spares == spares)

    def noted(self, kind: type[RelayEvent]) -> list[RelayEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def running(
    *, observers: Sequence[Observer] = (), **settings: Any
) -> AsyncGenerator[Running]:
    events: list[RelayEvent] = []
    settings.setdefault("limits", RelayLimits(startup_grace_s=SHORT_GRACE_S))
    server = RelayServer(observers=[events.append, *observers], **settings)
    await server.start()
    try:
        yield Running(server, events)
    finally:
        await server.close()


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    return tmp_path / "known_relays"


def offering(peer: WebsocketPromisifier) -> None:
    peer.add_service(3, square)
    peer.add_service(4, echo)
