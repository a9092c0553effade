"""A caller passes an argument of the wrong type."""

from generated.chat.rooms.v1 import Member, RoomsClient


async def enter(rooms: RoomsClient) -> Member:
    return await rooms.join(room="lobby", name=42)
