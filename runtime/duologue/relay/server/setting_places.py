"""Where a setting of a relay stands: the line of the file, the variable, or the flag."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, Final, cast, get_args

from pydantic import BaseModel

_HEADER: Final = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")
_KEY: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*="""
)

Path = tuple[str, ...]
"""Names of tables, and of a setting in the last of them."""


_OWN_FLAGS: Final[Mapping[Path, str]] = {
    ("names",): "--name",
    ("access", "allow_file"): "--allow-file",
    ("access", "token_file"): "--token-file",
    ("tls", "certificate_file"): "--tls-certificate",
    ("tls", "key_file"): "--tls-key",
}


def flag_of(path: Path) -> str:
    """The flag of the command line that sets a setting."""
    return _OWN_FLAGS.get(path) or f"--{'-'.join(path).replace('_', '-')}"


def line_of(path: Path, toml: str) -> int | None:
    """The line, from 1, on which `path` is set in a TOML file, or its table begins."""
    table: Path = ()
    begins: int | None = None
    for number, line in enumerate(toml.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header is not None:
            table = _names(header[1])
            if path[: len(table)] == table and begins is None:
                begins = number
            continue
        key = _KEY.match(line)
        if key is None:
            continue
        full = (*table, *_names(key[1]))
        if full == path[: len(full)]:
            return number
    return begins


def place_of(
    path: Path,
    *,
    flags: Mapping[str, Any],
    variables: Mapping[Path, str],
    file: tuple[str, str] | None,
) -> str:
    """What to look at for a setting: the last of those that set it; empty where nothing does.

    `variables` are names of environment variables by path, `file` is name and contents.
    """
    if _is_in(path, flags):
        return flag_of(path)
    if path in variables:
        return variables[path]
    line = None if file is None else line_of(path, file[1])
    return "" if file is None or line is None else f"{file[0]}:{line}"


def unknown_setting(path: Path, model: type[BaseModel]) -> str:
    """What to say of a name that is no setting of its table, below `model`."""
    known = _settings_in(model)
    for name in path[:-1]:
        known = _settings_below(known.get(name))
    near = get_close_matches(path[-1], known, n=1)
    return "there is no such setting" + (f"; did you mean {near[0]}?" if near else "")


def as_toml(settings: Mapping[str, Any]) -> str:
    """Settings as a TOML file; what is None is left out, as TOML has no such thing."""
    lines = list(_toml_lines(settings, ()))
    return "\n".join(lines).strip() + "\n"


def _toml_lines(table: Mapping[str, Any], path: Path) -> Sequence[str]:
    values = {name: value for name, value in table.items() if value is not None}
    tables = {
        name: cast("Mapping[str, Any]", value)
        for name, value in values.items()
        if isinstance(value, Mapping)
    }
    # JSON's texts, numbers, truth values and lists are TOML's, too.
    lines = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
        if name not in tables
    ]
    if path and lines:
        lines.insert(0, f"\n[{'.'.join(path)}]")
    for name, value in tables.items():
        lines += _toml_lines(value, (*path, name))
    return lines


def _names(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _is_in(path: Path, settings: Mapping[str, Any]) -> bool:
    inner: object = settings
    for name in path:
        if not isinstance(inner, Mapping) or name not in inner:
            return False
        inner = cast("Mapping[str, object]", inner)[name]
    return True


def _settings_in(table: type[Any]) -> Mapping[str, object]:
    """The types of all settings of a table, which is a model or a dataclass."""
    if issubclass(table, BaseModel):
        return {name: field.annotation for name, field in table.model_fields.items()}
    return {field.name: field.type for field in fields(cast(Any, table))}


def _settings_below(annotation: object) -> Mapping[str, object]:
    """Those of the table that a setting of this type is; none, if it is no table."""
    candidates: tuple[Any, ...] = (annotation, *get_args(annotation))
    for each in candidates:
        if isinstance(each, type):
            table = cast("type[Any]", each)
            if issubclass(table, BaseModel) or is_dataclass(table):
                return _settings_in(table)
    return {}
