"""`python -m tests.bench.cold`: what it costs before the first call.

Imports are measured in processes of their own, in turn, in CPU time, with bytecode that is there
already. Set-up and idle connections are measured as in the table.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from duologue.bench.comparison import Figures, compare, phases
from tests.bench.contracts import run_compiler, write
from tests.bench.environments import default_cache
from tests.bench.machine import describe
from tests.bench.rows import PLAIN, ROOT, WEBSOCKETS, start
from tests.bench.table import markdown

ROUNDS: Final = 9
TYPES: Final = 100

PYDANTIC: Final = "from pydantic import BaseModel"
DUOLOGUE: Final = "import duologue"
SERVING: Final = "from duologue import connect, serve"
CONNECTING: Final = """
import asyncio
async def main():
    async with serve(on_peer=lambda peer: peer.add_service(1, abs)) as server:
        async with connect(f"ws://127.0.0.1:{server.port}") as peer:
            await peer.send(1, -5)
asyncio.run(main())
"""
"""What imports have put off is paid here: both sides of a conversation, and one call."""
CALLING: Final = """
import asyncio
from duologue.testing import linked_peers
class Shelf(made.sized.v1.Shelf4ServicePartial):
    def swap_thing99(self, params, ctx):
        return params.thing
async def main():
    async with linked_peers([Shelf()]) as (_, caller):
        client = made.sized.v1.Shelf4Client(caller)
        thing = made.sized.v1.Thing99(name="a", count=1, ratio=0.5, tags=[])
        await client.swap_thing99(thing=thing)
asyncio.run(main())
"""
"""What a package has put off, for one of its methods."""
MAX_IMPORT_RATIO: Final = 2.2
MAX_SET_UP_RATIO: Final = 0.9
MAX_IDLE_KIB: Final = 20.0

_TIMED: Final = """
import time
{before}
start = time.process_time()
{statement}
print(time.process_time() - start)
"""


@dataclass(frozen=True, slots=True)
class Import:
    """A statement, after another one that is not counted."""

    statement: str
    before: str = ""
    path: Path = ROOT


def import_ms(imports: Sequence[Import], bytecode: Path) -> list[float]:
    """CPU milliseconds of each import, medians of `ROUNDS` rounds after one that is not counted."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    taken: list[list[float]] = [[] for _ in imports]
    for number in range(ROUNDS + 1):
        for each, times in zip(imports, taken, strict=True):
            code = _TIMED.format(before=each.before, statement=each.statement)
            done = subprocess.run(
                [sys.executable, "-c", code],
                cwd=each.path,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            if number:
                times.append(float(done.stdout) * 1e3)
    return [statistics.median(times) for times in taken]


def imports() -> str:
    """The table of imports."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "made"
        run_compiler("generate", write(folder, TYPES), out)
        pydantic, duologue, serving, connecting, package, calling = import_ms(
            [
                Import(PYDANTIC),
                Import(DUOLOGUE),
                Import(SERVING),
                Import(CONNECTING, SERVING),
                Import("import made.sized.v1", SERVING, folder),
                Import(CALLING, f"{SERVING}; import made.sized.v1", folder),
            ],
            folder / "bytecode",
        )
    ratio = duologue / pydantic
    verdict = "met" if ratio <= MAX_IMPORT_RATIO else "**missed**"
    return markdown(
        ["import", "CPU ms", "against pydantic", "wanted", ""],
        [
            [f"`{PYDANTIC}`", f"{pydantic:.0f}", "", "", ""],
            [
                f"`{DUOLOGUE}`",
                f"{duologue:.0f}",
                f"{ratio:.2f}x",
                f"≤ {MAX_IMPORT_RATIO}x",
                verdict,
            ],
            [f"`{SERVING}`", f"{serving:.0f}", f"{serving / pydantic:.2f}x", "", ""],
            ["a first connection and call by number, after that", f"{connecting:.0f}", "", "", ""],
            [
                f"a generated package of {TYPES} types and methods, after that",
                f"{package:.0f}",
                f"{package / TYPES * 1e3:.0f} µs a type",
                "",
                "",
            ],
            ["a first typed call in memory, after that", f"{calling:.0f}", "", "", ""],
        ],
    )


def connections() -> str:
    """The table of set-up and idle connections."""
    wanted = [each for each in phases(0.2, 300) if each.name in ("set-up", "idle")]
    found = compare([PLAIN, WEBSOCKETS], wanted, ROUNDS, lambda row: start(row, default_cache()))
    ours, theirs = found[PLAIN.name], found[WEBSOCKETS.name]
    return markdown(
        ["connection", "duologue", "raw `websockets`", "ratio", "wanted", ""],
        [
            _line("set-up and first answer, ms", "set-up.set_up_ms", ours, theirs),
            _line("the same, CPU ms of both sides", "set-up.set_up_cpu_ms", ours, theirs, None),
            _idle(ours, theirs),
        ],
    )


def _line(
    what: str, figure: str, ours: Figures, theirs: Figures, bound: float | None = MAX_SET_UP_RATIO
) -> list[str]:
    one, other = ours.median(figure), theirs.median(figure)
    if one is None or not other:
        return [what, "–", "–", "", "", f"not measured: {ours.failure or theirs.failure}"]
    ratio = one / other
    verdict = "" if bound is None else "met" if ratio <= bound else "**missed**"
    wanted = "" if bound is None else f"≤ {bound}x"
    return [what, f"{one:.2f}", f"{other:.2f}", f"{ratio:.2f}x", wanted, verdict]


def _idle(ours: Figures, theirs: Figures) -> list[str]:
    line = _line("KiB per idle connection, server", "idle.idle_kib", ours, theirs, None)
    kib = ours.median("idle.idle_kib")
    if kib is None:
        return line
    verdict = "met" if kib <= MAX_IDLE_KIB else "**missed**"
    return [*line[:4], f"≤ {MAX_IDLE_KIB:g} KiB", verdict]


def main() -> None:
    """Measure and print."""
    print(f"Machine: {describe()}.\n")
    print(imports())
    print()
    print(connections())


if __name__ == "__main__":
    main()
