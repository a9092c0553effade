"""The demonstration's client: calls, is called, and runs into every kind of trouble on purpose."""

import asyncio
import sys
from collections.abc import Iterator

from duologue import CallContext, DeadlineExceeded, InvalidParams
from generated.chat.rooms.v1 import (
    ChatSessionGuest,
    Edit,
    PresenceNudgeParams,
    PresenceService,
    RoomFull,
    RoomNotFound,
    RoomsClient,
    Text,
)
from tests.demo.shared_note import applied

MIB = 1024 * 1024
PIECE_BYTES = 64 * 1024
FILE_MIB = 8


class Presence(PresenceService):
    """What the host of the rooms may ask of this guest."""

    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        """Show the text."""
        print(f"called by the service: nudge(text={params.text!r})")
        return True


async def main(url: str) -> None:
    """The whole conversation."""
    async with ChatSessionGuest.connect(url, presence=Presence()) as session:
        rooms, peer = session.rooms, session.peer

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

        print("\n\033[1mitems to us, and a result behind them\033[0m")
        for word in ("Hello", "everybody"):
            await rooms.post(room="lobby", body=Text(text=word))
        async with rooms.history(room="lobby") as log:
            async for message in log:
                print(f"message {message.seq} of {message.author.name}")
            print(f"result: {(await log.result()).total} messages in all")

        print("\n\033[1mitems from us: a file, and how far it is\033[0m")
        async with rooms.upload(room="lobby", name="film.mp4") as up:
            await up.send_all(pieces())
            print(f"result: {(await up.result()).body}")

        print("\n\033[1mitems both ways: two people edit one note\033[0m")
        await edit_together(rooms)

        print("\n\033[1ma clean close, with the statistics\033[0m")
        peer.close("that was all")
        status = await peer.promise
        print(f"closed with {status.code}: {status.reason}")
        for name, count in status.stats.items():
            if count:
                print(f"  {name:<26} {count}")


def pieces() -> Iterator[bytes]:
    """A file, which need not be anywhere; tells how far it is."""
    for sent in range(0, FILE_MIB * MIB, PIECE_BYTES):
        if sent % (2 * MIB) == 0:
            print(f"{sent // MIB} of {FILE_MIB} MiB")
        yield bytes(PIECE_BYTES)


async def edit_together(rooms: RoomsClient) -> None:
    """Two calls, as two people would make them; each sees what the other writes."""
    async with rooms.edit(room="lobby") as ann, rooms.edit(room="lobby") as bob:
        note = applied("", await anext(bob))
        await ann.send(Edit(at=0, insert="Agenda "))
        note = applied(note, await anext(bob))
        print(f"Ann has edited it, and Bob reads {note!r}")
        await bob.send(Edit(at=len(note), insert="!"))
        note = ""
        async for edit in ann:
            note = applied(note, edit)
            if edit.insert == "!":
                break
        print(f"Bob has edited it, and Ann reads {note!r}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
