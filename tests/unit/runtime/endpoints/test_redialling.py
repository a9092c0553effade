"""The search for another connection: how often, how long, and when it ends (reliability 3, 10)."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.redialling import MAX_LOGGED_CHARACTERS, is_lasting, keep_connected
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    ContractMismatch,
    DeadlineExceeded,
    DecryptionFailed,
    DuologueError,
    HandshakeFailed,
    IdentityMismatch,
    PeerNotFound,
    ProtocolError,
    RelayRefused,
    RelayUnreachable,
    UnsafeKey,
)
from duologue.limits import Limits
from duologue.promisifier.own_call import NO_DEADLINE
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.backoff import STEADY_S
from tests.reconnect_support import Repeatable, lose
from tests.support import turns

AWAY = ConnectionClosed(1006, "nobody there", sent="no")


class World:
    """A server that is there or not, and a clock that runs only while somebody sleeps."""

    def __init__(self, chance: Callable[[], float] = lambda: 1.0) -> None:
        self.now_s = 0.0
        self.horizon_s = 1e6
        self.tries: list[float] = []
        self.fault: DuologueError | None = None
        self.greeted = 0
        self.wire: Connection
        self.peer = ReconnectingPromisifier(self._pair(), Limits())
        self._forever = asyncio.Event()
        self.task = asyncio.ensure_future(
            keep_connected(
                self.peer,
                self._dial,
                self._greet,
                chance=chance,
                sleep=self._sleep,
                clock=lambda: self.now_s,
            )
        )

    def _pair(self) -> Connection:
        connection, self.wire = connected_pair()
        return connection

    async def _dial(self) -> Connection:
        self.tries.append(self.now_s)
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return self._pair()

    def _greet(self, _peer: ReconnectingPromisifier, _connection: Connection) -> None:
        self.greeted += 1

    async def _sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.now_s > self.horizon_s:
            await self._forever.wait()
        await asyncio.sleep(0)

    async def lose(self) -> None:
        lose(self.wire)
        await turns(20)


@asynccontextmanager
async def world(chance: Callable[[], float] = lambda: 1.0) -> AsyncGenerator[World]:
    made = World(chance)
    await turns(2)
    yield made
    made.task.cancel()
    await asyncio.wait([made.task])
    made.peer.close()
    await made.peer.promise.wait()


# -- how often ----------------------------------------------------------------------------------


async def test_a_lost_connection_is_made_anew_after_a_pause() -> None:
    async with world(lambda: 0.5) as there:
        assert there.tries == []
        await there.lose()
        assert there.tries == [0.5]
        assert there.peer.is_connected
        assert there.greeted == 1


async def test_one_that_was_closed_in_good_order_too() -> None:
    async with world() as there:
        there.wire.close("the server is shutting down")
        await turns(20)
        assert there.peer.is_connected
        assert not there.peer.promise.done()


async def test_pauses_double_while_nobody_is_there_up_to_half_a_minute() -> None:
    async with world() as there:
        there.fault = AWAY
        there.horizon_s = 121
        await there.lose()
        await turns(60)
        pauses = [
            later - earlier
            for earlier, later in zip([0.0, *there.tries], there.tries, strict=False)
        ]
        assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


async def test_no_client_tries_more_than_six_times_in_the_first_thirty_seconds() -> None:
    counts: list[int] = []
    for seed in range(200):
        async with world(random.Random(seed).random) as there:
            there.fault = RelayUnreachable("away")
            there.horizon_s = 30
            await there.lose()
            await turns(60)
            counts.append(len(there.tries))
    assert max(counts) == 6
    assert 4.5 <= sum(counts) / len(counts) <= 6


async def test_a_server_that_takes_and_drops_connections_is_tried_no_more_often() -> None:
    async with world(lambda: 0.01) as there:
        there.horizon_s = 29
        for _ in range(10):
            await there.lose()
        assert len(there.tries) == 6


async def test_after_a_steady_connection_pauses_are_short_again() -> None:
    async with world() as there:
        for _ in range(4):
            await there.lose()
        assert there.tries == [1, 3, 7, 15]
        there.now_s += STEADY_S
        await there.lose()
        assert there.tries[-1] == 15 + STEADY_S + 1


# -- how long -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        AWAY,
        DeadlineExceeded("too slow"),
        PeerNotFound("nobody listens"),
        RelayUnreachable("away"),
        RelayRefused("Too many requests.", may_pass=True),
        HandshakeFailed("The connection was closed.", "closed"),
        HandshakeFailed("replayed", "replay"),
        DecryptionFailed("changed on the way"),
        ContractMismatch("other contracts"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_what_may_pass_is_tried_again_for_ever(fault: DuologueError) -> None:
    assert not is_lasting(fault)
    async with world() as there:
        there.fault = fault
        there.horizon_s = 3000
        await there.lose()
        await turns(400)
        assert len(there.tries) > 100
        assert not there.peer.promise.done()


@pytest.mark.parametrize(
    "fault",
    [
        ProtocolError("answered HTTP 403"),
        BadFrame("no WebSocket"),
        RelayRefused("You may not ask for others here."),
        HandshakeFailed("This key is not allowed here", "not-allowed"),
        IdentityMismatch("somebody else"),
        UnsafeKey("no key"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_what_another_try_cannot_heal_ends_it(
    fault: DuologueError, caplog: pytest.LogCaptureFixture
) -> None:
    async with world() as there:
        there.fault = fault
        waiting = there.peer.start_call(Repeatable(), b"[]", Repeatable(), NO_DEADLINE)
        await there.lose()
        await asyncio.wait([there.task])
        assert there.task.exception() is None
        assert there.tries == [1]
        for outcome in (await there.peer.promise.wait(), waiting.exception()):
            assert isinstance(outcome, ConnectionClosed)
            assert outcome.__cause__ is fault
        assert "not connected again" in caplog.text


async def test_what_goes_on_is_logged_once_for_each_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "duologue")
    async with world() as there:
        there.fault = ConnectionClosed(1006, "says\r\nERROR " + "x" * 500, sent="no")
        there.horizon_s = 1000
        await there.lose()
        await turns(100)
        levels = [record.levelname for record in caplog.records]
        assert levels == ["INFO", "WARNING"]
        message = caplog.records[1].getMessage()
        assert "\n" not in message
        assert len(message) <= MAX_LOGGED_CHARACTERS + 40
    caplog.clear()
    async with world() as there:
        await there.lose()
        assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
