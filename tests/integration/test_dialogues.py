"""Dialogues by all four ways to a conversation, over real sockets, and with either side calling."""

from pathlib import Path

from duologue import CallContext
from generated.chat.rooms.v1 import (
    ChatSessionGuest,
    ChatSessionHost,
    PresenceNudgeParams,
    PresenceService,
    RoomsLeaveParams,
    RoomsServicePartial,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN, BEN, running
from tests.integration.relay_loopback import pins as pins


class Presence(PresenceService):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.texts = list[str]()

    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        self.texts.append(params.text)
        return True


class Rooms(RoomsServicePartial):
    """Calls back before it answers."""

    async def leave(self, params: RoomsLeaveParams, ctx: CallContext) -> None:
        await ChatSessionHost.of(ctx).presence.nudge(text=f"you have left {params.room}")


async def test_a_guest_connects_to_a_host() -> None:
    presence = Presence()
    async with ChatSessionHost.serve(rooms=Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with ChatSessionGuest.connect(url, presence=presence) as session:
            await session.rooms.leave(room="lobby")
            for peer in server.peers:
                await ChatSessionHost(peer).presence.nudge(text="closing")
    assert presence.texts == ["you have left lobby", "closing"]


async def test_a_host_connects_to_a_guest() -> None:
    presence = Presence()
    async with ChatSessionGuest.serve(presence=presence) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with ChatSessionHost.connect(url, rooms=Rooms()) as session:
            assert await session.presence.nudge(text="here I am")
            (peer,) = server.peers
            await ChatSessionGuest(peer).rooms.leave(room="attic")
    assert presence.texts == ["here I am", "you have left attic"]


async def test_a_guest_dials_a_host_through_a_relay(pins: Path) -> None:
    presence = Presence()
    async with (
        running() as relay,
        ChatSessionHost.listen(
            relay.url, rooms=Rooms(), identity=BEN, allow={str(ANN)}, known_relays=pins
        ),
        ChatSessionGuest.dial([relay.url], to=str(BEN), identity=ANN, presence=presence) as guest,
    ):
        await guest.rooms.leave(room="lobby")
    assert presence.texts == ["you have left lobby"]


async def test_a_host_dials_a_guest_through_a_relay(pins: Path) -> None:
    presence = Presence()
    async with (
        running() as relay,
        ChatSessionGuest.listen(
            [relay.url], presence=presence, identity=BEN, allow={str(ANN)}, known_relays=pins
        ) as listener,
        ChatSessionHost.dial(relay.url, to=str(BEN), identity=ANN, rooms=Rooms()) as host,
    ):
        await host.presence.nudge(text="here I am")
        (peer,) = listener.peers
        await ChatSessionGuest(peer).rooms.leave(room="attic")
    assert presence.texts == ["here I am", "you have left attic"]
