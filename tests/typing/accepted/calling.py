"""Calls that must type-check, with the types that people will rely on."""

from datetime import UTC, datetime, timedelta
from typing import assert_never, assert_type

from pydantic import MISSING

from duologue import WebsocketPromisifier
from duologue.typed import Unknown
from generated.chat.rooms.v1 import (
    ROOMS_JOIN_ERRORS,
    Body,
    File,
    Member,
    Message,
    NotAllowed,
    Role,
    RoomFull,
    RoomNotFound,
    RoomsClient,
    RoomsJoinError,
    Text,
)
from generated.lab.psu.v1 import (
    Adjusted,
    Incident,
    LogEntry,
    Overheated,
    Reading,
    Regulation,
    SupplyClient,
    Tripped,
)


async def calls(peer: WebsocketPromisifier) -> None:
    rooms = RoomsClient(peer).with_options(timeout=2)
    assert_type(rooms, RoomsClient)
    member = await rooms.join(room="lobby", name="Ann")
    assert_type(member, Member)
    assert_type(member.joined_at, datetime)
    assert_type(member.nick, str | None)
    await rooms.join(room="lobby", name="Ann", role=Role.OWNER)
    assert_type(await rooms.members(room="lobby"), list[Member])
    assert_type(await rooms.post(room="lobby", body=Text(text="hi"), reply_to=None), Message)
    await rooms.leave(room="lobby")
    await rooms.ban(room="lobby", user_id="u1", lasts=timedelta(hours=1))


async def every_error(rooms: RoomsClient) -> str:
    try:
        await rooms.join(room="lobby", name="Ann")
    except ROOMS_JOIN_ERRORS as error:
        match error:
            case RoomNotFound():
                return error.data.room
            case RoomFull():
                return str(error.data.capacity)
            case NotAllowed():
                return error.data.needed
            case _:
                assert_never(error)
    return ""


def raised(error: RoomsJoinError) -> str:
    return error.code


def every_variant(body: Body) -> str:
    match body:
        case Text():
            return body.text
        case File():
            return body.name
        case _:
            assert_never(body)


def every_role(role: Role) -> int:
    match role:
        case Role.OWNER:
            return 3
        case Role.MODERATOR:
            return 2
        case Role.MEMBER:
            return 1
        case _:
            assert_never(role)


async def explicit_presence(supply: SupplyClient) -> None:
    await supply.adjust(channel=1)
    await supply.adjust(channel=1, ramp=None)
    await supply.adjust(channel=1, ramp=timedelta(seconds=1), is_on=MISSING)
    assert_type(await supply.incidents(since=datetime.now(UTC)), list[LogEntry])


def an_open_enum(reading: Reading) -> str:
    assert_type(reading.regulation, Regulation | str)
    return "steady" if reading.regulation == Regulation.VOLTAGE else reading.regulation


def an_open_union(incident: Incident) -> str:
    match incident:
        case Tripped() | Overheated() | Adjusted():
            return incident.kind
        case Unknown():
            return incident.tag
        case _:
            assert_never(incident)
