"""The demonstration's client: calls, is called, and runs into every kind of trouble on purpose."""

import asyncio
import sys

import duologue
from duologue import CallContext, DeadlineExceeded, InvalidParams
from generated.chat.rooms.v1 import (
    PresenceNudgeParams,
    PresenceService,
    RoomFull,
    RoomNotFound,
    RoomsClient,
)


class Presence(PresenceService):
    """What the host of the rooms may ask of this guest."""

    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        """Show the text."""
        print(f"called by the service: nudge(text={params.text!r})")
        return True


async def main(url: str) -> None:
    """The whole conversation."""
    async with duologue.connect(url, offer=[Presence()]) as peer:
        rooms = RoomsClient(peer)

        print("\n\033[1mtyped calls, both ways on one connection\033[0m")
        member = await rooms.join(room="lobby", name="Ann")
        print(
            f"join -> {member.user.name} is {member.role.value} since {member.joined_at:%H:%M:%S}"
        )
        await rooms.join(room="lobby", name="Bob")

        print("\n\033[1ma declared error is caught as its class\033[0m")
        try:
            await rooms.join(room="lobby", name="Cid")
        except RoomFull as error:
            print(f"RoomFull: {error} (capacity is {error.data.capacity}, an int)")
        try:
            await rooms.join(room="attic", name="Cid")
        except RoomNotFound as error:
            print(f"RoomNotFound: {error}")

        print("\n\033[1mbad params never leave this process\033[0m")
        sent_before = peer.stats.requests_sent_total
        try:
            await rooms.join(room="The Lobby!", name="")
        except InvalidParams as error:
            print(error)
        print(f"requests sent meanwhile: {peer.stats.requests_sent_total - sent_before}")

        print("\n\033[1ma deadline\033[0m")
        try:
            await rooms.with_options(timeout=0.3).join(room="library", name="Ann")
        except DeadlineExceeded as error:
            print(error)

        print("\n\033[1ma clean close, with the statistics\033[0m")
        peer.close("that was all")
        status = await peer.promise
        print(f"closed with {status.code}: {status.reason}")
        for name, count in status.stats.items():
            if count:
                print(f"  {name:<26} {count}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
