"""The demonstration's service: hosts two chat rooms and nudges whoever comes in."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from duologue import CallContext
from duologue.typed import Sender
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import (
    Body,
    ChatSessionHost,
    Edit,
    File,
    FileTooLarge,
    HistoryEnd,
    Member,
    Message,
    RoomFull,
    RoomNotFound,
    RoomsEditParams,
    RoomsHistoryParams,
    RoomsJoinParams,
    RoomsPostParams,
    RoomsServicePartial,
    RoomsUploadParams,
    Text,
)
from tests.demo.shared_note import SharedNote

SEATS = 2
MAX_FILE_BYTES = 64 * 1024 * 1024
HOST = User(id="host", name="the host")


@dataclass
class Room:
    """What one room holds."""

    members: list[Member] = field(default_factory=list[Member])
    log: list[Message] = field(default_factory=list[Message])
    note: SharedNote = field(default_factory=lambda: SharedNote("for Monday"))


class Rooms(RoomsServicePartial):
    """Rooms with a few seats each. What it does not implement answers UNIMPLEMENTED."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms = {"lobby": Room(), "library": Room()}

    async def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        """Seat the caller, then call back: the caller's side serves `Presence`."""
        members = self._room(params.room).members
        if len(members) == SEATS:
            raise RoomFull(capacity=SEATS)
        if params.room == "library":
            await asyncio.sleep(60)  # the librarian is slow, so that a deadline can be shown
        user = User(id=f"u{len(members) + 1}", name=params.name)
        member = Member(user=user, role=params.role, joined_at=datetime.now(UTC))
        members.append(member)
        print(f"{params.name} enters {params.room}; calling back Presence.nudge ...")
        guest = ChatSessionHost.of(ctx)
        seen = await guest.presence.nudge(text=f"welcome to {params.room}, {params.name}")
        print(f"... which {params.name} has {'seen' if seen else 'not seen'}")
        return member

    def post(self, params: RoomsPostParams, ctx: CallContext) -> Message:
        """Add a message to the log."""
        return self._post(params.room, params.body)

    async def history(
        self, params: RoomsHistoryParams, out: Sender[Message], ctx: CallContext
    ) -> HistoryEnd:
        """The log as items, and how long it is as result."""
        log = self._room(params.room).log
        await out.send_all(message for message in log if message.seq > params.after)
        return HistoryEnd(total=len(log))

    async def upload(
        self, params: RoomsUploadParams, items: AsyncIterator[bytes], ctx: CallContext
    ) -> Message:
        """Count the bytes, for want of a disk."""
        self._room(params.room)
        size = 0
        async for piece in items:
            size += len(piece)
            if size > MAX_FILE_BYTES:
                raise FileTooLarge(max_bytes=MAX_FILE_BYTES)
        return self._post(params.room, File(name=params.name, size=size))

    async def edit(
        self, params: RoomsEditParams, items: AsyncIterator[Edit], ctx: CallContext
    ) -> AsyncIterator[Edit]:
        """Take the caller's edits, and give it everybody's."""
        note = self._room(params.room).note
        with note.reader() as edits:
            taking = asyncio.create_task(note.apply_all(items, edits))
            try:
                async for edit in edits:
                    yield edit
                await taking
            finally:
                taking.cancel()

    def say(self, room: str, text: str) -> None:
        """The host has something to say itself."""
        self._post(room, Text(text=text))

    def _room(self, name: str) -> Room:
        room = self.rooms.get(name)
        if room is None:
            raise RoomNotFound(room=name)
        return room

    def _post(self, name: str, body: Body) -> Message:
        log = self._room(name).log
        message = Message(seq=len(log) + 1, author=HOST, sent_at=datetime.now(UTC), body=body)
        log.append(message)
        self.emit_message_posted(room=name, message=message)
        return message


async def main() -> None:
    """Serve until the parent process says stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with ChatSessionHost.serve(rooms=Rooms()) as server:
        print(f"listening on ws://127.0.0.1:{server.port}", flush=True)
        await stop.wait()
    print("stopped")


if __name__ == "__main__":
    asyncio.run(main())
