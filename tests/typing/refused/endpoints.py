"""Mistakes with endpoints. Both type checkers must report each marked line, and no other."""

import duologue
from duologue import HttpAnswer, Identity, OpenConnection, OpeningRequest
from generated.chat.rooms.v1 import RoomsService


def not_awaited(connection: OpenConnection) -> None:
    print(connection)


async def says_nothing(request: OpeningRequest) -> str:
    return request.path


def takes_nothing() -> HttpAnswer | None:
    return None


def mistakes(rooms: RoomsService, me: Identity) -> None:
    duologue.serve(rooms, before=not_awaited)  # refused
    duologue.serve(rooms, check_request=says_nothing)  # refused
    duologue.serve(rooms, check_request=takes_nothing)  # refused
    duologue.serve(rooms, contracts="equal")  # refused
    duologue.connect("ws://host.example", headers={"Attempt": 1})  # refused
    duologue.connect("ws://host.example", headers="Authorization: x")  # refused
    duologue.connect("ws://host.example", before=not_awaited)  # refused
    duologue.listen("wss://relay.example", rooms)  # refused
    duologue.dial("wss://relay.example", identity=me)  # refused
