"""What the README and the demonstration show, as a user would run it."""

import ast
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import FunctionType, SimpleNamespace

import pytest
from rich import progress

from duologue.testing import linked
from generated.chat.rooms.v1 import Edit, RoomsClient, Text
from generated.lab.psu.v1 import NoSuchChannel, SupplyClient
from tests.demo.service import Rooms
from tests.examples.power_supply import PowerSupply

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_the_power_supply_example_runs() -> None:
    done = run("-m", "tests.examples.power_supply")
    assert done.stdout.splitlines() == [
        "Ohmworks BP-302 with 2 outputs",
        "5.00 V, 0.50 A, regulation CV",
        "refused: the output is rated for 6.00 V and 5.000 A",
        "incident: output 1 tripped at 9.00 V",
        "after the trip: 0.00 V, 0.00 V, 0.00 V",
    ]
    assert done.returncode == 0
    served = [line.split(" for ")[0] for line in done.stderr.splitlines()]
    assert served == [
        f"served lab.psu.v1.Supply/{method}"
        for method in ("identify", "adjust", "measure", "adjust", "adjust", "incidents", "monitor")
    ]


def test_two_instances_of_the_chum_example_have_each_others_objects() -> None:
    done = run("-m", "tests.examples.chum")
    assert done.stdout.splitlines() == [
        "the initiator has fetched 1: 3 texts, 1 blob",
        "the acceptor has 3 texts and 1 blob now",
    ]
    assert (done.returncode, done.stderr) == (0, "")


async def test_the_power_supply_is_watched_until_the_caller_has_seen_enough() -> None:
    async with (
        linked(PowerSupply(), SupplyClient) as supply,
        supply.monitor(channel=1, every=timedelta()) as readings,
    ):
        assert [(await anext(readings)).volts for _ in range(3)] == [0.0, 0.0, 0.0]
    async with linked(PowerSupply(), SupplyClient) as supply, supply.monitor(channel=5) as none:
        with pytest.raises(NoSuchChannel):
            await anext(none)


async def test_the_power_supply_is_testable_without_a_port() -> None:
    async with linked(PowerSupply(), SupplyClient) as supply:
        with pytest.raises(NoSuchChannel) as refused:
            await supply.settings(channel=5)
    assert refused.value.data.channels == 2


def test_the_demonstration_goes_as_it_should() -> None:
    done = run("-m", "tests.demo.demo")
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        "RoomFull: room holds 2 members",
        "name: String should have at least 1 character",
        "requests sent meanwhile: 0",
        "DEADLINE_EXCEEDED",
        "result: 2 messages in all",
        "6 of 8 MiB",
        "name='film.mp4' size=8388608",
        "Ann reads 'Agenda for Monday!'",
        "closed with 1000: Close called: that was all",
        "[arg-type]",
        "[abstract]",
        "done.",
    ):
        assert shown in done.stdout


def test_two_guests_chat_through_a_relay_that_is_killed_in_the_middle() -> None:
    done = run("-m", "tests.demo.chat_demo")
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        "has heard 5 messages, each once and in order; gaps 0, missed 0",
        "reads the log as a stream: 5 messages, the same as were heard",
        "a file, film.mp4, 8,388,608 bytes",
    ):
        assert done.stdout.count(shown) == 2
    assert "psst" not in done.stdout


async def test_the_calls_with_items_in_the_readme_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [shown] = [block for block in blocks if "rooms.history(" in block]
    (tmp_path / "film.mp4").write_bytes(bytes(1_000_000))
    monkeypatch.chdir(tmp_path)
    async with linked(Rooms(), RoomsClient) as rooms:
        await rooms.post(room="lobby", body=Text(text="Hello"))
        names = {"rooms": rooms, "Edit": Edit, "rich": SimpleNamespace(progress=progress)}
        code = compile(shown, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        await FunctionType(code, names)()
    lines = [line for line in capsys.readouterr().out.splitlines() if "MB" not in line]
    assert lines == ["1 the host", "1", "2", "0 for Monday", "0 Agenda ", "7 for "]
