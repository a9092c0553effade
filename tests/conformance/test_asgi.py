"""Services inside an ASGI application keep the promises that they keep at a server of ours."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest

import duologue
from duologue import ANYONE, Identity, Limits, WebsocketPromisifier
from duologue.connection.asgi import AsgiConnection, Event, Receive, Send
from duologue.connection.base import Connection
from duologue.connection.websocket.dial import dial_websocket
from duologue.testing import check_conversation
from duologue.testing.connection_check import check_connection
from duologue.typed import Service
from tests.asgi_bridge import asgi_server
from tests.integration.relay_loopback import until

ANN, BEN = Identity.generate(), Identity.generate()
SMALL = Limits(max_message_bytes=100_000)
ROOMY = Limits(max_message_bytes=300_000)


async def test_its_connections_keep_the_promises_of_connections() -> None:
    accepted: asyncio.Queue[Connection] = asyncio.Queue()

    async def application(scope: Event, receive: Receive, send: Send) -> None:
        await receive()
        await AsgiConnection(receive, send, SMALL).run(accepted.put_nowait)

    async with asgi_server(application, ROOMY) as url:

        async def make_pair() -> tuple[Connection, Connection]:
            return await dial_websocket(url, SMALL, timeout_s=10), await accepted.get()

        await check_connection(make_pair, max_message_bytes=SMALL.max_message_bytes, ending_turns=8)


async def test_all_who_come_from_one_address_run_no_more_than_one_may() -> None:
    running = 0
    never = asyncio.Event()

    async def hang() -> None:
        nonlocal running
        running += 1
        await never.wait()

    limits = Limits(max_running_calls_per_address=3)
    application = duologue.asgi.app(limits=limits, on_peer=lambda peer: peer.add_service(1, hang))
    async with (
        asgi_server(application, ROOMY) as url,
        duologue.connect(url) as first,
        duologue.connect(url) as second,
    ):
        calls = [peer.send(1) for peer in (first, second) for _ in range(2)]
        await until(
            lambda: sum(each.stats.requests_received_total for each in application.peers) == 4
        )
        assert running == 3
        for call in calls:
            call.cancel()


@asynccontextmanager
async def at_asgi(
    left: Sequence[Service], right: Sequence[Service], *, encrypted: bool
) -> AsyncGenerator[tuple[WebsocketPromisifier, WebsocketPromisifier]]:
    """Left is an ASGI application, right connects."""
    accepted: asyncio.Queue[WebsocketPromisifier] = asyncio.Queue()
    application = duologue.asgi.app(
        *left,
        on_peer=accepted.put_nowait,
        identity=BEN if encrypted else None,
        allow=ANYONE if encrypted else None,
    )
    async with (
        asgi_server(application, Limits(max_message_bytes=2**22)) as url,
        application,
        duologue.connect(
            url,
            offer=right,
            identity=ANN if encrypted else None,
            to=BEN.public_key if encrypted else None,
        ) as peer,
    ):
        yield await accepted.get(), peer


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_peers_at_an_asgi_application_keep_the_promises(encrypted: bool) -> None:
    await check_conversation(partial(at_asgi, encrypted=encrypted))
