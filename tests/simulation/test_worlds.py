"""Thousands of short lives with faults, each made again by its seed (catalogue row 49)."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.world import simulate

ROOT = Path(__file__).resolve().parents[2]
QUICK, ALL, BATCH = 100, 10_000, 100


def batches() -> list[object]:
    """The first seeds on every commit, all of them every night."""
    return [
        pytest.param(begin, marks=[pytest.mark.slow] if begin >= QUICK else [], id=f"from {begin}")
        for begin in range(0, ALL, BATCH)
    ]


@pytest.mark.parametrize("begin", batches())
def test_nothing_runs_twice_nothing_hangs_and_everything_comes_in_order(begin: int) -> None:
    for seed in range(begin, begin + BATCH):
        simulate(seed)


def digest(*seeds: int) -> str:
    """Of the histories that they make."""
    text = "\n".join(line for seed in seeds for line in simulate(seed))
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_seed_makes_the_same_history_again_in_another_process_too() -> None:
    code = "from tests.simulation.test_worlds import digest; print(digest(3, 4, 5))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest(3, 4, 5) == digest(3, 4, 5)
    assert digest(3) != digest(4)
