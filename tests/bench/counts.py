"""`python -m tests.bench.counts`: fails if a call costs other counts than `counts.json` says.

A change that means to change what a call costs changes that file, too: `--write` does. Counts are
the same every time with one Python and one set of packages; with others nothing is judged.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.bench.counting import count_all

FILE: Final = Path(__file__).with_name("counts.json")

PACKAGES: Final = (
    "msgspec",
    "pydantic",
    "pydantic_core",
    "PyNaCl",
    "typing_extensions",
    "websockets",
)
"""Those whose functions a call goes through."""

EXACT: Final = ("python_calls", "c_calls")
CLOSE: Final = ("allocated_bytes", "peak_bytes")

TOLERANCE: Final = 0.02
"""By how much of what is written the bytes may differ, up or down."""

SMALL_OBJECTS_BYTES: Final = 256
"""By how much they may differ in any case: a few small objects are still held somewhere, or are
not. Between two machines with the same packages a peak differed by 128."""

HASH_SEED: Final = "0"
IN_CHILD: Final = "--in-this-process"

Costs: TypeAlias = Mapping[str, int]
Situations: TypeAlias = Mapping[str, Costs]


def made_with() -> dict[str, str]:
    """What decides the counts, other than our own code."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {
        "Python": f"{python}, {platform.system()}",
        **{name: version(name) for name in PACKAGES},
    }


def differences(written: Situations, counted: Situations) -> Iterator[str]:
    """A sentence for each count that is not what was written, and for each that only one has."""
    for name in written.keys() | counted.keys():
        if name not in counted or name not in written:
            where = "not counted any more" if name not in counted else "not in the file yet"
            yield f"{name}: {where}"
            continue
        for kind in (*EXACT, *CLOSE):
            before, now = written[name][kind], counted[name][kind]
            allowed = 0 if kind in EXACT else max(TOLERANCE * before, SMALL_OBJECTS_BYTES)
            if abs(now - before) > allowed:
                yield f"{name}: {kind} was {before}, is {now} ({now - before:+})"


def text_of(basis: Mapping[str, str], situations: Situations) -> str:
    """The file: JSON, a line for each situation."""
    lines = (f"    {json.dumps(name)}: {json.dumps(costs)}" for name, costs in situations.items())
    return (
        f'{{\n  "made_with": {json.dumps(basis)},\n  "situations": {{\n'
        + ",\n".join(lines)
        + "\n  }\n}\n"
    )


def count_in_a_new_process() -> dict[str, dict[str, int]]:
    """Count where no test, option of Python or debug mode has been before."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, IN_CHILD],
        env={**environment, "PYTHONHASHSEED": HASH_SEED},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    counted: dict[str, dict[str, int]] = json.loads(done.stdout)
    return counted


def _check(counted: Situations) -> None:
    written: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    basis = made_with()
    if written["made_with"] != basis:
        others = [
            f"{key} {have}" for key, have in basis.items() if written["made_with"].get(key) != have
        ]
        print(f"{FILE.name} was made with others than {', '.join(others)}: nothing is judged")
        return
    found = sorted(differences(written["situations"], counted))
    if found:
        print(*found, sep="\n")
        sys.exit(
            "what a call costs has changed; if that is meant, `make counts` and commit the file"
        )
    print(f"{len(counted)} situations cost what {FILE.name} says")


def main() -> None:
    """Count, and compare or write."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.counts", description="what a call costs"
    )
    parser.add_argument("--write", action="store_true", help=f"put the counts into {FILE.name}")
    parser.add_argument(IN_CHILD, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_this_process:
        print(json.dumps({name: asdict(costs) for name, costs in asyncio.run(count_all()).items()}))
        return
    counted = count_in_a_new_process()
    if options.write:
        FILE.write_text(text_of(made_with(), counted), encoding="utf-8")
        print(f"{FILE.name} is written")
    else:
        _check(counted)


if __name__ == "__main__":
    main()
