"""`duologue call`: direct, encrypted, through a relay; results, streams, failures, wrong use."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, ByteStream, CallContext, Identity, TextStream
from duologue.endpoints.manner import ConversationOptions
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import Member, RoomFull, RoomsJoinParams, RoomsServicePartial
from generated.onecore.basics.v1 import BasicsServicePartial
from generated.shop.orders.v1 import (
    Order,
    OrdersDocumentParams,
    OrdersNotifyParams,
    OrdersServicePartial,
    Receipt,
)
from tests.golden.packages.wire_names.expected.golden.wire.v1 import (
    Swapped,
    Text,
    Tool,
    ToolsCallParams,
    ToolsServicePartial,
)
from tests.relay_process import COMMAND, SHORT_GRACE_S

ROOT = Path(__file__).parents[2]
BEN = Identity.generate()


class Rooms(RoomsServicePartial):
    def join(self, params: RoomsJoinParams, ctx: CallContext) -> Member:
        if params.room == "7":
            raise RoomFull(capacity=2)
        user = User(id="u1", name=params.name)
        return Member(user=user, role=params.role, joined_at=datetime(2026, 1, 1, tzinfo=UTC))


async def blocks() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield bytes(range(256)) * 256


class Basics(BasicsServicePartial):
    def read_bytes(self, ctx: CallContext) -> ByteStream:
        return ByteStream(blocks())


async def call(
    *arguments: str, cwd: Path = ROOT, command: str = COMMAND, tmpdir: Path | None = None
) -> tuple[int, bytes, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", command, "call", *arguments),
        cwd=cwd,
        env={**os.environ, **({} if tmpdir is None else {"TMPDIR": str(tmpdir)})},
        stdout=PIPE,
        stderr=PIPE,
    )
    output, complaint = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output, complaint.decode()


async def test_a_direct_call_prints_the_answer_as_json() -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, output, _ = await call(
            url, "chat.rooms.v1.Rooms/join", "room=lobby", "name=Ann", "role=moderator"
        )
    assert code == 0
    assert json.loads(output)["user"]["name"] == "Ann"
    assert json.loads(output)["role"] == "moderator"


async def test_a_declared_error_is_told_with_its_code_and_fields() -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        # `room` is a string, although 7 could be a number.
        code, output, complaint = await call(url, "chat.rooms.v1.Rooms/join", "room=7", "name=Ann")
    assert (code, output) == (1, b"")
    assert json.loads(complaint) == {
        "code": "room_full",
        "message": "room holds 2 members",
        "details": {"capacity": 2},
    }


async def test_through_a_relay_and_encrypted_without_one(tmp_path: Path) -> None:
    relay = RelayServer(limits=RelayLimits(startup_grace_s=SHORT_GRACE_S))
    await relay.start()
    async with (
        duologue.listen(
            relay.url, Rooms(), identity=BEN, allow=ANYONE, known_relays=tmp_path / "known"
        ),
        duologue.serve(Rooms(), identity=BEN, allow=ANYONE) as server,
    ):
        for target in (
            (f"{relay.url}#{BEN}",),
            (f"ws://127.0.0.1:{server.port}#{BEN}", "--direct"),
        ):
            code, output, _ = await call(
                *target, "chat.rooms.v1.Rooms/join", "room=lobby", "name=Ann"
            )
            assert code == 0
            assert json.loads(output)["user"]["name"] == "Ann"
        code, _, complaint = await call(
            f"{relay.url}#{Identity.generate()}", "chat.rooms.v1.Rooms/members", "room=lobby"
        )
        assert code == 1
        assert complaint.startswith("PeerNotFound")
    await relay.close()


async def test_a_byte_stream_goes_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    wanted = bytes(range(256)) * 2560
    async with duologue.serve(Basics()) as server:
        target = (f"ws://127.0.0.1:{server.port}", "onecore.basics.v1.Basics/read_bytes")
        code, output, _ = await call(*target)
        assert (code, output) == (0, wanted)
        file = tmp_path / "file"
        assert (await call(*target, "--output", str(file)))[0] == 0
    assert file.read_bytes() == wanted


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("chat.rooms.v1.Rooms",), "like chat.rooms.v1.Rooms/join"),
        (("chat.halls.v1.Halls/join",), "there is no contract chat.halls.v1 in schema"),
        (("chat.room.v1.Rooms/join",), "did you mean chat.rooms.v1?"),
        (("chat.rooms.v1.Rooms/join", "--packages", "made"), "generate it first"),
        (("chat.rooms.v1.Rooms/join", "--schema", "nowhere"), "no schema folder nowhere"),
        (("chat.rooms.v1.Halls/join",), "no service Halls; it has Presence, Rooms"),
        (("chat.rooms.v1.Room/join",), "no service Room; did you mean Rooms?"),
        (("chat.rooms.v1.Rooms/jion",), "no method jion; did you mean join? it has "),
        (("chat.rooms.v1.Rooms/join", "room"), "name=value"),
        (("chat.rooms.v1.Rooms/join", "raum=lobby"), "has no raum; it has name, role, room"),
        (("chat.rooms.v1.Rooms/join", "rom=lobby"), "has no rom; did you mean room?"),
        (("chat.rooms.v1.Rooms/join", "room=a", "room=b"), "room is given twice"),
        (("chat.rooms.v1.Rooms/join", "room=lobby"), "name is missing; write name=VALUE"),
        (("onecore.basics.v1.Basics/nothing", "a=b"), "takes no arguments"),
        (("onecore.basics.v1.Basics/nothing", "--output", "x"), "returns no stream"),
        (("onecore.basics.v1.Basics/read_bytes", "--output", "no/x"), "there is no folder no"),
        (("onecore.basics.v1.Basics/nothing", "--key-file", "no.key"), "duologue keygen no.key"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_wrong(
    arguments: tuple[str, ...], complaint: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, "call", "ws://127.0.0.1:1", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 2
    assert complaint in result.stderr


async def test_a_service_that_is_not_there_is_a_failed_call() -> None:
    code, _, complaint = await call("ws://127.0.0.1:1", "onecore.basics.v1.Basics/nothing")
    assert code == 1
    assert complaint == "ws://127.0.0.1:1 refused the connection\n"


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("http://127.0.0.1:1", "not a ws: or wss: address"),
        ("wss://relay.example#abc", "abc, behind the # of the target, is no key"),
        (f"ws://relay.example#{BEN}", "--insecure-plaintext allows ws:"),
    ],
    ids=["http", "no key", "no tls"],
)
async def test_a_target_that_makes_no_sense_is_wrong_use(target: str, complaint: str) -> None:
    code, _, said = await call(target, "onecore.basics.v1.Basics/nothing")
    assert code == 2
    assert complaint in said


# ---- from a schema folder ------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with contracts, and nothing generated from them."""
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    return tmp_path


