"""Which contracts the project one stands in has: as much as a shell needs to complete names.

Whatever is imported here delays each completion.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, cast

GROUP: Final = "duologue.contracts"
"""The entry-point group by which the compiler is found: neither package imports the other."""


@dataclass(frozen=True, slots=True)
class Project:
    """Where the project that one stands in keeps its contracts and packages."""

    folder: Path
    import_root: str
    schema: Path

    @classmethod
    def here(cls) -> "Project":
        """By the nearest pyproject.toml with a `[tool.duologue]`; without one, the defaults."""
        here = Path.cwd()
        for folder in (here, *here.parents):
            settings = _settings(folder / "pyproject.toml")
            if settings is not None:
                root = str(settings.get("import_root", "generated"))
                return cls(folder, root, folder / str(settings.get("schema", "schema")))
        return cls(here, "generated", here / "schema")


def of_compiler(name: str) -> Any:
    """What the compiler has by this name, for commands of the runtime; None if it is not installed.

    Raises:
        ModuleNotFoundError: it is there, and something that it needs is not.
    """
    for entry in entry_points(group=GROUP, name=name):
        return entry.load()
    return None


def method_params(schema: Path) -> Mapping[str, Sequence[str]]:
    """The params of each method in the contracts below a folder, and no such of events.

    Empty where there are no contracts, or no compiler to read them with.
    """
    if not schema.is_dir():
        return {}
    try:
        read: Callable[[Path], Mapping[str, Sequence[str]]] | None = of_compiler("method_params")
        return {} if read is None else read(schema)
    except (ModuleNotFoundError, OSError):
        return {}


def short_names(name: str) -> tuple[str, str]:
    """`Rooms/join` and `join` for `chat.rooms.v1.Rooms/join`."""
    short = name.rpartition(".")[2]
    return short, short.partition("/")[2]


def _settings(file: Path) -> Mapping[str, Any] | None:
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    tool: object = project.get("tool")
    settings = cast("dict[str, object]", tool).get("duologue") if isinstance(tool, dict) else None
    return cast("dict[str, Any]", settings) if isinstance(settings, dict) else None
