"""Whether every comparison with a limit is held by a test: `<` as `<=`, `>` as `>=`, and back.

    python -m tests.mutants relay connection protocol
    python -m tests.mutants relay/server/door.py --also tests/integration/test_relay_abuse.py

Each comparison is changed in a copy of the project, one at a time, and the unit tests of the
module's folder are run there, then those given with `--also`. A mutant that no test kills is
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
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = Path("runtime", "duologue")
UNIT: Final = Path("tests", "unit", "runtime")
INTEGRATION: Final = Path("tests", "integration")
NOT_COPIED: Final = (".*", "__pycache__", "dist", "build")

TIMEOUT_S: Final = 180
"""A mutant may wait for ever; then it is noticed as well."""

OTHER: Final = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}

_OPERATORS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_LIMIT: Final = re.compile(
    r"_?(max|min|most|least|longest|free|room|granted|window|fragment|small|large)(_\w+)?"
    r"|_?(\w+_)?(timeout|due|until|patience|interval|before)_s"
    r"|_?limits?|_?replay|levels|tokens|to_leave|text_threshold|_?[A-Z][A-Z0-9_]{2,}"
)
"""How names of limits read, and of what is left of them."""

EQUAL: Final = {
    "connection/base.py: max_bytes < self.max_send_bytes": "the lesser of two equal ones",
    "connection/websocket/wire.py: head.length <= self._max_message_bytes": "`websockets` reads it",
    "protocol/credit.py: self._window_bytes > FIRST_WINDOW_BYTES": "nothing is given back",
    "protocol/depth.py: len(text) <= 2 * max_depth": "it only saves time",
    "protocol/excess.py: objects > max_objects": "it only leads to counting exactly",
    "protocol/excess.py: values > max_values": "it only leads to counting exactly",
    "protocol/excess.py: objects > limits.max_json_depth": "it only saves time",
    "protocol/padding.py: size <= SMALL_BUCKETS_END": "both kinds of bucket end there",
    "protocol/padding.py: size <= SMALL_BUCKETS_END <= max_message_bytes": "the same",
    "protocol/padding.py: size <= SMALL_BUCKETS_END <= max_message_bytes #2": "the last bucket "
    "ends there, too",
    "protocol/served_calls.py: self._highest_id < request_id <= MAX_SAFE_INTEGER": (
        "the slow way finds the same"
    ),
    "protocol/served_calls.py: 0 < service_id <= MAX_SAFE_INTEGER": "the slow way finds the same",
    "protocol/served_calls.py: 0 < timeout_ms <= MAX_TIMEOUT_MS": "the slow way finds the same",
    "connection/encrypted/fragment_layer.py: len(message) < self._splitter.text_threshold": (
        "the slow way finds the same"
    ),
    "protocol/fragments.py: len(each) <= longest": "the slow way finds the same",
    "connection/websocket/arrivals.py: now_s - self._complained_s >= COMPLAINT_EVERY_S": (
        "a moment more or less"
    ),
    "connection/websocket/connection.py: "
    "self.on_message.backlog_bytes <= self._max_message_bytes": (
        "it is read on as well once somebody takes the backlog"
    ),
    "commands/relay_examination.py: days > CERTIFICATE_DAYS": "a moment more or less",
    "commands/relay_examination.py: skew_s <= MAX_CLOCK_SKEW_S": "a moment more or less",
    "commands/relay_examination.py: typical < SLOW_S": "a moment more or less",
    "promisifier/broadcasts.py: self._bytes > self._max_queue_bytes": (
        "it only leads to looking again"
    ),
    "promisifier/debts.py: self.bytes > self._max_bytes": "it only leads to looking again",
    "connection/websocket/connection.py: self._window_bytes < OWN_READ_BYTES": (
        "only how often others have a turn"
    ),
    "endpoints/redialling.py: now_s - self._warned_s >= WARNING_INTERVAL_S": (
        "a moment more or less"
    ),
    "commands/relay.py: loop.time() - self._last_complaint_s < UNHANDLED_EVERY_S": "the same",
    "promisifier/calling.py: call.due_s < self._deadlines.timer_due_s": (
        "the timer is set to the same time"
    ),
    "promisifier/deadlines.py: call.due_s < self.timer_due_s": "the same",
    "promisifier/deadlines.py: call.due_s > now_s": "one tick later",
    "promisifier/deadlines.py: call.due_s < math.inf": "a timer that is never due",
    "promisifier/stream_receiver.py: call.patience_s < math.inf": (
        "nobody waits for ever to be told"
    ),
    "promisifier/streams/silence.py: self._timer_due_s > self._heard_s[request_id] + patience_s": (
        "the timer is set to the same time"
    ),
    "promisifier/streams/silence.py: now_s - self._timer_due_s >= LATE_S": "a moment more or less",
    "promisifier/streams/stream.py: len(block) >= _BLOCK_BYTES": (
        "the block is written one piece later"
    ),
    "protocol/backoff.py: failures > QUICK_TRIES": "both ways double once",
    "protocol/depth.py: rest.count(b'[') + rest.count(b'{') + 2 <= max_depth": "it only saves time",
    "protocol/excess.py: closing < min(openings)": "no bracket opens and closes",
    "relay/server/server.py: self._timer_due_s <= due_s": "the timer is set to the same time",
    "typed/audience.py: loop.time() < until_s": "a moment more or less",
    "promisifier/dispatch.py: due_s < deadlines.timer_due_s": "the timer is set to the same time",
    "promisifier/dispatch.py: call.due_s <= self._loop.time()": "a moment more or less",
}
"""Comparisons that may be either, as `module: source`, and why; `#2`: the second that reads so."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison with a limit, and where its operator stands in the text."""

    module: Path
    """Below `runtime/duologue`."""
    line: int
    source: str
    start: int
    operator: str
    number: int = 1
    """Of those in the module that read the same, in their order."""

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.source}"

    @property
    def name(self) -> str:
        """As it stands in `EQUAL`."""
        number = f" #{self.number}" if self.number > 1 else ""
        return f"{self.module.as_posix()}: {self.source}{number}"

    def mutated(self, text: str) -> str:
        """`text` with the other operator."""
        end = self.start + len(self.operator)
        return text[: self.start] + OTHER[self.operator] + text[end:]


