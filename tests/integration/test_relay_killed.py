"""A relay is killed under peers that come back (catalogue row 4): what may be repeated succeeds.

What must not be repeated has run at most once, and its caller knows what became of it. Peers that
do not come back: tests/integration/test_relay_losses.py.
"""

import asyncio
import contextlib
import random
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

import duologue
from duologue import ANYONE, CallContext, ConnectionClosed, Identity
from generated.chat.rooms.v1 import (
    Edit,
    Note,
    RoomsBanParams,
    RoomsClient,
    RoomsEditNoteParams,
    RoomsNoteParams,
    RoomsServicePartial,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.relay_process import relay_process
from tests.stopwatch import PATIENCE_S, Stopwatch

PEERS: Final = 20
CALLS: Final = 50
REPEATED_WITHIN_S: Final = 10.0
HOST: Final = Identity.generate()
MANY_REQUESTS: Final = {
    "requests_per_min_per_address_and_target": 1e6,
    "request_burst_per_address_and_target": 100_000,
    "requests_per_min_per_target": 1e6,
    "new_connections_burst_per_address": 100_000,
}


class CountingRooms(RoomsServicePartial):
    """Counts what runs. Two of three calls hang, until the relay has come back."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.is_quick = False

    async def note(self, params: RoomsNoteParams, ctx: CallContext) -> Note:
        """Declared `read`."""
        await self._run(params.room)
        return Note(text=params.room, revision=1)

    async def ban(self, params: RoomsBanParams, ctx: CallContext) -> None:
        """Declared `idempotent`."""
        await self._run(params.room)

    async def edit_note(self, params: RoomsEditNoteParams, ctx: CallContext) -> Note:
        """A write."""
        await self._run(params.room)
        return Note(text=params.room, revision=2)

    async def _run(self, name: str) -> None:
        self.runs[name] += 1
        if not self.is_quick and self.runs.total() % 3:
            await asyncio.sleep(PATIENCE_S)


def call(rooms: RoomsClient, name: str, kind: str) -> "asyncio.Future[Any]":
    """One call under a name of its own."""
    match kind:
        case "read":
            return asyncio.ensure_future(rooms.note(room=name))
        case "idempotent":
            return asyncio.ensure_future(rooms.ban(room=name, user_id="u1"))
        case _:
            edits = [Edit(at=0, insert="x")]
            return asyncio.ensure_future(rooms.edit_note(room=name, revision=1, edits=edits))


async def kill_and_come_back(folder: Path, chance: random.Random) -> None:
    """One round: 20 peers with 50 calls each, SIGKILL in between, and another relay."""
    service = CountingRooms()
    calls: dict[str, tuple[str, asyncio.Future[Any]]] = {}
    async with contextlib.AsyncExitStack() as stack:
        async with relay_process(limits=MANY_REQUESTS) as relay:
            port = relay.port
            listening = duologue.listen(
                relay.url, service, identity=HOST, allow=ANYONE, known_relays=folder / "known",
                spares=4,
            )  # fmt: skip
            await stack.enter_async_context(listening)
            guests = [
                await stack.enter_async_context(
                    duologue.dial(
                        relay.url,
                        to=HOST.public_key,
                        identity=Identity.generate(),
                        reconnect=True,
                    )
                )
                for _ in range(PEERS)
            ]
            callers = [guest for guest in guests for _ in range(CALLS)]
            chance.shuffle(callers)
            killed_at = chance.randrange(len(callers))
            for number, guest in enumerate(callers):
                name, kind = f"r{number}", chance.choice(("read", "idempotent", "write"))
                calls[name] = kind, call(RoomsClient(guest), name, kind)
                if number == killed_at:
                    relay.process.kill()
                if number % 20 == 0:
                    await asyncio.sleep(0)
        service.is_quick = True
        async with relay_process(port=port, limits=MANY_REQUESTS) as relay:
            watch = Stopwatch(relay.pid)
            await asyncio.wait([future for _, future in calls.values()], timeout=PATIENCE_S)
            seconds = watch.seconds
        for name, (kind, future) in calls.items():
            assert future.done(), name
            check(name, kind, future, service.runs[name])
    assert len(calls) == PEERS * CALLS
    assert seconds <= REPEATED_WITHIN_S


def check(name: str, kind: str, future: "asyncio.Future[Any]", runs: int) -> None:
    """Whether one call ended as it may."""
    error = future.exception()
    if error is None:
        assert runs >= 1, name
        assert kind != "write" or runs == 1, name
        return
    # Only of a write that has left nobody can say more.
    assert kind == "write", (name, error)
    assert isinstance(error, ConnectionClosed), (name, error)
    assert error.sent == "unknown", name
    assert runs <= 1, name


@pytest.mark.parametrize("seed", range(5))
async def test_what_may_be_repeated_succeeds_when_the_relay_is_back(
    tmp_path: Path, seed: int
) -> None:
    """Catalogue row 4."""
    await kill_and_come_back(tmp_path, random.Random(seed))


@pytest.mark.slow
async def test_fifty_killed_relays_lose_nothing_that_may_be_repeated(tmp_path: Path) -> None:
    """Catalogue row 4, all of it."""
    for seed in range(50):
        await kill_and_come_back(tmp_path, random.Random(1000 + seed))
