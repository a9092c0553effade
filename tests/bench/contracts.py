"""Contracts of any size, made up, and the packages that they become."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.bench.rows import ROOT

FIELDS: Final = (
    "name: {type: string, max: 80}",
    "count: int",
    "ratio: {type: float, min: 0, max: 1}",
    "tags: list of string",
    "noted_at: optional datetime",
)
TYPES_PER_SERVICE: Final = 20


def contract(types: int) -> str:
    """A contract with so many types; one service for each twenty, one method for each type."""
    lines = ["duologue: 1", "package: sized.v1", "doc: Made up to be large.", "", "types:"]
    for number in range(types):
        doc = f"    doc: The thing with the number {number}."
        lines += [f"  Thing{number}:", doc, "    fields:"]
        lines += [f"      {field}" for field in FIELDS]
        if number:
            # Types hang together, but not in one long chain.
            lines.append(f"      part_of: optional Thing{number // 10}")
    lines += ["", "services:"]
    for first in range(0, types, TYPES_PER_SERVICE):
        lines += [f"  Shelf{first // TYPES_PER_SERVICE}:", "    doc: Keeps things."]
        lines += [f"    base: {1000 + first}", "    methods:"]
        for offset, number in enumerate(range(first, min(first + TYPES_PER_SERVICE, types))):
            lines += [
                f"      swap_thing{number}:",
                f"        id: {offset + 1}",
                "        doc: Put one in, get one out.",
                f"        params: {{thing: Thing{number}}}",
                f"        returns: Thing{number}",
            ]
    return "\n".join(lines) + "\n"


def write(folder: Path, types: int) -> Path:
    """Put a contract of so many types below `folder`, as a schema root."""
    schema = folder / f"schema{types}"
    file = schema / "sized" / "v1.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(contract(types), encoding="utf-8")
    return schema


def run_compiler(command: str, schema: Path, out: Path) -> None:
    """`duologue generate` or `check`.

    Raises:
        RuntimeError: it did not succeed; the text is what it said.
    """
    options = ["--out", str(out), "--quiet"] if command == "generate" else []
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from duologue.commands.cli import main; main()", command),
            *("--schema", str(schema), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"duologue {command} failed:\n{done.stdout}{done.stderr}")
