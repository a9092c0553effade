"""`[tool.duologue]` in pyproject.toml: where contracts are, and where packages go."""

from __future__ import annotations

import keyword
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

from .names import MODULES_NEEDED
from .targets.plugin_settings import Plugin

KEYS: Final = ("schema", "out", "import_root", "off", "on", "breaking", "plugins")
BREAKING_KEYS: Final[Mapping[str, Collection[str]]] = {
    "against": (),
    "level": ("WIRE", "SOURCE", "ALL"),
    "order": ("any", "provider-first", "caller-first"),
}
"""The keys of `[tool.duologue.breaking]`, and what may stand there; of the first, any text."""
PLUGIN_KEYS: Final = ("command", "out", "ending", "comment", "reads")
"""The keys of `[tool.duologue.plugins.NAME]`; all but the last are needed."""


_PLUGIN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ENDING: Final = re.compile(r"\.[A-Za-z0-9][A-Za-z0-9.]{0,19}")


class BadConfiguration(ValueError):
    """pyproject.toml says something that cannot be. The text names the file and the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Where contracts are and packages go. Paths are as seen from the working directory."""

    schema: Path = Path("schema")
    out: Path = Path("generated")
    import_root: str = "generated"
    """The dotted name under which the packages in `out` import each other; may be empty."""
    off: tuple[str, ...] = ()
    """Rules that are not asked for."""
    on: tuple[str, ...] = ()
    """Rules that are only had on demand, and are demanded."""
    breaking: Mapping[str, str] = field(default_factory=dict[str, str])
    """How `duologue breaking` compares when it is not told: `BREAKING_KEYS`."""
    plugins: tuple[Plugin, ...] = ()
    """Programs that make files of contracts, too."""
    strays: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """Which of `schema` and `out` pyproject.toml has outside of its clone, and what is said then: a
    clone that one does not trust has nothing read or written elsewhere."""

    def with_options(self, *, schema: Path | None, out: Path | None) -> Configuration:
        """The same with what the command line says instead."""
        said = {"schema": schema, "out": out}
        strays = {key: text for key, text in self.strays.items() if said[key] is None}
        return replace(self, schema=schema or self.schema, out=out or self.out, strays=strays)

    def refuse_stray(self, key: Literal["schema", "out"]) -> None:
        """To be called before that folder is used.

        Raises:
            BadConfiguration: pyproject.toml alone names it, and it is outside of the clone.
        """
        if key in self.strays:
            raise BadConfiguration(self.strays[key])


def _is_module_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def read_configuration(start: Path | None = None) -> Configuration:
    """What the nearest pyproject.toml with a `[tool.duologue]` says, from `start` upwards.

    Without one, the defaults. Relative paths in it are seen from its own folder.

    Raises:
        BadConfiguration: it cannot be read, or holds an unknown key or an impossible value.
    """
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            table = _table(file)
            if table is not None:
                return _configuration(table, file, here)
    return Configuration()


def _table(file: Path) -> Mapping[str, object] | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"{file}: {error}") from error
    tool = content.get("tool", {})
    table = cast("dict[str, Any]", tool).get("duologue") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise BadConfiguration(f"{file}: [tool.duologue] must be a table")
    return cast("dict[str, object]", table)


def _configuration(table: Mapping[str, object], file: Path, here: Path) -> Configuration:
    for key in table:
        if key not in KEYS:
            known = ", ".join(KEYS)
            raise BadConfiguration(f"{file}: [tool.duologue] has no key `{key}`; known: {known}")
    standard = Configuration()

    def text(key: str, otherwise: str) -> str:
        value = table.get(key, otherwise)
        if not isinstance(value, str):
            raise BadConfiguration(f"{file}: [tool.duologue] `{key}` must be text, met {value!r}")
        return value

    def folder(key: str, otherwise: Path) -> Path:
        named = text(key, str(otherwise))
        if not named:
            raise BadConfiguration(f"{file}: [tool.duologue] `{key}` must name a folder")
        return Path(os.path.relpath(file.parent / named, here))

    import_root = text("import_root", standard.import_root)
    if import_root and not all(map(_is_module_name, import_root.split("."))):
        raise BadConfiguration(
            f"{file}: [tool.duologue] `import_root` must be a dotted name, met {import_root!r}"
        )
    if import_root in MODULES_NEEDED:
        raise BadConfiguration(
            f"{file}: [tool.duologue] `import_root` is {import_root!r}, which would hide the "
            "module of that name"
        )

    def rules(key: str) -> tuple[str, ...]:
        stated = table.get(key, [])
        listed = cast("list[object]", stated) if isinstance(stated, list) else [None]
        if not all(isinstance(rule, str) for rule in listed):
            raise BadConfiguration(f"{file}: [tool.duologue] `{key}` must be a list of rules")
        return tuple(map(str, listed))

    plugins = tuple(_plugins(table.get("plugins", {}), file, here))
    out = folder("out", standard.out)
    _each_has_its_own_folder(out, plugins, file)
    return Configuration(
        schema=folder("schema", standard.schema),
        out=out,
        import_root=import_root,
        off=rules("off"),
        on=rules("on"),
        breaking=_breaking(table.get("breaking", {}), file, here),
        plugins=plugins,
        strays=dict(_strays(table, file)),
    )


