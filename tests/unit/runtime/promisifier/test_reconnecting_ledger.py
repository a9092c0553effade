"""Random histories of a peer that loses connections, checked against a ledger (reliability 5).

Each call settles exactly once; a write runs at most once, and not at all if its error says that it
had not left; what may be repeated runs once for each connection at most.
"""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from duologue import (
    CallContext,
    ConnectionClosed,
    DeadlineExceeded,
    LimitExceeded,
    Limits,
    Model,
)
from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.hosting import Manner
from duologue.limits import MAX_TIMES_SENT
from duologue.promisifier.own_call import Call, CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed import Codec, Params, SafeInt, Service, ServiceContract, Unary
from duologue.typed.contract import Method
from duologue.typed.service import Offer
from tests.reconnect_support import lose
from tests.support import turns

CALLS = 60
MAX_OPEN_CALLS = 40


class Entry(Model):
    """Names the call."""

    number: SafeInt


def contract(base: int) -> ServiceContract:
    return ServiceContract(
        name="test.v1.Ledger",
        base=base,
        digest="",
        methods=(
            Unary(id=1, name="read", params=Params(Entry), returns=Codec(int), effect="read"),
            Unary(id=2, name="write", params=Params(Entry), returns=Codec(int)),
        ),
    )


CONTRACT = contract(100)
READ, WRITE = CONTRACT.methods


class Ledger(Service):
    """Notes what it runs, and answers a while later."""

    def __init__(self, chance: random.Random, executed: Counter[int]) -> None:
        self._chance = chance
        self._executed = executed

    async def read(self, params: Entry, ctx: CallContext) -> int:
        return await self.write(params, ctx)

    async def write(self, params: Entry, ctx: CallContext) -> int:
        self._executed[params.number] += 1
        await turns(self._chance.randrange(30))
        return params.number


class History:
    """One peer, and what happens to it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.executed: Counter[int] = Counter()
        self.calls: list[tuple[Method[..., Any, int], Call[int]]] = []
        self.connections = 1
        self._wire: Connection
        self._guest = Manner(offer=Offer(()), limits=Limits(max_open_calls=MAX_OPEN_CALLS))
        self.peer = self._guest.begin_lasting(self._host())

    def _host(self) -> Connection:
        class Based(Ledger):
            # Elsewhere each time: a call under an old number would fail.
            __contract__ = contract(100 * self.chance.randrange(1, 9))

        connection, self._wire = connected_pair()
        offer = Offer((Based(self.chance, self.executed),))
        Manner(offer=offer, limits=Limits()).begin(self._wire, "acceptor")
        return connection

    async def keep(self) -> None:
        """Another connection whenever one is lost, after a while."""

        def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
            self._guest.greet(peer, connection, "connector")

        while True:
            await self.peer.went_away()
            await turns(self.chance.randrange(20))
            self.connections += 1
            await self.peer.go_on(self._host(), greet)

    async def happen(self) -> None:
        await self.peer.introduced()
        while len(self.calls) < CALLS:
            match self.chance.choices(
                ("call", "turn", "lose", "close", "cancel"), (12, 8, 1, 1, 1)
            )[0]:
                case "call":
                    self._call()
                case "turn":
                    await turns(self.chance.randrange(1, 8))
                case "lose":
                    lose(self._wire)
                case "close":
                    self._wire.close()
                case _:
                    if self.calls:
                        self.chance.choice(self.calls)[1].cancel()

    def _call(self) -> None:
        method = self.chance.choice((READ, WRITE))
        args = b'[{"number":%d}]' % len(self.calls)
        options = CallOptions(self.chance.choice((30.0, 30.0, 0.001)))
        self.calls.append((method, self.peer.start_call(method, args, method, options)))


@pytest.mark.parametrize("seed", range(100))
async def test_every_call_settles_once_and_no_write_runs_twice(seed: int) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    history = History(seed)
    keeper = asyncio.create_task(history.keep())
    async with asyncio.timeout(20):
        await history.happen()
        if history.chance.random() < 0.5:
            await asyncio.wait([call for _, call in history.calls])
        history.peer.close()
        await history.peer.promise.wait()
    keeper.cancel()
    await asyncio.wait([keeper])
    await turns(40)
    assert complaints == []
    for number, (method, call) in enumerate(history.calls):
        assert call.done()
        times = history.executed[number]
        assert times <= (1 if method is WRITE else MAX_TIMES_SENT)
        if call.cancelled():
            continue
        error = call.exception()
        if error is None:
            assert call.result() == number
            assert times >= 1
        else:
            assert isinstance(error, ConnectionClosed | DeadlineExceeded | LimitExceeded), error
            if isinstance(error, LimitExceeded):
                assert times == 0
            if isinstance(error, ConnectionClosed) and error.sent == "no":
                assert times == 0
