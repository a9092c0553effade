"""Words that mean something to Python, to what generated code stands on, or to its generator."""

import ast
import builtins
import enum
import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import datamodel_code_generator
import pydantic

from duologue.errors import ContractError
from duologue.typed import Client, Service
from duologue.typed.model import Model
from duologue_codegen.names import pascal

_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_OWNERS: Final[tuple[object, ...]] = (
    *(builtins, enum.StrEnum, enum.IntEnum, Model, type(Model), pydantic.BaseModel),
    *(ContractError, Client, Service, str, dict, object),
)
"""Whose attributes a name could hide, or be hidden by."""

_OTHERS: Final = (
    *("self", "cls", "params", "ctx", "items", "out", "peer", "handler", "c", "e", "m", "data"),
    *("abstractmethod", "deprecated", "unimplemented", "annotations", "i2c", "k8s", "utf8mb4"),
    *("models", "client", "service", "errors", "datetime", "date", "time", "timedelta", "uuid"),
    *("decimal", "typing", "pydantic", "duologue", "types", "root", "model", "class_vars"),
)
"""What generated modules call their parts, arguments and imports."""


def _of_the_generator() -> Iterator[str]:
    """Every word in a set or table of datamodel-code-generator's own that decides names."""
    top = Path(datamodel_code_generator.__file__).parent
    for file in (top / "reference.py", top / "types.py", *sorted((top / "model").rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Set(elts=texts):
                    pass
                case ast.Dict(keys=texts):
                    pass
                case _:
                    continue
            yield from (
                text.value
                for text in texts
                if isinstance(text, ast.Constant) and isinstance(text.value, str)
            )


def words() -> list[str]:
    """All of them that could be names of fields, methods and the like, in order."""
    found = {*keyword.kwlist, *keyword.softkwlist, *_OTHERS, *_of_the_generator()}
    for owner in _OWNERS:
        found.update(dir(owner))
    lower = {word.strip("_").lower() for word in found}
    return sorted(word for word in lower if _SNAKE.fullmatch(word) and len(word) <= 40)


def type_words() -> list[str]:
    """The same, as names of types; and what has such a name already."""
    named = {name for owner in (builtins, pydantic) for name in dir(owner)}
    imported = {"ABC", "UUID", "StrEnum", "TypeAliasType", "Unary", "Params", "Reply", "MISSING"}
    found = {pascal(word) for word in words()} | named | imported
    return sorted(word for word in found if re.fullmatch(r"[A-Z][A-Za-z0-9]{0,40}", word))
