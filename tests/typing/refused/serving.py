"""Mistakes of services. Both type checkers must report each marked line, and no other."""

import duologue
from duologue import CallContext
from generated.chat.rooms.v1 import (
    Member,
    PresenceNudgeParams,
    PresenceService,
    RoomsJoinParams,
    RoomsServicePartial,
)


class Silent(PresenceService):
    pass


class WrongResult(PresenceService):
    async def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> str:  # refused
        return params.text


class WrongParams(PresenceService):
    async def nudge(self, params: RoomsJoinParams, ctx: CallContext) -> bool:  # refused
        return bool(params.room)


class NoContext(PresenceService):
    async def nudge(self, params: PresenceNudgeParams) -> bool:  # refused
        return bool(params.text)


class Rooms(RoomsServicePartial):
    async def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        print(params.nickname)  # refused
        return None  # refused


misspelt = duologue.tetsing  # refused
silent = Silent()  # refused
