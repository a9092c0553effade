"""What `serve`, `connect`, `listen` and `dial` take. Both type checkers must accept it."""

from collections.abc import AsyncGenerator
from typing import assert_type

import duologue
from duologue import HttpAnswer, Identity, OpenConnection, OpeningRequest, WebsocketPromisifier
from generated.chat.rooms.v1 import RoomsService


async def token_first(connection: OpenConnection) -> None:
    connection.send("token")
    assert_type(await connection.receive(), str | bytes)


def check(request: OpeningRequest) -> HttpAnswer | None:
    assert_type(request.header("Authorization"), str | None)
    return HttpAnswer(200, "ok") if request.path == "/health" else None


async def endpoints(rooms: RoomsService, me: Identity, host: str) -> None:
    async with (
        duologue.serve(rooms, before=token_first, check_request=check, contracts="same"),
        duologue.listen("wss://relay.example", rooms, identity=me, before=token_first),
        duologue.connect(
            "wss://host.example", headers={"Authorization": "x"}, before=token_first
        ) as peer,
        duologue.dial(
            "wss://relay.example", to=host, identity=me, before=token_first, contracts="any"
        ),
    ):
        assert_type(peer, WebsocketPromisifier)
        assert peer.request is None


async def fixture(rooms: RoomsService) -> AsyncGenerator[int]:
    async with duologue.serve(rooms) as server:
        yield server.port
