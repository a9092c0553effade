"""Random histories of a peer that loses connections, checked against a ledger (reliability 5).

Each call settles exactly once; a write runs at most once, and not at all if its error says that it
had not left; what may be repeated runs once for each connection at most. Hosts that stop turn calls
away, and these run elsewhere. Over each connection `on_connected` has its way before anything runs.
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
from duologue.endpoints.manner import Manner
from duologue.limits import MAX_TIMES_SENT
from duologue.promisifier.own_call import Call, CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed import Codec, Params, SafeInt, Service, ServiceContract, Unary
from duologue.typed.contract import Method
from duologue.typed.service import Offer
from tests.reconnect_support import lose
from tests.stopwatch import PATIENCE_S
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
            Unary(id=3, name="register", params=Params(Entry), returns=Codec(int)),
        ),
    )


CONTRACT = contract(100)
READ, WRITE, REGISTER = CONTRACT.methods


class Ledger(Service):
    """Notes what it runs, and answers a while later."""

    def __init__(self, chance: random.Random, executed: Counter[int]) -> None:
        self._chance = chance
        self._executed = executed
        self.is_registered = False
        self.came_too_early = 0

    async def read(self, params: Entry, ctx: CallContext) -> int:
        return await self.write(params, ctx)

    async def write(self, params: Entry, ctx: CallContext) -> int:
        self._executed[params.number] += 1
        self.came_too_early += not self.is_registered
        await turns(self._chance.randrange(30))
        return params.number

    async def register(self, params: Entry, ctx: CallContext) -> int:
        await turns(self._chance.randrange(10))
        self.is_registered = True
        return params.number


class History:
    """One peer, and what happens to it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.executed: Counter[int] = Counter()
        self.calls: list[tuple[Method[..., Any, int], Call[int]]] = []
        self.connections = 1
        self.hosts: list[WebsocketPromisifier] = []
        self.ledgers: list[Ledger] = []
        self.stopping: list[asyncio.Task[None]] = []
        self._wire: Connection
        self._guest = Manner(offer=Offer(()), limits=Limits(max_open_calls=MAX_OPEN_CALLS))
        self.peer = self._guest.begin_lasting(self._host(), self._register)

    def _host(self) -> Connection:
        class Based(Ledger):
            # Elsewhere each time: a call under an old number would fail.
            __contract__ = contract(100 * self.chance.randrange(1, 9))

        connection, self._wire = connected_pair()
        self.ledgers.append(Based(self.chance, self.executed))
        host = Manner(offer=Offer((self.ledgers[-1],)), limits=Limits())
        self.hosts.append(host.begin(self._wire, "acceptor"))
        return connection

    async def _register(self, peer: WebsocketPromisifier) -> None:
        if self.chance.random() < 0.1:
            raise ConnectionError("not ready")
        await peer.start_call(REGISTER, b'[{"number":0}]', REGISTER, CallOptions())

    async def _stop(self, host: WebsocketPromisifier) -> None:
        await host.drain(5)
        host.close("the server is shutting down")

    async def keep(self) -> None:
        """Another connection whenever one is lost, after a while."""

        def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
            self._guest.greet(peer, connection, "connector")

        await self.peer.stand()
        while True:
            await self.peer.went_away()
            await turns(self.chance.randrange(20))
            self.connections += 1
            await self.peer.go_on(self._host(), greet)

    async def happen(self) -> None:
        await self.peer.introduced()
        while len(self.calls) < CALLS:
            match self.chance.choices(
                ("call", "turn", "lose", "close", "stop", "cancel"), (12, 8, 1, 1, 1, 1)
            )[0]:
                case "call":
                    self._call()
                case "turn":
                    await turns(self.chance.randrange(1, 8))
                case "lose":
                    lose(self._wire)
                case "close":
                    self._wire.close()
                case "stop":
                    self.stopping.append(asyncio.create_task(self._stop(self.hosts[-1])))
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
    async with asyncio.timeout(PATIENCE_S):
        await history.happen()
        if history.chance.random() < 0.5:
            await asyncio.wait([call for _, call in history.calls])
        history.peer.close()
        await history.peer.promise.wait()
    keeper.cancel()
    await asyncio.wait([keeper, *history.stopping])
    await turns(40)
    assert complaints == []
    assert sum(ledger.came_too_early for ledger in history.ledgers) == 0
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
