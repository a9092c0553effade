"""Dialogues as people will use them, from both sides and by all four ways."""

from typing import assert_type

from duologue import CallContext, Identity, Listener, Server
from duologue.typed import Peer
from generated.chat.rooms.v1 import (
    ChatSessionGuest,
    ChatSessionHost,
    Member,
    PresenceClient,
    PresenceNudgeParams,
    PresenceService,
    RoomsClient,
    RoomsJoinParams,
    RoomsServicePartial,
)


class Rooms(RoomsServicePartial):
    async def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        guest = ChatSessionHost.of(ctx)
        assert_type(guest.presence, PresenceClient)
        assert_type(await guest.presence.nudge(text="welcome"), bool)
        raise NotImplementedError


class Presence(PresenceService):
    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        return True


async def host(identity: Identity) -> None:
    server = ChatSessionHost.serve(rooms=Rooms(), port=8000, on_peer=greet)
    assert_type(server, Server)
    async with server:
        for peer in server.peers:
            await ChatSessionHost(peer).presence.nudge(text="closing")
    listener = ChatSessionHost.listen("wss://relay", rooms=Rooms(), identity=identity, spares=4)
    assert_type(listener, Listener)
    async with listener:
        print(listener.public_key.hex())


def greet(peer: Peer) -> None:
    print(ChatSessionHost(peer).peer.remote_address)


async def guest(identity: Identity) -> None:
    async with ChatSessionGuest.connect("ws://host", presence=Presence(), reconnect=True) as here:
        assert_type(here, ChatSessionGuest)
        assert_type(here.rooms, RoomsClient)
        assert_type(await here.rooms.join(room="lobby", name="Ann"), Member)
    relays = ["wss://a", "wss://b"]
    async with ChatSessionGuest.dial(
        relays, to="00" * 32, identity=identity, presence=Presence(), timeout=3
    ) as there:
        await there.rooms.leave(room="lobby")
