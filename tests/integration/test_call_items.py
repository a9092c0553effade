"""`duologue call` of methods with items: JSON lines in and out, bytes, limits, interrupts."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import duologue
from tests.relay_process import COMMAND
from tests.stream_service import Streams

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def served(service: Streams) -> AsyncGenerator[str]:
    async with duologue.serve(service) as server:
        yield f"ws://127.0.0.1:{server.port}"


def command(url: str, method: str, *arguments: str) -> list[str]:
    called = ["call", url, f"stream_service.Streams/{method}", "--packages", "tests"]
    return [sys.executable, "-c", COMMAND, *called, *arguments]


async def begun(url: str, method: str, *arguments: str, error: int = PIPE) -> Process:
    return await asyncio.create_subprocess_exec(
        *command(url, method, *arguments),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        stderr=error,
        # A run in the background is one that ignores interrupts, and so would the command.
        preexec_fn=None if os.name == "nt" else _heed_interrupts,
    )


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


async def call(
    url: str, method: str, *arguments: str, given: bytes = b""
) -> tuple[int | None, bytes, str]:
    process = await begun(url, method, *arguments)
    output, complaint = await process.communicate(given)
    return process.returncode, output, complaint.decode()


async def test_items_come_as_lines_of_json_with_the_result_behind_them() -> None:
    async with served(Streams()) as url:
        code, output, said = await call(url, "count_up", "upto=3")
        assert (code, said) == (0, "")
        lines = [json.loads(line) for line in output.splitlines()]
        assert lines == [*({"number": each, "pad": ""} for each in range(3)), 3]
        assert (await call(url, "count", "upto=2"))[1].count(b"\n") == 2


async def test_a_line_is_there_as_soon_as_its_item_has_come() -> None:
    async with served(Streams()) as url:
        process = await begun(url, "squares")
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (2, 3):
            process.stdin.write(b'{"number": %d}\n' % number)
            assert json.loads(await process.stdout.readline())["number"] == number**2
        process.stdin.close()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0


@pytest.mark.parametrize("source", ["@", "-", ""], ids=["a file", "said", "unsaid"])
async def test_items_are_read_from_a_file_or_from_standard_input(
    source: str, tmp_path: Path
) -> None:
    lines = b'{"number": 4}\n\n{"number": 5}'
    file = tmp_path / "items"
    file.write_bytes(lines)
    arguments = {"@": [f"@{file}"], "-": ["-"], "": []}[source]
    async with served(Streams()) as url:
        given = b"" if source == "@" else lines
        assert await call(url, "sum", *arguments, given=given) == (0, b"9\n", "")


async def test_bytes_go_and_come_as_they_are(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    file, saved = tmp_path / "in", tmp_path / "out"
    file.write_bytes(data)
    async with served(Streams()) as url:
        for arguments, given in (((f"@{file}",), b""), ((), data)):
            code, output, said = await call(url, "store", *arguments, given=given)
            assert (code, json.loads(output)["number"], said) == (0, 256_000, "")
        assert await call(url, "fetch", "upto=2", "pad=3") == (0, b"\0\0\0\1\1\1", "")
        code, output, said = await call(url, "fetch", "upto=2", "pad=3", "--output", str(saved))
        assert (code, output) == (0, b"")
        assert said.startswith(f"6 bytes in {saved}, SHA-256 ")
    assert saved.read_bytes() == b"\0\0\0\1\1\1"


async def test_after_the_limit_the_call_is_cancelled() -> None:
    service = Streams()
    async with served(service) as url:
        code, output, said = await call(url, "count", "upto=100000", "--limit", "3")
        assert (code, output.count(b"\n"), said) == (0, 3, "")
        assert service.made < 1000
        assert service.closed == ["count"]
        # A result behind items that were not read is not told.
        assert (await call(url, "count_up", "upto=3", "--limit", "2"))[1].count(b"\n") == 2
        assert (await call(url, "fetch", "upto=5", "pad=1", "--limit", "2"))[1] == b"\0\1"


async def test_an_interrupt_cancels_the_call_and_closes_the_conversation() -> None:
    service = Streams()
    ends: list[duologue.WebsocketPromisifier] = []
    async with duologue.serve(service, on_peer=ends.append) as server:
        process = await begun(f"ws://127.0.0.1:{server.port}", "squares")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"number": 2}\n')
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        output, complaint = await process.communicate()
        assert (process.returncode, output, complaint) == (130, b"", b"")
        assert (await ends[0].promise).code == 1000
    assert service.closed == ["squares"]


async def test_an_answer_is_told_while_nothing_more_comes_from_standard_input() -> None:
    async with served(Streams()) as url:
        process = await begun(url, "sum")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"number": 4}\n{"number": 777}\n')
        assert await process.stdout.read() == b"4\n"
        assert await process.wait() == 0


async def test_a_reader_of_the_output_may_have_enough() -> None:
    service = Streams()
    async with served(service) as url:
        process = await begun(url, "count", "upto=100000")
        assert process.stdout is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        assert await process.wait() == 0


async def test_a_failure_is_told_behind_the_items_before_it() -> None:
    async with served(Streams()) as url:
        code, output, said = await call(url, "count", "upto=1000")
        assert (code, output.count(b"\n"), json.loads(said)["code"]) == (1, 666, "spoiled")
        code, output, said = await call(url, "sum", given=b'{"number":666}\n')
        assert (code, output, json.loads(said)["code"]) == (1, b"", "spoiled")


@pytest.mark.parametrize("method", ["sum", "squares"])
async def test_a_line_that_is_no_item_is_wrong_use_and_cancels(method: str) -> None:
    service = Streams()
    async with served(service) as url:
        code, _, said = await call(url, method, given=b'{"number":1}\n{"number":"x"}\n')
    assert (code, said) == (
        2,
        "line 2 of standard input is no Number: number: Input should be a valid integer\n",
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("sum", "-", "-"), "standard input is read by one only, not by - and -"),
        (("sum", "-", "@x"), "items come from one place; given are - and @x"),
        (("sum", "@no/such"), "@no/such: there is no file no/such"),
        (
            ("count", "upto=1", "@x"),
            "Streams/count sends no items, so @x would be all of its arguments",
        ),
        (("sum", "--limit", "1"), "Streams/sum yields no items; --limit is for items"),
        (("ping", "--limit", "1"), "yields no items"),
        (("count", "upto=1", "--output", "x"), "yields no bytes; --output is for those"),
        (("count", "upto=1", "--limit", "0"), "Invalid value for '--limit'"),
    ],
)
def test_wrong_use_of_items_ends_with_2(arguments: tuple[str, ...], complaint: str) -> None:
    done = subprocess.run(
        command("ws://127.0.0.1:1", *arguments),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 2
    assert complaint in done.stderr


async def test_on_a_terminal_bytes_show_how_far_they_are(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes(bytes(300_000))
    master, terminal = pty.openpty()
    async with served(Streams()) as url:
        process = await begun(url, "store", f"@{file}", error=terminal)
        os.close(terminal)
        output, _ = await process.communicate()
    shown = os.read(master, 10_000).decode()
    os.close(master)
    assert json.loads(output)["number"] == 300_000
    assert shown.endswith("\r\n")
    assert "300.0 kB of 300.0 kB, " in shown
