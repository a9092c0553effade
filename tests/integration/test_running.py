"""`duologue.run`: a program that offers services ends well when it is told to."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

POSIX_SIGNALS = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

SLOW_HANDLER = """
import asyncio, duologue
from duologue import UNDEFINED

async def slow(seconds):
    print("running", flush=True)
    await asyncio.sleep(seconds)
    return "finished"

def offer(peer):
    peer.add_service(1, slow)

async def main():
    try:
        async with duologue.serve(on_peer=offer) as server:
            calling = asyncio.create_task(tell(f"ws://127.0.0.1:{server.port}"))
            await server.wait_closed()
    finally:
        await calling

async def tell(url):
    async with duologue.connect(url) as peer:
        print(await peer.send(1, 0.3), flush=True)

duologue.run(main)
print("ended", flush=True)
"""

WAITING = """
import asyncio, duologue

async def main():
    print("running", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaning up", flush=True)
        {cleaning}

print(duologue.run(main), flush=True)
"""


@contextmanager
def program(text: str) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == wanted:
            return
    raise AssertionError(f"ended without saying {wanted!r}: {process.communicate()[1]}")


@POSIX_SIGNALS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_a_word_of_complaint(number: signal.Signals) -> None:
    with program(WAITING.format(cleaning="pass")) as process:
        lines_until(process, "running")
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out.split("\n"), err) == (0, ["cleaning up", "None", ""], "")


@POSIX_SIGNALS
def test_a_second_signal_does_not_wait_for_the_end_of_the_first() -> None:
    with program(WAITING.format(cleaning="await asyncio.sleep(3600)")) as process:
        lines_until(process, "running")
        process.send_signal(signal.SIGTERM)
        lines_until(process, "cleaning up")
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM


@POSIX_SIGNALS
def test_calls_that_run_may_finish_first() -> None:
    with program(SLOW_HANDLER) as process:
        lines_until(process, "running")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.split() == ["finished", "ended"]


def test_the_result_of_main_is_given_back() -> None:
    with program(
        "import duologue\nasync def main(): return 7\nprint(duologue.run(main))"
    ) as process:
        assert process.communicate()[0] == "7\n"


def test_what_main_raises_comes_out() -> None:
    with program(
        "import duologue\nasync def main(): raise KeyError('x')\nduologue.run(main)"
    ) as process:
        assert "KeyError: 'x'" in process.communicate()[1]
    assert process.returncode == 1
