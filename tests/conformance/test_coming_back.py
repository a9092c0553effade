"""Every way of coming back keeps the promises, of losses and of conversations after them."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Backoff, CallContext, Identity, Limits, WebsocketPromisifier
from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.guest import Lasting, Visit
from duologue.endpoints.manner import Manner
from duologue.promisifier.on_connected import OnConnected
from duologue.relay.server.server import RelayServer
from duologue.testing import check_coming_back, check_conversation
from duologue.testing.conversation.losses import Lose
from duologue.testing.conversation.service import CheckedClient, CheckedService, Words
from duologue.typed import Service, Subscription
from duologue.typed.service import Offer
from tests.fault_proxy import fault_proxy
from tests.reconnect_support import lose
from tests.virtual_time import at_once

ANN, BEN = Identity.generate(), Identity.generate()
SOON = Backoff(first_s=0.01, max_s=0.05)

Pair = tuple[WebsocketPromisifier, WebsocketPromisifier]
Lossy = tuple[WebsocketPromisifier, Lose]


class MemoryHost:
    """A side that is called in memory; `wire` and `peer` are of its latest connection."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.peer: WebsocketPromisifier
        self._manner = Manner(offer=Offer(services), limits=Limits())
        self._wire: Connection

    async def dial(self) -> Connection:
        connection, self._wire = connected_pair()
        self.peer = self._manner.begin(self._wire, "acceptor")
        return connection

    async def lose(self) -> None:
        lose(self._wire)


@asynccontextmanager
async def in_memory(
    left: Sequence[Service], right: Sequence[Service], on_connected: OnConnected | None = None
) -> AsyncGenerator[Lossy]:
    host = MemoryHost(left)
    manner = Manner(offer=Offer(right), limits=Limits())
    lasting = Lasting(reconnect=True, on_connected=on_connected)
    async with Visit(host.dial, manner, lasting) as peer:
        yield peer, host.lose


@asynccontextmanager
async def after_a_loss(left: Sequence[Service], right: Sequence[Service]) -> AsyncGenerator[Pair]:
    """A pair that is joined for the second time."""
    host = MemoryHost(left)
    manner = Manner(offer=Offer(right), limits=Limits())
    async with Visit(host.dial, manner, Lasting(reconnect=True)) as peer:
        await host.lose()
        await CheckedClient(peer).echo(text="it is back")
        yield host.peer, peer


@at_once
async def test_a_peer_in_memory_keeps_the_promises_of_losses() -> None:
    await check_coming_back(in_memory)


@at_once
async def test_a_peer_that_has_come_back_keeps_the_promises_of_a_conversation() -> None:
    await check_conversation(after_a_loss, closers=("right",))


@asynccontextmanager
async def on_loopback(
    left: Sequence[Service],
    right: Sequence[Service],
    on_connected: OnConnected | None = None,
    *,
    encrypted: bool,
) -> AsyncGenerator[Lossy]:
    server = duologue.serve(
        *left,
        identity=BEN if encrypted else None,
        allow=ANYONE if encrypted else None,
        hosts=["127.0.0.1"],
    )
    async with server, fault_proxy(server.port) as proxy:

        async def lose() -> None:
            proxy.reset()

        async with duologue.connect(
            proxy.url,
            offer=right,
            identity=ANN if encrypted else None,
            to=BEN.public_key if encrypted else None,
            reconnect=True,
            backoff=SOON,
            on_connected=on_connected,
        ) as peer:
            yield peer, lose


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_a_peer_on_loopback_keeps_the_promises_of_losses(encrypted: bool) -> None:
    await check_coming_back(partial(on_loopback, encrypted=encrypted), patience_s=60)


@asynccontextmanager
async def through_relay(
    left: Sequence[Service],
    right: Sequence[Service],
    on_connected: OnConnected | None = None,
    *,
    folder: Path,
) -> AsyncGenerator[Lossy]:
    relay = RelayServer(hosts=["127.0.0.1"])
    await relay.start()
    try:
        async with (
            duologue.listen(
                relay.url, *left, identity=BEN, allow=ANYONE,
                known_relays=folder / "known_relays", spares=2,
            ),
            fault_proxy(relay.port) as proxy,
        ):  # fmt: skip

            async def lose() -> None:
                proxy.reset()

            async with duologue.dial(
                proxy.url, to=BEN.public_key, identity=ANN, offer=right,
                reconnect=True, backoff=SOON, on_connected=on_connected,
            ) as peer:  # fmt: skip
                yield peer, lose
    finally:
        await relay.close()


async def test_a_peer_at_a_relay_keeps_the_promises_of_losses(tmp_path: Path) -> None:
    await check_coming_back(partial(through_relay, folder=tmp_path), patience_s=60)


# -- what comes first on a new connection -------------------------------------------------------


class Counting(CheckedService):
    """Knows what it had been asked by the runtime of a connection when `echo` was called."""

    def __init__(self) -> None:
        super().__init__()
        self.echoed: list[tuple[str, int]] = []

    def echo(self, params: Words, ctx: CallContext) -> str:
        self.echoed.append((params.text, ctx.peer.stats["control_requests_received"]))
        return super().echo(params, ctx)


MakeLasting = Callable[
    [Sequence[Service], Sequence[Service], OnConnected], AbstractAsyncContextManager[Lossy]
]


async def _check_what_comes_first(make_lasting: MakeLasting) -> None:
    service = Counting()
    mine: list[Subscription[Words]] = []

    async def register(peer: WebsocketPromisifier) -> None:
        client = CheckedClient(peer)
        await client.echo(text="register")
        if not mine:
            mine.append(client.on_told())
            await mine[0].__aenter__()
            await client.echo(text="subscribed")

    async with make_lasting([service], [], register) as (peer, lose):
        client = CheckedClient(peer)
        async with client.on_told() as told:
            await client.echo(text="first")
            await lose()
            await client.echo(text="second")
            service.emit_told(text="heard")
            for each in (told, mine[0]):
                assert await anext(each) == Words(text="heard")
    said = [text for text, _ in service.echoed]
    assert said == ["register", "subscribed", "first", "register", "second"]
    # The two subscriptions: the first time made in between, the second time together.
    at_first, mine_asked, both_asked, later, again_asked = (count for _, count in service.echoed)
    assert (mine_asked - at_first, both_asked - at_first, again_asked - later) == (1, 2, 2)


@at_once
async def test_on_connected_comes_before_subscriptions_and_these_before_calls_in_memory() -> None:
    await _check_what_comes_first(in_memory)


@pytest.mark.parametrize("mode", ["plain", "encrypted", "relayed"])
async def test_on_connected_comes_before_subscriptions_and_these_before_calls(
    mode: str, tmp_path: Path
) -> None:
    if mode == "relayed":
        await _check_what_comes_first(partial(through_relay, folder=tmp_path))
    else:
        await _check_what_comes_first(partial(on_loopback, encrypted=mode == "encrypted"))
