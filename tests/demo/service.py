"""The demonstration's service: hosts two chat rooms and nudges whoever comes in."""

import asyncio
import signal
from datetime import UTC, datetime

import duologue
from duologue import CallContext
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import (
    Member,
    PresenceClient,
    RoomFull,
    RoomNotFound,
    RoomsJoinParams,
    RoomsServicePartial,
)

SEATS = 2


class Rooms(RoomsServicePartial):
    """Rooms with a few seats each. What it does not implement answers UNIMPLEMENTED."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms: dict[str, list[Member]] = {"lobby": [], "library": []}

    async def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        """Seat the caller, then call back: the caller's side serves `Presence`."""
        members = self.rooms.get(params.room)
        if members is None:
            raise RoomNotFound(room=params.room)
        if len(members) == SEATS:
            raise RoomFull(capacity=SEATS)
        if params.room == "library":
            await asyncio.sleep(60)  # the librarian is slow, so that a deadline can be shown
        user = User(id=f"u{len(members) + 1}", name=params.name)
        member = Member(user=user, role=params.role, joined_at=datetime.now(UTC))
        members.append(member)
        print(f"{params.name} enters {params.room}; calling back Presence.nudge ...")
        seen = await PresenceClient(ctx.peer).nudge(text=f"welcome to {params.room}, {params.name}")
        print(f"... which {params.name} has {'seen' if seen else 'not seen'}")
        return member


async def main() -> None:
    """Serve until the parent process says stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with duologue.serve(Rooms()) as server:
        print(f"listening on ws://127.0.0.1:{server.port}", flush=True)
        await stop.wait()
    print("stopped")


if __name__ == "__main__":
    asyncio.run(main())