def comparisons(module: Path, text: str) -> Iterator[Comparison]:
    """Every comparison in a module that a limit takes part in."""
    met = Counter[str]()
    for each in sorted(_comparisons(module, text), key=lambda each: each.start):
        met[each.source] += 1
        yield replace(each, number=met[each.source])


def _comparisons(module: Path, text: str) -> Iterator[Comparison]:
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
    while not (ROOT / folder).is_dir():
        folder = folder.parent
    own = sorted((ROOT / folder).glob(f"test_{module.stem}*.py"))
    whole = sorted((ROOT / INTEGRATION).glob(f"test_*{module.stem}.py"))
    return [*(each.relative_to(ROOT) for each in (*own, *whole)), folder]


def survives(comparison: Comparison, copy: Path, tests: Sequence[Path]) -> bool:
    """Whether all `tests` pass with the comparison changed in `copy`, which is left as it was."""
    file = copy / PACKAGE / comparison.module
    text = file.read_text("utf-8")
    file.write_text(comparison.mutated(text), "utf-8")
    try:
        return all(passes(test, copy) for test in tests)
    finally:
        file.write_text(text, "utf-8")


def passes(test: Path, copy: Path) -> bool:
    """Whether a test file, or a folder of them, passes in `copy`."""
    command = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", str(test))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(copy / "runtime"), str(copy / "codegen"))),
        # Compiled files are told apart by second and size: two mutants have the same.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        ran = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0


def chosen(asked: Sequence[str]) -> Iterator[Comparison]:
    """The comparisons in modules and folders below `runtime/duologue`."""
    package = ROOT / PACKAGE
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
    sound: set[Path] = set()
    with TemporaryDirectory(prefix="duologue-mutants-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
        for each in found:
            tests = [*tests_of(each.module), *options.also]
            for test in tests:
                if test not in sound and not passes(test, copy):
                    raise SystemExit(f"{test} fails without a mutant: it would kill any")
                sound.add(test)
            lives = survives(each, copy, tests)
            print("ALIVE " if lives else "killed", each, flush=True)
            alive += [each] if lives else []
    print(f"{len(found)} comparisons, {len(alive)} alive")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
