"""`python -m tests.bench`: duologue beside its peers, in one table. See README.md here."""

import argparse
import json
import sys
from pathlib import Path

from tests.bench.comparison import compare, phases
from tests.bench.environments import default_cache
from tests.bench.goals import judged
from tests.bench.machine import busy, describe
from tests.bench.rows import ROWS, Row
from tests.bench.table import table


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="duologue beside its peers, in one table"
    )
    parser.add_argument("--quick", action="store_true", help="shorter phases: under two minutes")
    parser.add_argument("--rounds", type=int, default=5, help="medians are of so many (5)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="rows whose names contain this; repeatable"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures of all rounds")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="where the peers are installed"
    )
    options = parser.parse_args()
    rows = chosen(options.only)
    if not rows:
        parser.error(f"no such row; there are: {', '.join(row.name for row in ROWS)}")
    seconds, connections = (0.2, 100) if options.quick else (0.6, 200)
    before = describe()
    found = compare(rows, phases(seconds, connections), options.rounds, options.cache)
    print(f"Machine: {before}; after the run: {busy()}.\n")
    print(f"Medians of {options.rounds} rounds of {seconds:g} s phases, the rows in turn.\n")
    print(table(rows, found))
    print(f"\n{judged(found)}")
    if options.json is not None:
        figures = {
            name: {"failure": each.failure, "figures": each.values} for name, each in found.items()
        }
        text = json.dumps({"machine": before, "rows": figures}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    if any(each.failure for each in found.values()):
        sys.exit(1)


def chosen(names: list[str] | None) -> list[Row]:
    """The rows whose names contain one of `names`, in any case; all of them without any."""
    if not names:
        return list(ROWS)
    return [row for row in ROWS if any(name.lower() in row.name.lower() for name in names)]


if __name__ == "__main__":
    main()
