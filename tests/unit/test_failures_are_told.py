"""A test that fails does not end the run, whatever it has left behind."""

import subprocess
import sys
from pathlib import Path

from tests.stopwatch import PATIENCE_S

CONFTEST = Path(__file__).parents[1] / "conftest.py"

FAILING = """
import ast, gc
import pytest

class Litter:
    def __init__(self):
        self.me = self

    def __del__(self):
        ast.parse("f(x) + [1, (2, 3)]")

@pytest.mark.parametrize("number", range(10))
def test_it(number):
    gc.disable()
    for _ in range(3):
        Litter()
    gc.set_threshold(100 + 50 * number, 1000, 1000)
    gc.enable()
    assert number == -1
"""


def test_what_is_collected_meanwhile_does_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (tmp_path / "test_failing.py").write_text(FAILING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "."),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "SystemError" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("10 failed")
