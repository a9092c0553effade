"""`duologue call`: short names, arguments from files and standard input, events, frames."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path

import pytest

import duologue
from duologue import CallContext
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import (
    Member,
    Message,
    RoomsEditNoteParams,
    RoomsJoinParams,
    RoomsServicePartial,
    Text,
)
from generated.chat.rooms.v1.models import Note

ROOT = Path(__file__).parents[2]
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


class Rooms(RoomsServicePartial):
    def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        return Member(user=User(id="u1", name=params.name), role=params.role, joined_at=MOMENT)

    def edit_note(self, params: RoomsEditNoteParams, ctx: CallContext) -> Note:
        return Note(text=" ".join(edit.insert for edit in params.edits), revision=params.revision)

    def say(self, text: str, room: str) -> None:
        author = User(id="u1", name="Ann")
        message = Message(seq=1, author=author, sent_at=MOMENT, body=Text(text=text))
        self.emit_message_posted(room=room, message=message)


async def call(*arguments: str, given: bytes = b"") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue", "call", *arguments),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    output, complaint = await process.communicate(given)
    assert process.returncode is not None
    return process.returncode, output.decode(), complaint.decode()


@pytest.mark.parametrize("name", ["join", "Rooms/join"])
async def test_a_method_may_be_named_shortly(name: str) -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, output, complaint = await call(url, name, "room=lobby", "name=Ann")
    assert (code, complaint) == (0, "")
    assert json.loads(output)["user"]["name"] == "Ann"


async def test_arguments_come_whole_from_standard_input() -> None:
    given = b'{"room": "lobby", "revision": 3, "edits": [{"at": 0, "insert": "Agenda"}]}'
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, output, complaint = await call(url, "edit_note", "-", given=given)
    assert (code, complaint) == (0, "")
    assert json.loads(output) == {"text": "Agenda", "revision": 3}


async def test_one_argument_comes_from_standard_input() -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, output, _ = await call(url, "join", "room=lobby", "name=-", given=b"Ann")
        assert json.loads(output)["user"]["name"] == "Ann"
        code, _, complaint = await call(url, "join", "room=-", "name=-")
    assert code == 2
    assert complaint == "standard input is read by one only, not by room=- and name=-\n"


async def test_events_are_watched_by_key_from_earlier_ones_on() -> None:
    rooms = Rooms()
    async with duologue.serve(rooms) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with duologue.connect(url):
            for room, text in [("lobby", "one"), ("attic", "two"), ("lobby", "three")]:
                rooms.say(text, room)
        code, output, complaint = await call(
            url, "--events", "Rooms/message_posted", "key=lobby", "replay=5", "--limit", "2"
        )
    assert (code, complaint) == (0, "")
    said = [json.loads(line)["message"]["body"]["text"] for line in output.splitlines()]
    assert said == ["one", "three"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("message_posted",), "message_posted is an event: watch it with --events"),
        (("--events", "Rooms/join"), "join is a method: call it without --events"),
        (("--events", "Rooms/jion"), "Rooms has no event jion"),
        (
            ("--events", "message_posted", "room=lobby"),
            "room=lobby: an event takes key=VALUE and replay=NUMBER",
        ),
        (("--events", "message_posted", "replay=all"), "replay=all: a number of events was"),
        (("--events", "message_posted", "key=Lobby!"), "key=Lobby!: "),
        (("jion",), "there is no jion; did you mean join?"),
        (("zzz",), "zzz is no method; write it like chat.rooms.v1.Rooms/join"),
        ((), "name a method to call, or say --list, --describe SERVICE[/METHOD] or --events"),
    ],
)
async def test_wrong_use_is_told_in_words(arguments: tuple[str, ...], complaint: str) -> None:
    code, output, said = await call("ws://127.0.0.1:1", *arguments)
    assert (code, output) == (2, "")
    assert complaint in said


async def test_messages_are_shown_in_shape_and_with_their_times() -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, output, shown = await call(url, "join", "room=lobby", "name=Ann", "-v")
    assert code == 0
    assert json.loads(output)["user"]["name"] == "Ann"
    lines = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
    assert {"in", "out"} == {line["direction"] for line in lines}
    assert all("time" in line and "size" in line for line in lines)
    assert "Ann" not in shown


async def test_a_port_at_which_nobody_listens_has_refused_the_connection() -> None:
    code, _, complaint = await call("ws://127.0.0.1:1", "join", "room=lobby", "name=Ann")
    assert code == 1
    assert complaint == "ws://127.0.0.1:1 refused the connection\n"
