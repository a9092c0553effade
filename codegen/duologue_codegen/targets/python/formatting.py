"""Generated Python in Ruff's one form. What does not parse stops here.

Every option is stated and no configuration is read, so the result depends on nothing but the text
and Ruff's version, which is pinned.
"""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from typing import Final

from .docstrings import LINE_LENGTH

MAX_PROCESSES: Final = 4
"""Of Ruff at a time. Each takes a few milliseconds, most of them to start."""
MAX_REMEMBERED: Final = 256
"""Files whose form is remembered: of a package that is made again, most are as they were."""
_SHARED: Final = ("--isolated", "--no-cache", "--target-version=py311", "--quiet")


class Unformattable(RuntimeError):
    """A generated file is not Python. A bug of ours; the text says which file and why."""


@lru_cache(MAX_REMEMBERED)
def format_python(path: str, text: str, *, first_party: tuple[str, ...] = ()) -> str:
    """`text` with its imports sorted, the unused ones gone, and laid out by Ruff.

    `path` only names the file. `first_party` are the top packages whose imports stand in a group of
    their own, after the third-party ones.

    Raises:
        Unformattable: Ruff cannot read it, or found a name that nothing defines.
    """
    # Only the last part: a package may be called `build`, which Ruff would leave out.
    file = path.rpartition("/")[2]
    is_front = file == "__init__.py"
    settings: dict[str, object] = {
        "line-length": LINE_LENGTH,
        "src": [],
        "lint.isort.combine-as-imports": is_front,
        # Else a list stays broken into lines that became short once the unused names had gone.
        "lint.isort.split-on-trailing-comma": False,
        "lint.isort.known-first-party": list(first_party),
        "lint.isort.known-third-party": ["duologue", "pydantic", "typing_extensions"],
    }
    options = [f"--config={key}={json.dumps(value)}" for key, value in settings.items()]
    name = f"--stdin-filename={file}"
    rules = "I" if is_front else "I,F401,F811,F821"
    fixed = _ruff(path, text, "check", "--fix", f"--select={rules}", *options, name, "-")
    return _ruff(path, fixed, "format", *options[:2], name, "-")


def format_all(files: Mapping[str, str], *, first_party: tuple[str, ...] = ()) -> dict[str, str]:
    """The same files, every `.py` among them formatted.

    Raises:
        Unformattable: as `format_python`.
    """
    modules = [path for path in files if path.endswith(".py")]

    def formatted(path: str) -> str:
        return format_python(path, files[path], first_party=first_party)

    # Ruff is a process of its own for each file: they run beside each other.
    with ThreadPoolExecutor(MAX_PROCESSES) as pool:
        done = dict(zip(modules, pool.map(formatted, modules), strict=True))
    return {path: done.get(path, text) for path, text in files.items()}


def _ruff(path: str, text: str, *arguments: str) -> str:
    command = [_ruff_binary(), arguments[0], *_SHARED, *arguments[1:]]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise Unformattable(f"{path}: {said}")
    return done.stdout.decode()


@cache
def _ruff_binary() -> str:
    """The ruff that is installed beside this Python, whatever PATH says."""
    find: Callable[[], str] = importlib.import_module("ruff").find_ruff_bin
    return find()
