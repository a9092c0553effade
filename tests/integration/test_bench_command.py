"""`duologue bench`, in the smallest run that there is; its figures mean nothing here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from duologue.bench.report import plan
from tests.relay_process import COMMAND

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="measures on Linux and macOS"),
    pytest.mark.xdist_group("measuring"),
]


def bench(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            *(sys.executable, "-P", "-c", COMMAND, "bench", "--quick"),
            *("--rounds", "1", "--seconds", "0.01", *arguments),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_everything_is_measured_on_both_sides_from_any_folder(tmp_path: Path) -> None:
    # Programs of the benchmark must not import what lies about where somebody happens to be.
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    done = bench(tmp_path, "--format", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    _, measures = plan(0.01, 50)
    assert len(said["measures"]) == len(measures)
    assert said["failures"] == {}
    for each in said["measures"]:
        assert isinstance(each["duologue"], float), each
        assert isinstance(each["websockets"], float), each
    assert done.stderr == "", "progress is for terminals"


def test_the_text_says_what_was_measured_and_where(tmp_path: Path) -> None:
    done = bench(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "medians of 1 rounds of 0.01 s phases" in done.stdout
    assert "64 in flight" in done.stdout
    assert "Python" in done.stdout