def _strays(table: Mapping[str, object], file: Path) -> Iterator[tuple[str, str]]:
    clone = next((each for each in file.parents if (each / ".git").exists()), file.parent)
    for key in ("schema", "out"):
        named = str(table.get(key, key))
        place = Path(os.path.normpath(file.parent / named))
        # Links that lead to `out` are findings of their own: see `real_places`.
        is_inside = place.is_relative_to(clone) and (
            key == "out" or place.resolve().is_relative_to(clone.resolve())
        )
        if not is_inside:
            yield (
                key,
                f"{file}: [tool.duologue] `{key}` is {named!r}, which is outside of {clone}; if "
                f"that is meant, say so with --{key}",
            )


def _breaking(table: object, file: Path, here: Path) -> dict[str, str]:
    where = f"{file}: [tool.duologue.breaking]"
    if not isinstance(table, dict):
        raise BadConfiguration(f"{where} must be a table")
    found: dict[str, str] = {}
    for key, value in cast("dict[str, object]", table).items():
        if key not in BREAKING_KEYS:
            raise BadConfiguration(f"{where} has no key `{key}`; known: {', '.join(BREAKING_KEYS)}")
        choices = BREAKING_KEYS[key]
        if not isinstance(value, str) or not value or (choices and value not in choices):
            expected = f"one of {', '.join(choices)}" if choices else "text"
            raise BadConfiguration(f"{where} `{key}` must be {expected}, met {value!r}")
        found[key] = value
    beside = file.parent / found.get("against", "")
    if "against" in found and beside.exists():
        # A file or a folder is named as seen from pyproject.toml, all else is no path.
        found["against"] = os.path.relpath(beside, here)
    return found


def _plugins(table: object, file: Path, here: Path) -> Iterator[Plugin]:
    where = f"{file}: [tool.duologue.plugins]"
    if not isinstance(table, dict):
        raise BadConfiguration(f"{where} must be a table of tables")
    for name, stated in cast("dict[str, object]", table).items():
        if not _PLUGIN_NAME.fullmatch(name):
            raise BadConfiguration(f"{where} {name!r} is no name: a-z, 0-9 and - make one")
        yield _plugin(name, stated, file, here)


def _each_has_its_own_folder(out: Path, plugins: Collection[Plugin], file: Path) -> None:
    taken = {out.resolve(): "`out`"}
    for plugin in plugins:
        where = f"{file}: [tool.duologue.plugins.{plugin.name}] `out`"
        holder = taken.setdefault(plugin.out.resolve(), f"plugin {plugin.name}")
        if holder != f"plugin {plugin.name}":
            raise BadConfiguration(f"{where} is the folder of {holder}: name one of its own")


def _plugin(name: str, stated: object, file: Path, here: Path) -> Plugin:
    where = f"{file}: [tool.duologue.plugins.{name}]"
    if not isinstance(stated, dict):
        raise BadConfiguration(f"{where} must be a table")
    table = cast("dict[str, object]", stated)
    for key in table:
        if key not in PLUGIN_KEYS:
            raise BadConfiguration(f"{where} has no key `{key}`; known: {', '.join(PLUGIN_KEYS)}")

    def text(key: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value:
            met = "is missing" if key not in table else f"must be text, met {value!r}"
            raise BadConfiguration(f"{where} `{key}` {met}")
        return value

    def texts(key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        listed = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(each, str) and each for each in listed):
            raise BadConfiguration(f"{where} `{key}` must be a list of texts, met {value!r}")
        return tuple(map(str, listed))

    command = texts("command")
    if not command:
        raise BadConfiguration(f"{where} `command` names no program")
    ending, comment = text("ending"), text("comment")
    if not _ENDING.fullmatch(ending):
        raise BadConfiguration(f"{where} `ending` must be like '.md', met {ending!r}")
    if comment.count("{}") != 1 or not comment.isprintable() or comment.startswith("{}"):
        raise BadConfiguration(
            f"{where} `comment` must be a comment of one line with {{}} for its text, such as "
            f"'// {{}}', met {comment!r}"
        )
    return Plugin(
        name=name,
        command=command,
        folder=file.parent,
        out=Path(os.path.relpath(file.parent / text("out"), here)),
        ending=ending,
        comment=comment,
        reads=texts("reads"),
    )
