"""Commands whose output nobody reads any more, as in `duologue explain RULE | head`, just end."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "name-case"],
        ["explain"],
        ["relay", "--print-config"],
        ["call", "--help"],
        ["keygen", "--help"],
    ],
)
def test_a_closed_output_is_no_fault_to_tell(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            # Unbuffered: a small text would otherwise be refused only at the very end.
            [sys.executable, "-u", "-m", "duologue", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert ended.stderr == ""
    assert ended.returncode == 1
