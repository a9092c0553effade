"""The same house on loopback, called directly, encrypted, and through a relay; all of it breaks."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import duologue
from duologue import ANYONE, Backoff, Identity, Limits, WebsocketPromisifier
from duologue.relay.server.server import RelayServer
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.soak.ledger import Books, Guest, House
from tests.soak.memory_network import Calling

LIMITS: Final = Limits(
    keepalive_interval_s=1,
    keepalive_timeout_s=4,
    stream_stall_timeout_s=3,
    close_timeout_s=1,
    drain_timeout_s=1,
    handshake_timeout_s=5,
)
SLOW_S: Final = 0.5
SOON: Final = Backoff(first_s=0.2, max_s=2)
HOST: Final = "127.0.0.1"

Fault = Callable[[], Coroutine[Any, Any, None]]


class SocketNetwork:
    """Made by `socket_network`."""

    def __init__(self, books: Books, chance: random.Random, folder: Path) -> None:
        self._books = books
        self._chance = chance
        self._known_relays = folder / "known_relays"
        self._key = Identity.generate()
        self._house: AsyncExitStack | None = None
        self._houses = 0
        self._ports = [0, 0]
        """Of the plain and of the encrypted house; the same after each restart."""
        self._relay = RelayServer(hosts=[HOST])
        self._relay_port = 0
        self._proxies: dict[FaultProxy, bool] = {}
        """And whether one is broken."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_restarting = False

    async def start(self) -> None:
        """Be there to be called."""
        await self._start_relay()
        await self._start_house()

    def calling(self, number: int) -> Calling:
        """How peer `number` joins: plain, encrypted, through the relay."""

        @asynccontextmanager
        async def join() -> AsyncGenerator[WebsocketPromisifier]:
            way = number % 3
            port = self._relay_port if way == 2 else self._ports[way]
            async with fault_proxy(port) as proxy:
                self._proxies[proxy] = False
                common: dict[str, Any] = {
                    "offer": [Guest()], "limits": LIMITS, "reconnect": True, "backoff": SOON,
                }  # fmt: skip
                if way:
                    common |= {"identity": Identity.generate(), "to": self._key.public_key}
                join = duologue.dial if way == 2 else duologue.connect
                async with join(proxy.url, **common) as peer:
                    yield peer

        return join

    async def misfortune(self) -> None:
        """One more of them."""
        faults: list[Callable[[], None]] = [self._break_a_line] * 12
        if not self._is_restarting:
            faults += [lambda: self._begin(self._restart_house())]
            faults += [lambda: self._begin(self._restart_relay())]
        self._chance.choice(faults)()

    async def heal(self) -> None:
        """Return when everything is whole again."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """End what is there."""
        await self.heal()
        if self._house is not None:
            await self._house.aclose()
        await self._relay.close()

    # -- lines ----------------------------------------------------------------------------------

    def _break_a_line(self) -> None:
        whole = [proxy for proxy, is_broken in self._proxies.items() if not is_broken]
        if whole:
            self._begin(self._break(self._chance.choice(whole)))

    async def _break(self, proxy: FaultProxy) -> None:
        self._proxies[proxy] = True
        faults = proxy.faults
        seconds = self._chance.random() * 8
        match self._chance.choice(("reset", "reset", "cut", "hole", "half", "stall", "crawl")):
            case "reset":
                proxy.reset()
                seconds = 0
            case "cut":
                faults.cut_after_bytes = proxy.passed_bytes + self._chance.randrange(20_000)
            case "hole":
                proxy.black_hole()
            case "half":
                faults.swallowed = {self._chance.choice(("up", "down"))}
            case "stall":
                faults.stalled = {"up", "down"}
            case _:
                faults.slice_bytes, faults.latency_s = 500, 0.005
        lost_bytes = bool(faults.swallowed)
        await asyncio.sleep(seconds)
        if lost_bytes:
            # What was swallowed is lost: no connection can go on behind it.
            proxy.reset()
        proxy.go_on()
        self._proxies[proxy] = False

    # -- the house and the relay ------------------------------------------------------------------

    async def _start_house(self) -> None:
        self._houses += 1
        house = House(self._books, self._chance, self._houses, SLOW_S)
        stack = AsyncExitStack()
        servers = [
            duologue.serve(
                house,
                port=port,
                hosts=[HOST],
                limits=LIMITS,
                identity=key,
                allow=ANYONE if key else None,
            )
            for port, key in zip(self._ports, (None, self._key), strict=True)
        ]
        for server in servers:
            await stack.enter_async_context(server)
        self._ports = [server.port for server in servers]
        await stack.enter_async_context(
            duologue.listen(
                f"ws://{HOST}:{self._relay_port}", house, identity=self._key, allow=ANYONE,
                limits=LIMITS, known_relays=self._known_relays, spares=4,
            )
        )  # fmt: skip
        clock = asyncio.create_task(house.tell_the_time())
        stack.callback(clock.cancel)
        self._house = stack

    async def _restart_house(self) -> None:
        self._is_restarting = True
        if self._house is not None:
            await self._house.aclose()
        self._house = None
        await asyncio.sleep(self._chance.random() * 3)
        await self._start_house()
        self._is_restarting = False

    async def _start_relay(self) -> None:
        self._relay = RelayServer(port=self._relay_port, hosts=[HOST])
        await self._relay.start()
        self._relay_port = self._relay.port

    async def _restart_relay(self) -> None:
        self._is_restarting = True
        await self._relay.close()
        await asyncio.sleep(self._chance.random() * 3)
        await self._start_relay()
        self._is_restarting = False

    def _begin(self, action: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(action)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def socket_network(
    books: Books, chance: random.Random, folder: Path
) -> AsyncGenerator[SocketNetwork]:
    """One with a house and a relay in it; `folder` is for the relay's key."""
    network = SocketNetwork(books, chance, folder)
    await network.start()
    try:
        yield network
    finally:
        await network.close()
        # Sockets are closed by the loop, some turns after their connections.
        await asyncio.sleep(1)
