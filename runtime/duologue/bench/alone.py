"""Run a module that uses `duologue.bench.load` in a process that does not import duologue itself.

    python -P .../duologue/bench/alone.py MODULE [ARGUMENT ...]

Interpreters of peers have none of duologue's dependencies, and a baseline should not carry modules
that it does not use. So an empty package stands in for `duologue`, with the same folder.
"""

import runpy
import sys
from pathlib import Path
from types import ModuleType


def main() -> None:
    """Put the empty package where imports look first, and run the module as the main one."""
    package = ModuleType("duologue")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["duologue"] = package
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
