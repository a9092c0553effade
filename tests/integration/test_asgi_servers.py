"""Services mounted in Starlette, at uvicorn and at hypercorn: one port for pages and for calls."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import hypercorn.asyncio
import pytest
import uvicorn
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import duologue
from duologue import CallContext, HttpRefused, HttpUnavailable, Identity, Limits
from duologue.asgi import Application
from duologue.connection.websocket.dial import dial_websocket
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import (
    Member,
    PresenceClient,
    PresenceNudgeParams,
    PresenceService,
    RoomsClient,
    RoomsJoinParams,
    RoomsServicePartial,
)

Serve = Callable[[Any], AbstractAsyncContextManager[int]]

BIG = "x" * 500_000


class Rooms(RoomsServicePartial):
    async def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        await PresenceClient(ctx.peer).nudge(text="welcome")
        user = User(id="u1", name=params.name)
        return Member(user=user, role=params.role, joined_at=datetime.now(UTC))


class Presence(PresenceService):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        self.heard.append(params.text)
        return True


@asynccontextmanager
async def uvicorn_at(application: Any, **settings: Any) -> AsyncGenerator[int]:
    config = uvicorn.Config(application, port=0, log_level="warning", **settings)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        # Not `serve`, which would take the signals of the tests for itself.
        running = asyncio.create_task(server._serve([sock]))  # pyright: ignore[reportPrivateUsage]
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@asynccontextmanager
async def uvicorn_with_wsproto(application: Any) -> AsyncGenerator[int]:
    async with uvicorn_at(application, ws="wsproto") as port:
        yield port


@asynccontextmanager
async def hypercorn_at(application: Any) -> AsyncGenerator[int]:
    config, stop = Config(), asyncio.Event()
    config.errorlog = None
    # It tells nobody when it listens, so this does.
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    config.bind = [f"fd://{sock.detach()}"]
    running = asyncio.create_task(
        hypercorn.asyncio.serve(  # pyright: ignore[reportUnknownMemberType]
            application, config, shutdown_trigger=stop.wait
        )
    )
    try:
        yield port
    finally:
        stop.set()
        await running


SERVERS = pytest.mark.parametrize("serve", [uvicorn_at, uvicorn_with_wsproto, hypercorn_at])


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("a page")


def site(application: Application) -> Starlette:
    return Starlette(routes=[Route("/", hello), Mount("/api", application)])


async def get(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@SERVERS
async def test_calls_go_both_ways_beside_pages(serve: Serve) -> None:
    presence = Presence()
    async with serve(site(duologue.asgi.app(Rooms()))) as port:
        url = f"ws://127.0.0.1:{port}/api/"
        async with duologue.connect(url, offer=[presence]) as peer:
            member = await RoomsClient(peer).join(room="lobby", name="Ann")
        assert b"a page" in await get(port, "/")
    assert (member.user.name, presence.heard) == ("Ann", ["welcome"])


@SERVERS
async def test_encrypted_callers_are_known_by_key(serve: Serve) -> None:
    host, ann = Identity.generate(), Identity.generate()
    keys: list[bytes | None] = []
    application = duologue.asgi.app(
        Rooms(), identity=host, allow={ann.public_key}, on_peer=lambda p: keys.append(p.remote_key)
    )
    async with serve(site(application)) as port:
        url = f"ws://127.0.0.1:{port}/api/"
        async with duologue.connect(
            url, identity=ann, to=host.public_key, offer=[Presence()]
        ) as peer:
            await RoomsClient(peer).join(room="lobby", name="Ann")
    assert keys == [ann.public_key]


@SERVERS
async def test_long_texts_arrive_whole(serve: Serve) -> None:
    def turned(text: str) -> str:
        return text[::-1]

    def offer(peer: duologue.WebsocketPromisifier) -> None:
        peer.add_service(1, turned)

    async with (
        serve(duologue.asgi.app(on_peer=offer)) as port,
        duologue.connect(f"ws://127.0.0.1:{port}") as peer,
    ):
        answers = await asyncio.gather(*(peer.send(1, BIG) for _ in range(4)))
    assert answers == [BIG] * 4


@SERVERS
async def test_the_reason_of_a_close_arrives(serve: Serve) -> None:
    application = duologue.asgi.app(Rooms())
    async with (
        serve(application) as port,
        duologue.connect(f"ws://127.0.0.1:{port}") as peer,
    ):
        await peer.introduced()
        await application.close()
        status = await peer.promise
    assert (status.code, status.reason) == (1000, "Close called: the server is shutting down")


@SERVERS
async def test_a_foreign_page_is_refused(serve: Serve) -> None:
    async with serve(duologue.asgi.app(Rooms(), origins=["https://mine.example"])) as port:
        url = f"ws://127.0.0.1:{port}/"
        with pytest.raises(HttpRefused) as caught:
            await dial_websocket(url, Limits(), origin="https://evil.example", timeout_s=10)
        assert "403" in str(caught.value)
        connection = await dial_websocket(
            url, Limits(), origin="https://mine.example", timeout_s=10
        )
        connection.terminate("it was let in")


@SERVERS
async def test_above_the_limit_of_connections_one_is_told_to_come_later(serve: Serve) -> None:
    application = duologue.asgi.app(Rooms(), limits=Limits(max_connections=1))
    async with serve(application) as port:
        url = f"ws://127.0.0.1:{port}/"
        async with duologue.connect(url):
            with pytest.raises(HttpUnavailable, match="503"):
                async with duologue.connect(url):
                    pass
            [peer] = application.peers
        await peer.promise.wait()
        async with duologue.connect(url):
            pass


@SERVERS
async def test_a_request_that_is_none_for_a_websocket_is_told_so(serve: Serve) -> None:
    async with serve(site(duologue.asgi.app(Rooms()))) as port:
        answer = await get(port, "/api/")
    assert answer.startswith(b"HTTP/1.1 426 ")
    assert answer.endswith(b"This is a WebSocket.\n")


async def test_identity_and_allow_go_together() -> None:
    with pytest.raises(ValueError, match="go together"):
        duologue.asgi.app(identity=Identity.generate())


@SERVERS
async def test_services_see_the_request_that_opened_the_connection(serve: Serve) -> None:
    seen: list[object] = []

    def note(peer: duologue.WebsocketPromisifier) -> None:
        request = peer.request
        assert request is not None
        seen.extend((request.path, request.query, request.header("x-token")))

    async with serve(site(duologue.asgi.app(Rooms(), on_peer=note))) as port:
        url = f"ws://127.0.0.1:{port}/api/?a=1"
        async with duologue.connect(url, headers={"X-Token": "t"}) as peer:
            await peer.introduced()
    assert seen == ["/api/", {"a": ["1"]}, "t"]
