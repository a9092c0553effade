"""The contract has got a new error, `RoomFull`, and a caller does not handle it yet."""

from typing import assert_never

from generated.chat.rooms.v1 import ROOMS_JOIN_ERRORS, NotAllowed, RoomNotFound, RoomsClient


async def enter(rooms: RoomsClient) -> str:
    try:
        return (await rooms.join(room="lobby", name="Ann")).user.name
    except ROOMS_JOIN_ERRORS as error:
        match error:
            case RoomNotFound():
                return f"there is no {error.data.room}"
            case NotAllowed():
                return f"only for the role {error.data.needed}"
            case _:
                assert_never(error)
