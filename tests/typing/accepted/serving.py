"""Services that must type-check: plain or async methods, whole or partial."""

from datetime import UTC, datetime
from typing import assert_type

import duologue
from duologue import CallContext
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import (
    Member,
    Note,
    PresenceNudgeParams,
    PresenceService,
    RoomFull,
    RoomNotFound,
    RoomsClient,
    RoomsHistoryParams,
    RoomsJoinParams,
    RoomsKickParams,
    RoomsMembersParams,
    RoomsNoteParams,
    RoomsServicePartial,
)


class Guest(PresenceService):
    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        return bool(params.text)


class AsyncGuest(PresenceService):
    async def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        return bool(params.text)


class Rooms(RoomsServicePartial):
    def __init__(self) -> None:
        self.members_by_room: dict[str, list[Member]] = {}

    async def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        room = self.members_by_room.get(params.room)
        if room is None:
            raise RoomNotFound(room=params.room)
        if len(room) > 10:
            raise RoomFull(capacity=10)
        user = User(id="u1", name=params.name)
        return Member(user=user, role=params.role, joined_at=datetime.now(UTC))

    def members(self, params: RoomsMembersParams, ctx: CallContext) -> list[Member]:
        return self.members_by_room[params.room]

    async def note(self, params: RoomsNoteParams, ctx: CallContext) -> Note:
        return Note(text="", revision=0)

    async def kick(self, params: RoomsKickParams, ctx: CallContext) -> None:
        self.members_by_room.pop(params.room)


def first_seq(params: RoomsHistoryParams) -> int:
    return params.after + 1


async def try_it_without_a_network() -> None:
    async with duologue.testing.linked(Rooms(), RoomsClient) as rooms:
        assert_type(rooms, RoomsClient)


async def offer() -> None:
    async with duologue.serve(Guest(), Rooms()) as server:
        await server.wait_closed()
