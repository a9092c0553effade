"""`python -m tests.bench.profiling`: where the time of a call goes, by py-spy.

Server and client of a row have calls in flight while py-spy samples both, native frames included.
Each sample counts for the nearest frame below whose meaning is known, so that a `memcpy` counts for
who asked for it. pydantic-core's own frames mostly have no names: they count by the lines of
`typed/codec.py` that call it. Profiling slows the run: trust the shares, not the rates. Linux;
py-spy is installed into an environment of its own and may have to be root.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from duologue.bench.comparison import calls, progress
from duologue.bench.load import PAYLOADS
from tests.bench.environments import default_cache, interpreter_of
from tests.bench.machine import describe
from tests.bench.publishing import PROFILE, NoPlace, check_place, publish
from tests.bench.rows import ROWS, Group, Row, start
from tests.bench.table import markdown

SAMPLES_PER_S: Final = 250
SLACK_S: Final = 5.0
"""The load goes on for so much longer, so that no sample is of its end."""

OTHER: Final = "other"

IDLE_THREAD: Final = "(threading.py"
"""Threads beside the event loop's wait for orders, or for the end; they do nothing meanwhile."""

KINDS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "waiting for the other side",
            r"epoll_wait|epoll_pwait|\bselect \(.*selectors|uv__io_poll",
        ),
        ("kernel receive", r"\brecv|__libc_recv|sock_recv"),
        ("kernel send", r"\bsend(msg|to)?\b.*(libc|libpthread)|__libc_send|sock_send|writev"),
        ("pydantic, msgspec", r"pydantic|msgspec|duologue/typed/codec\.py"),
        ("encryption", r"sodium|nacl/|crypto_"),
        ("handler, caller's own code", r"duologue_echo\.py|bench/load\.py|ours\w*\.py"),
        ("WebSocket frames", r"duologue/connection/|websockets/"),
        ("protocol", r"duologue/protocol/"),
        ("calls and dispatch", r"duologue/promisifier/"),
        ("typed layer", r"duologue/typed/|bench/generated/"),
        ("relay", r"duologue/relay/"),
        ("event loop, futures, tasks", r"asyncio/|_asyncio|uvloop|selectors\.py"),
    )
)


def kind_of(stack: str) -> str:
    """What a collapsed stack (`outermost;...;innermost`) counts for."""
    for frame in reversed(stack.split(";")):
        for kind, pattern in KINDS:
            if pattern.search(frame):
                return kind
    return OTHER


def shares(lines: Iterable[str]) -> dict[str, float]:
    """The share of each kind in the lines of py-spy's `raw` format, `STACK COUNT`."""
    counted: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.strip().rpartition(" ")
        if stack and IDLE_THREAD not in stack:
            counted[kind_of(stack)] += int(count)
    total = sum(counted.values())
    return {kind: number / total for kind, number in counted.items()}


def table_of(columns: Mapping[str, Mapping[str, float]]) -> str:
    """A line for each kind, a column for each process, as Markdown."""
    order = [kind for kind, _ in KINDS] + [OTHER]
    lines = [
        [kind, *(f"{100 * column.get(kind, 0):.0f} %" for column in columns.values())]
        for kind in order
        if any(column.get(kind, 0) >= 0.005 for column in columns.values())
    ]
    return markdown(["", *columns], lines)


def profile(
    row: Row, payload: str, in_flight: int, seconds: float, cache: Path
) -> dict[str, dict[str, float]]:
    """The shares of each process of `row`.

    Raises:
        CannotInstall: no py-spy.
        RuntimeError: it could not look at the processes; the text is what it said.
    """
    spy = Path(interpreter_of("py-spy", cache)).with_name("py-spy")
    names = ["broker", "service", "client"] if row.is_routed else ["server", "client"]
    found: dict[str, dict[str, float]] = {}
    with start(row, cache) as programs, tempfile.TemporaryDirectory() as folder:
        for name, pid in zip(names, [*programs.pids, programs.client_pid], strict=True):
            progress(f"{row.name}: {name}")
            file = Path(folder) / name
            spying = subprocess.Popen(
                [
                    *(str(spy), "record", "--native", "--format", "raw", "--output", str(file)),
                    *("--rate", str(SAMPLES_PER_S), "--duration", f"{seconds:.0f}"),
                    *("--pid", str(pid)),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            programs.measure(calls(payload, in_flight, seconds + SLACK_S), 10 * seconds + 60)
            _, said = spying.communicate()
            if spying.returncode or not file.exists():
                raise RuntimeError(f"py-spy did not succeed:\n{said}")
            found[name] = shares(file.read_text(encoding="utf-8").splitlines())
    progress("")
    return found


def main() -> None:
    """Profile the rows whose names contain what is asked for, and print a table for each."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.profiling", description="where the time of a call goes"
    )
    parser.add_argument("--only", default="duologue, `def` handler", metavar="NAME")
    parser.add_argument("--payload", choices=PAYLOADS, default="small")
    parser.add_argument("--in-flight", type=int, default=64, metavar="CALLS")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the tables between the marks in FILE"
    )
    options = parser.parse_args()
    # py-spy goes with the interpreter that runs this, and knows no Node.
    rows = [row for row in ROWS if row.group in (Group.DIRECT, Group.ROUTED)]
    rows = [row for row in rows if options.only.lower() in row.name.lower()]
    if not rows:
        parser.error("no such row")
    if options.markdown is not None:
        try:
            check_place(options.markdown, PROFILE)
        except (NoPlace, OSError) as error:
            parser.error(str(error))
    parts = [f"Machine: {describe()}."]
    for row in rows:
        try:
            columns = profile(
                row, options.payload, options.in_flight, options.seconds, options.cache
            )
        except RuntimeError as error:
            sys.exit(str(error))
        what = f"{options.payload} payload, {options.in_flight} in flight"
        parts.append(f"**{row.name}**, {what}\n\n{table_of(columns)}")
    text = "\n\n".join(parts)
    print(text)
    if options.markdown is not None:
        publish(options.markdown, PROFILE, text)


if __name__ == "__main__":
    main()
