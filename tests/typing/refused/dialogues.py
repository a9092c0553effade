"""Mistakes with dialogues, at both ends. Each marked line, and no other."""

from duologue import CallContext, Identity
from generated.chat.rooms.v1 import (
    ChatSessionGuest,
    ChatSessionHost,
    PresenceNudgeParams,
    PresenceService,
    RoomsServicePartial,
)


class Rooms(RoomsServicePartial):
    async def leave_by(self, ctx: CallContext) -> None:
        await ChatSessionHost.of(ctx).presence.nudge(text=5)  # refused
        await ChatSessionHost.of(ctx).rooms.leave(room="lobby")  # refused
        await ChatSessionHost.of(self).presence.nudge(text="hi")  # refused


class Presence(PresenceService):
    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        return True


def host(identity: Identity) -> None:
    ChatSessionHost.serve()  # refused
    ChatSessionHost.serve(Rooms())  # refused
    ChatSessionHost.serve(rooms=Presence())  # refused
    ChatSessionHost.serve(rooms=Rooms(), presence=Presence())  # refused
    ChatSessionHost.serve(rooms=Rooms(), prot=8000)  # refused
    ChatSessionHost.serve(rooms=Rooms(), port="8000")  # refused
    ChatSessionHost.listen("wss://relay", rooms=Rooms())  # refused
    ChatSessionHost.listen(rooms=Rooms(), identity=identity)  # refused


async def guest(identity: Identity) -> None:
    ChatSessionGuest.connect("ws://host")  # refused
    ChatSessionGuest.connect("ws://host", presence=Rooms())  # refused
    ChatSessionGuest.connect("ws://host", presence=Presence(), offer=[])  # refused
    ChatSessionGuest.dial("wss://relay", presence=Presence(), identity=identity)  # refused
    async with ChatSessionGuest.connect("ws://host", presence=Presence()) as here:
        await here.presence.nudge(text="hi")  # refused
        await here.rooms.join(room="lobby")  # refused