@pytest.mark.parametrize("options", [(), ("--schema", "schema")], ids=["by itself", "asked for"])
async def test_a_method_is_called_by_its_contract_alone(
    options: tuple[str, ...], elsewhere: Path
) -> None:
    made = elsewhere / "made"
    made.mkdir()
    async with duologue.serve(Rooms(), Basics()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        join = ("chat.rooms.v1.Rooms/join", "room=lobby", "name=Ann")
        code, output, said = await call(url, *join, *options, cwd=elsewhere, tmpdir=made)
        assert (code, said) == (0, "")
        assert json.loads(output)["user"]["name"] == "Ann"
        read = "onecore.basics.v1.Basics/read_bytes"
        code, output, _ = await call(url, read, *options, cwd=elsewhere, tmpdir=made)
        assert (code, output) == (0, bytes(range(256)) * 2560)
    assert list(made.iterdir()) == []


async def test_what_is_wrong_with_a_contract_is_shown_as_check_shows_it(elsewhere: Path) -> None:
    contract = elsewhere / "schema" / "chat" / "common" / "v1.yaml"
    contract.write_text(contract.read_text().replace("duologue: 1", "duologue: 1\npakage: x", 1))
    # Found in what the contract imports.
    code, output, said = await call(
        "ws://127.0.0.1:1", "chat.rooms.v1.Rooms/join", "room=lobby", "name=Ann", cwd=elsewhere
    )
    assert (code, output) == (2, b"")
    assert "schema/chat/common/v1.yaml:" in said
    assert ": error[" in said
    assert "Traceback" not in said


async def test_without_the_compiler_it_says_what_to_install(elsewhere: Path) -> None:
    code, _, said = await call(
        *("ws://127.0.0.1:1", "onecore.basics.v1.Basics/nothing"),
        cwd=elsewhere,
        command=f"import sys; sys.modules['yaml'] = None; {COMMAND}",
    )
    assert code == 2
    assert said.splitlines()[-1] == "Install it: pip install 'duologue[tools]'"
    assert "needs `yaml`" in said


async def test_a_generated_package_is_found_from_within_the_project() -> None:
    async with duologue.serve(Basics()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, output, said = await call(
            url, "onecore.basics.v1.Basics/read_bytes", cwd=ROOT / "tests"
        )
    assert (code, len(output), said) == (0, 655_360, "")


class Shop(OrdersServicePartial):
    def place(self, params: Order, ctx: CallContext) -> Order:
        return params

    def notify(self, params: OrdersNotifyParams, ctx: CallContext) -> Receipt:
        return Receipt(order=params.body.id)

    def document(self, params: OrdersDocumentParams, ctx: CallContext) -> ByteStream | TextStream:
        return TextStream("paid") if isinstance(params.order, str) else ByteStream(b"\xff")


async def test_params_of_a_named_type_are_given_by_its_fields_and_by_what_it_keeps() -> None:
    buyer = '{"kind":"company","name":"Tea"}'
    async with duologue.serve(Shop()) as server:
        code, output, complaint = await call(
            *(f"ws://127.0.0.1:{server.port}", "shop.orders.v1.Orders/place", "id=17"),
            *(f"buyer={buyer}", "ship_to=the shop", 'x_campaign={"name":"spring"}'),
        )
    assert (code, complaint) == (0, "")
    assert json.loads(output) == {
        "id": 17,
        "buyer": json.loads(buyer),
        "ship_to": "the shop",
        "steps": [],
        "patience": "P3D",
        "total": "0.00",
        "x_campaign": {"name": "spring"},
    }


async def test_text_that_holds_json_is_given_as_json() -> None:
    order = '{"id": "A", "buyer": {"kind": "company", "name": "Tea"}}'
    async with duologue.serve(Shop()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, output, _ = await call(url, "shop.orders.v1.Orders/notify", f"body={order}")
    assert code == 0
    assert json.loads(json.loads(output))["order"] == "A"


async def test_stream_of_either_kind_is_written_as_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "document"
    async with duologue.serve(Shop()) as server:
        url, method = f"ws://127.0.0.1:{server.port}", "shop.orders.v1.Orders/document"
        assert await call(url, method, 'order="17"') == (0, b"paid", "")
        code, _, _ = await call(url, method, "order=17", "--output", str(file))
    assert (code, file.read_bytes()) == (0, b"\xff")


class Tools(ToolsServicePartial):
    def call(self, params: ToolsCallParams, ctx: CallContext) -> list[Tool]:
        assert params.thing == Text(type="short")
        return [Tool(name=params.tool_name, input_schema={}, class_name="x")]

    def swap(self, params: Swapped, ctx: CallContext) -> Swapped:
        return params


async def test_arguments_have_the_names_of_fields_and_hold_json_as_on_the_wire(
    elsewhere: Path,
) -> None:
    contract = elsewhere / "schema/golden/wire/v1.yaml"
    contract.parent.mkdir(parents=True)
    shutil.copy(ROOT / "tests/golden/packages/wire_names/contract.yaml", contract)
    async with duologue.serve(Tools()) as server:
        url, service = f"ws://127.0.0.1:{server.port}", "golden.wire.v1.Tools"
        thing = 'thing={"@type":"text","kind":"short"}'
        code, output, said = await call(url, f"{service}/call", "tool_name=7", thing, cwd=elsewhere)
        assert (code, said) == (0, "")
        shown = json.loads(output)[0]
        assert (shown["name"], shown["inputSchema"], shown["class"]) == ("7", {}, "x")
        code, output, _ = await call(url, f"{service}/swap", "a=1", "b=2", cwd=elsewhere)
        assert (code, json.loads(output)) == (0, {"b": 1, "a": 2})
        code, _, said = await call(url, f"{service}/call", "toolName=a", thing, cwd=elsewhere)
        assert (code, "has no toolName; did you mean tool_name?" in said) == (2, True)
        code, _, said = await call(url, f"{service}/call", thing, cwd=elsewhere)
        assert (code, said.strip()) == (2, "tool_name is missing; write tool_name=VALUE")


# -- with no files at hand ----------------------------------------------------------------------


async def test_what_a_side_offers_is_listed() -> None:
    async with duologue.serve(Rooms(), Basics()) as server:
        code, output, complaint = await call(f"ws://127.0.0.1:{server.port}", "--list")
    assert (code, complaint) == (0, "")
    lines = output.decode().splitlines()
    assert "chat.rooms.v1.Rooms  Offered by the peer that hosts the rooms." in lines
    assert any(line.startswith("  join  Enter a room.") for line in lines)
    assert any(line.startswith("  message_posted (event)  ") for line in lines)
    assert any(line.startswith("onecore.basics.v1.Basics  ") for line in lines)


async def test_a_contract_is_shown_as_one_would_write_it(tmp_path: Path) -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, whole, _ = await call(url, "--describe", "chat.rooms.v1.Rooms", cwd=tmp_path)
        assert code == 0
        code, one, _ = await call(url, "--describe", "chat.rooms.v1.Rooms/join", cwd=tmp_path)
        assert code == 0
        code, _, complaint = await call(url, "--describe", "chat.rooms.v1.Rooms/dance")
        assert (code, complaint.strip()) == (2, "Rooms has no method or event dance")
        code, _, complaint = await call(url, "--describe", "chat.rooms.v1.Room")
        assert code == 2
        assert "did you mean chat.rooms.v1.Rooms?" in complaint
    assert whole.decode().startswith("# chat.rooms.v1.Rooms as the other side has it: sha256:")
    shown = one.decode()
    assert "\n      join:\n        id: 1\n" in shown
    assert "\n  Member:\n" in shown
    assert "\n  Note:\n" not in shown
    assert "\n  Note:\n" in whole.decode()


async def test_a_call_needs_no_files(tmp_path: Path) -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        arguments = ("chat.rooms.v1.Rooms/join", "room=lobby", "name=Ann", "role=moderator")
        code, output, complaint = await call(url, *arguments, cwd=tmp_path)
    assert (code, complaint) == (0, "")
    assert json.loads(output)["user"]["name"] == "Ann"


async def test_who_shows_nothing_is_told_with_what_can_be_done(tmp_path: Path) -> None:
    ways: list[ConversationOptions] = [{"describe": False}, {"profile": "base"}]
    for options in ways:
        async with duologue.serve(Rooms(), **options) as server:
            url = f"ws://127.0.0.1:{server.port}"
            code, _, complaint = await call(url, "chat.rooms.v1.Rooms/join", cwd=tmp_path)
            assert code == 2
            assert "generate it first" in complaint
            assert "the other side does not show its contracts" in complaint
            code, _, complaint = await call(url, "--list", cwd=tmp_path)
            assert code == 1
            assert ("it offers chat.rooms.v1.Rooms" in complaint) is ("describe" in options)


async def test_a_method_or_a_question_but_not_both() -> None:
    for arguments in ([], ["a.v1.A/b", "--list"]):
        code, _, complaint = await call("ws://127.0.0.1:1", *arguments)
        assert code == 2
        assert "name a method to call, or say --list" in complaint
