"""Mistakes of callers. Both type checkers must report each marked line, and no other."""

from typing import assert_never

from generated.chat.rooms.v1 import (
    ROOMS_JOIN_ERRORS,
    Body,
    Member,
    Role,
    RoomNotFound,
    RoomsClient,
    Text,
)
from generated.lab.psu.v1 import Reading, Regulation, SupplyClient


async def mistakes(rooms: RoomsClient, supply: SupplyClient) -> None:
    await rooms.join(room="lobby", name=42)  # refused
    await rooms.join(room="lobby")  # refused
    await rooms.join("lobby", "Ann")  # refused
    await rooms.join(room="lobby", name="Ann", roel=Role.OWNER)  # refused
    await rooms.join(room="lobby", name="Ann", role="owner")  # refused
    await rooms.join(room="lobby", name="Ann", role=None)  # refused
    await rooms.jion(room="lobby", name="Ann")  # refused
    await rooms.kick(room="lobby", user_id="u1")  # refused
    await rooms.post(room="lobby", body="hello")  # refused
    rooms.join(room="lobby", name="Ann")  # refused
    await supply.adjust(channel=1, volts=None)  # refused
    text: str = await rooms.leave(room="lobby")  # refused
    print(text)


async def a_result(rooms: RoomsClient) -> int:
    member = await rooms.join(room="lobby", name="Ann")
    print(member.nick.upper())  # refused
    return member.joined_at  # refused


async def a_forgotten_error(rooms: RoomsClient) -> str:
    try:
        return (await rooms.join(room="lobby", name="Ann")).user.name
    except ROOMS_JOIN_ERRORS as error:
        match error:
            case RoomNotFound():
                return error.data.capacity  # refused
            case _:
                assert_never(error)  # refused


def a_forgotten_variant(body: Body) -> str:
    match body:
        case Text():
            return body.text
        case _:
            assert_never(body)  # refused


def an_open_enum_is_not_exhausted(reading: Reading) -> str:
    match reading.regulation:
        case Regulation.IDLE | Regulation.VOLTAGE | Regulation.CURRENT:
            return "known"
        case other:
            assert_never(other)  # refused


def values() -> None:
    Member(role=Role.MEMBER)  # refused
    RoomNotFound(room=1)  # refused
    RoomNotFound()  # refused
    Text(kind="file", text="")  # refused
