"""Chat rooms in a process of their own, for tests that kill it.

Told on the command line: the port, a file that each call is noted in, and whether to answer.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import duologue
from duologue import CallContext
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import (
    Message,
    Note,
    PresenceClient,
    RoomsEditNoteParams,
    RoomsLeaveParams,
    RoomsNoteParams,
    RoomsServicePartial,
    Text,
)
from tests.stopwatch import PATIENCE_S


class NotingRooms(RoomsServicePartial):
    """Notes each call before it answers, or hangs: `note`, `leave` and `edit_note`.

    The contract declares the first `read`, the second `idempotent`, and the third a write.
    """

    def __init__(self, notes: Path, *, answers: bool) -> None:
        self._notes = notes
        self._answers = answers

    def answer_from_now_on(self, notes: Path) -> None:
        """Hang no more, and note calls in another file; those that hang already go on hanging."""
        self._notes = notes
        self._answers = True

    async def note(self, params: RoomsNoteParams, ctx: CallContext) -> Note:
        await self._take_note(f"note {params.room}")
        return Note(text=params.room, revision=1)

    async def leave(self, params: RoomsLeaveParams, ctx: CallContext) -> None:
        """To leave the lounge takes a nudge; to leave the tower is announced."""
        await self._take_note(f"leave {params.room}")
        if params.room == "lounge":
            assert await PresenceClient(ctx.peer).nudge(text="goodbye")
        if params.room == "tower":
            self.emit_message_posted(room="tower", message=farewell())

    async def edit_note(self, params: RoomsEditNoteParams, ctx: CallContext) -> Note:
        await self._take_note(f"edit_note {params.room}")
        return Note(text=params.room, revision=2)

    async def _take_note(self, call: str) -> None:
        with self._notes.open("a") as file:
            file.write(f"{call}\n")
        if not self._answers:
            await asyncio.Event().wait()


def farewell() -> Message:
    """What everybody is told when somebody leaves the tower."""
    return Message(
        seq=1,
        author=User(id="u1", name="Ann"),
        sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        body=Text(text="goodbye"),
    )


@asynccontextmanager
async def rooms_process(
    notes: Path, *, port: int = 0, answers: bool = True
) -> AsyncGenerator[tuple[Process, int]]:
    """The process, which is killed at the end, and its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.rooms_process", str(port), str(notes)),
        "answers" if answers else "hangs",
        stdout=PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            port = int(await process.stdout.readline())
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _serve(port: int, notes: Path, *, answers: bool) -> None:
    async with duologue.serve(NotingRooms(notes, answers=answers), port=port) as server:
        print(server.port, flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), answers=sys.argv[3] == "answers"))
