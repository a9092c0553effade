"""Whether every comparison with a limit is held by a test: `<` as `<=`, `>` as `>=`, and back.

    python -m tests.mutants relay connection protocol
    python -m tests.mutants relay/server/door.py --also tests/integration/test_relay_abuse.py

Each comparison is changed in a copy of the runtime, one at a time, and the unit tests of the
module's folder are run against it, then those given with `--also`. A mutant that no test kills is
printed, and the exit code is then 1. It takes some seconds for each of them, so it is no test of
its own: run it after changing limits. What cannot make a difference is listed in `EQUAL`.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
RUNTIME: Final = ROOT / "runtime"
UNIT: Final = ROOT / "tests" / "unit" / "runtime"

TIMEOUT_S: Final = 180
"""A mutant may wait for ever; then it is noticed as well."""

OTHER: Final = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}

_OPERATORS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_LIMIT: Final = re.compile(r"_?(max|min)_\w+|_?limits?|_?[A-Z][A-Z0-9_]{2,}")

EQUAL: Final = {
    "connection/base.py: max_bytes < self.max_send_bytes": "the lesser of two equal ones",
}
"""Comparisons, as `module: source`, that may be either, and why."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison with a limit, and where its operator stands in the text."""

    module: Path
    """Below `runtime/duologue`."""
    line: int
    source: str
    start: int
    operator: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.source}"

    @property
    def name(self) -> str:
        """As it stands in `EQUAL`."""
        return f"{self.module.as_posix()}: {self.source}"

    def mutated(self, text: str) -> str:
        """`text` with the other operator."""
        end = self.start + len(self.operator)
        return text[: self.start] + OTHER[self.operator] + text[end:]


def comparisons(module: Path, text: str) -> Iterator[Comparison]:
    """Every comparison in a module that a limit takes part in."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw = text.encode()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            sign = _OPERATORS.get(type(operator))
            if sign is None or not (_is_limit(left) or _is_limit(right)):
                continue
            assert left.end_lineno is not None
            assert left.end_col_offset is not None
            after_left = starts[left.end_lineno - 1] + left.end_col_offset
            before = raw[: starts[right.lineno - 1] + right.col_offset]
            start = len(raw[: before.index(sign.encode(), after_left)].decode())
            source = " ".join(ast.unparse(node).split())
            yield Comparison(module, node.lineno, source, start, sign)


def _is_limit(node: ast.expr) -> bool:
    names = (
        each.id if isinstance(each, ast.Name) else each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Name | ast.Attribute)
    )
    return any(_LIMIT.fullmatch(name) for name in names)


def tests_of(module: Path) -> list[Path]:
    """The tests of a module: those of its name first, those of its folder, integration tests."""
    folder = UNIT / module.parent
    while not folder.is_dir():
        folder = folder.parent
    own = sorted(folder.glob(f"test_{module.stem}*.py"))
    whole = sorted((ROOT / "tests" / "integration").glob(f"test_*{module.stem}.py"))
    return [*own, folder, *whole]


def survives(comparison: Comparison, copy: Path, tests: Sequence[Path]) -> bool:
    """Whether all `tests` pass with the comparison changed in `copy`, which is left as it was."""
    file = copy / "duologue" / comparison.module
    text = file.read_text("utf-8")
    file.write_text(comparison.mutated(text), "utf-8")
    try:
        return all(_pass(test, copy) for test in tests)
    finally:
        file.write_text(text, "utf-8")


def _pass(test: Path, copy: Path) -> bool:
    command = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", str(test))
    # Compiled files are told apart by second and size: two mutants have the same.
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0


def chosen(asked: Sequence[str]) -> Iterator[Comparison]:
    """The comparisons in modules and folders below `runtime/duologue`."""
    package = RUNTIME / "duologue"
    for name in asked:
        place = package / name
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        if not files:
            raise SystemExit(f"there is no {name} below {package}")
        for file in files:
            yield from comparisons(file.relative_to(package), file.read_text("utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Try them all; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("places", nargs="+", help="below runtime/duologue")
    parser.add_argument("--also", nargs="*", default=[], type=Path, help="further tests to run")
    parser.add_argument("--list", action="store_true", help="only show the comparisons")
    options = parser.parse_args(arguments)
    found = [each for each in chosen(options.places) if each.name not in EQUAL]
    if options.list:
        print(*found, sep="\n")
        return 0
    alive: list[Comparison] = []
    with TemporaryDirectory(prefix="duologue-mutants-") as folder:
        copy = Path(folder) / "runtime"
        shutil.copytree(RUNTIME, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for each in found:
            lives = survives(each, copy, [*tests_of(each.module), *options.also])
            print("ALIVE " if lives else "killed", each, flush=True)
            alive += [each] if lives else []
    print(f"{len(found)} comparisons, {len(alive)} alive")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
