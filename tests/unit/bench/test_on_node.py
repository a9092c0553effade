"""Peers on Node carry out the same orders, and answer as those of Python do."""

import shutil
import sys
from pathlib import Path

import pytest

from duologue.bench.comparison import Figures, compare, phases
from duologue.bench.load import SMALL
from duologue.bench.programs import ProgramFailed
from tests import other_pythons
from tests.bench import rows
from tests.bench.environments import CannotInstall, node_modules_of, python_with_duologue
from tests.bench.rows import Group, Row

LINES = "tests/unit/bench/lines_of_json.cjs"

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or sys.platform != "linux",
    reason="the benchmark measures peers on Node where there is Node, on Linux",
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Figures:
    def nothing_to_install(_environment: str, _cache: Path) -> Path:
        return tmp_path

    monkeypatch.setattr(rows, "node_modules_of", nothing_to_install)
    row = Row(name="lines", module=LINES, group=Group.NODE, environment="none")
    return compare([row], phases(0.01, 4), 1, lambda each: rows.start(each, tmp_path))["lines"]


@needs_node
def test_it_gives_the_figures_that_programs_in_python_give(measured: Figures) -> None:
    for name in ("seq.per_s", "seq.p50_us", "seq.p99_us", "64.per_s", "256.per_s", "large.per_s"):
        assert (measured.median(name) or 0) > 0, name
    for name in ("64.client_us", "64.server_us", "64.cpu_us", "set-up.set_up_cpu_ms"):
        assert (measured.median(name) or 0) > 0, name
    assert measured.median("set-up.set_up_ms")
    assert "idle.idle_kib" in measured.values


@needs_node
def test_what_a_peer_has_not_is_left_out_and_what_fails_is_told(measured: Figures) -> None:
    assert measured.median("stream.items_per_s") is None
    assert measured.failure == "upload: Error: refused for a reason"


def test_without_node_the_row_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nowhere(_program: str) -> None:
        return None

    monkeypatch.setattr(shutil, "which", nowhere)
    with pytest.raises(CannotInstall, match="this machine has no node"):
        node_modules_of("capnweb", tmp_path)


def test_a_python_that_is_not_here_is_told_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_version: str) -> None:
        return None

    monkeypatch.setattr(other_pythons, "interpreter", none)
    with pytest.raises(ProgramFailed, match=r"this machine has no Python 3\.14"):
        python_with_duologue("3.14")


def test_the_two_loads_have_the_same_payload() -> None:
    text = (rows.ROOT / "tests/bench/peers/node/load.cjs").read_text(encoding="utf-8")
    for value in (SMALL["name"], SMALL["number"], SMALL["ratio"], *SMALL["tags"]):
        assert str(value) in text
