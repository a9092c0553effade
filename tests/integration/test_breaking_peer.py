"""`duologue breaking --against PEER`: the contracts of a peer that runs are the old ones."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from generated.chat.rooms.v1 import RoomsServicePartial
from generated.lab.psu.v1 import SupplyServicePartial
from tests.relay_process import COMMAND, SHORT_GRACE_S

ROOT = Path(__file__).parents[2]
BEN = Identity.generate()


class Rooms(RoomsServicePartial):
    """Offers the contract; nothing of it is called."""


class Supply(SupplyServicePartial):
    """Another one."""


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    """The contracts of the chat, with a narrower bound."""
    folder = tmp_path / "schema"
    shutil.copytree(ROOT / "schema" / "chat", folder / "chat")
    contract = folder / "chat" / "rooms" / "v1.yaml"
    before = contract.read_text(encoding="utf-8")
    after = before.replace("max: 4000", "max: 2000")
    assert after != before
    contract.write_text(after, encoding="utf-8")
    return folder


async def breaking(schema: Path, against: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "breaking", "--schema", str(schema)),
        *("--against", against),
        cwd=schema.parent,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=PIPE,
        stderr=PIPE,
    )
    output, complaint = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (output + complaint).decode()


async def test_what_a_peer_offers_is_compared_with_the_contracts_at_hand(schema: Path) -> None:
    async with duologue.serve(Rooms()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, said = await breaking(ROOT / "schema", url)
        assert (code, said) == (
            0,
            f"{len([*(ROOT / 'schema').rglob('*.yaml')])} contracts: nothing breaks\n",
        )
        code, said = await breaking(schema, url)
    assert code == 1
    assert "error[bounds-changed]: old caller against new provider: `Text.text` outside" in said
    assert f": 127.0.0.1:{server.port}/chat/rooms/v1.yaml:" in said, "where it was is not told"


async def test_a_peer_behind_a_relay_is_asked_through_it(schema: Path, tmp_path: Path) -> None:
    relay = RelayServer(limits=RelayLimits(startup_grace_s=SHORT_GRACE_S))
    await relay.start()
    async with duologue.listen(
        relay.url, Rooms(), identity=BEN, allow=ANYONE, known_relays=tmp_path / "known"
    ):
        code, said = await breaking(schema, f"{relay.url}#{BEN}")
    await relay.close()
    assert code == 1
    assert "error[bounds-changed]" in said


async def test_who_has_no_contracts_to_show_is_told_in_one_line(schema: Path) -> None:
    async with (
        duologue.serve(Rooms(), describe=False) as silent,
        duologue.serve(Supply()) as other,
        duologue.serve() as empty,
    ):
        for url, words in (
            (f"ws://127.0.0.1:{silent.port}", "the other side does not show its contracts"),
            (f"ws://127.0.0.1:{other.port}", "another project?"),
            (f"ws://127.0.0.1:{empty.port}", "offers no services"),
            ("ws://127.0.0.1:1", "refused the connection"),
            ("ws://127.0.0.1:1#key", "is no key"),
            ("ftp://here", "ftp"),
        ):
            code, said = await breaking(schema, url)
            assert (code, said.count("\n")) == (2, 1), said
            assert words in said
