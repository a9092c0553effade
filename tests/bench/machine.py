"""What a reader has to know of the machine behind a figure, and of what was measured on it."""

import subprocess
from pathlib import Path

from duologue.bench import machine


def describe() -> str:
    """One line: the machine, the libraries, the commit, and how busy it is."""
    return f"{machine.describe()}; commit {_commit()}; {machine.busy()}"


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
