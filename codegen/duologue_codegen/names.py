"""Names: their cases, and which of them are taken.

Taken is what a target needs for itself, up to now Python alone. It is part of the language, since a
contract is right or wrong whatever is made from it.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from typing import Final

MAX_NAME_LENGTH: Final = 64

_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PASCAL: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")


def is_snake(name: str) -> bool:
    """Whether `name` is written like `sent_at`."""
    return _SNAKE.fullmatch(name) is not None


def is_pascal(name: str) -> bool:
    """Whether `name` is written like `RoomFull`."""
    return _PASCAL.fullmatch(name) is not None


def words(name: str) -> list[str]:
    """The words of a name in any case, in lower case: `HTTPError2` gives `http`, `error2`."""
    return [word.lower() for word in _WORD.findall(name)]


def snake(name: str) -> str:
    """`RoomFull` as `room_full`."""
    return "_".join(words(name))


def upper_snake(name: str) -> str:
    """`RoomFull` as `ROOM_FULL`."""
    return snake(name).upper()


def pascal(name: str) -> str:
    """`sent_at` as `SentAt`; what is Pascal already stays as it is: `HTTPError`."""
    if is_pascal(name):
        return name
    return "".join(word[:1].upper() + word[1:] for word in words(name))


# ---- words that are taken ------------------------------------------------------------------------

KEYWORDS: Final = frozenset((*keyword.kwlist, *keyword.softkwlist))

MODEL_MEMBERS: Final = frozenset(
    {
        "construct",
        "copy",
        "dict",
        "fields",
        "from_orm",
        "json",
        "schema",
        "schema_json",
        "update_forward_refs",
        "validate",
    }
)
"""Attributes of pydantic's `BaseModel` that do not begin with `model_` or `parse_`."""

ANNOTATION_NAMES: Final = frozenset(
    {
        "bool",
        "bytes",
        "dict",
        "float",
        "int",
        "list",
        "set",
        "str",
        "type",
    }
)
"""What annotations in the body of a generated class mean something else by.

A field `list: list[int] = []` would turn the `list` of the next annotation into an empty one. What
is imported, such as `time`, gets another name there instead.
"""

CLASS_BODY_NAMES: Final = frozenset({"abstractmethod", "deprecated", "object", "tuple"})
"""What the body of a generated client or service reads besides: a method would hide it."""

PARAM_NAMES: Final = frozenset({"ctx", "items", "out", "params"})
"""Arguments of generated service methods."""

METHOD_NAMES: Final = frozenset({"with_options"})
METHOD_PREFIXES: Final = ("on_", "emit_")
"""What generated clients and services define beside the contract's methods."""

TYPE_NAMES: Final = frozenset(
    {
        "ABC",
        "Annotated",
        "Any",
        "AwareDatetime",
        "BaseModel",
        "CallContext",
        "Client",
        "Codec",
        "ContractError",
        "Decimal",
        "DeclaredError",
        "Field",
        "Final",
        "Int32",
        "Int64",
        "Json",
        "JsonValue",
        "Literal",
        "Model",
        "OpenEnum",
        "OpenUnion",
        "Params",
        "Reply",
        "SafeInt",
        "Service",
        "ServiceContract",
        "StrEnum",
        "TypeAlias",
        "TypeAliasType",
        "UUID",
        "Unary",
        "Unknown",
        "Url",
    }
)
"""What generated modules import. Python's own exceptions and constants are taken as well."""

MODULES_NEEDED: Final = frozenset(
    {
        *sys.stdlib_module_names,
        "annotated_types",
        "duologue",
        "duologue_codegen",
        "msgspec",
        "nacl",
        "pydantic",
        "pydantic_core",
        "rich",
        "typer",
        "typing_extensions",
        "typing_inspection",
        "websockets",
    }
)
"""Modules that generated code and the runtime import, which a package of that name would hide."""

_BUILTIN_CLASSES: Final = frozenset(name for name in dir(builtins) if is_pascal(name))


_PRIVATE: Final = "names that begin with an underscore are private in Python"


def field_name_taken(name: str, *, in_params: bool = False) -> str | None:
    """Who needs `name`, so that no field can have it; None when it is free."""
    if name.startswith("_"):
        return _PRIVATE
    if name.startswith(("model_", "parse_")) or name in MODEL_MEMBERS:
        return f"pydantic's models define {_shown(name)}"
    if in_params and name in PARAM_NAMES:
        return f"service methods have an argument {_shown(name)}"
    return _taken_anywhere(name)


def method_name_taken(name: str) -> str | None:
    """Who needs `name`, so that no method can have it; None when it is free."""
    if name.startswith("_"):
        return _PRIVATE
    for prefix in METHOD_PREFIXES:
        if name.startswith(prefix):
            return f"names that begin with `{prefix}` belong to events"
    if name in METHOD_NAMES:
        return f"generated clients define {_shown(name)}"
    if name in CLASS_BODY_NAMES:
        return f"generated classes need {_shown(name)} for themselves"
    return _taken_anywhere(name)


def _taken_anywhere(name: str) -> str | None:
    if name == "self":
        return f"Python methods have an argument {_shown(name)}"
    if name in KEYWORDS:
        return f"{_shown(name)} is a Python keyword"
    if name in ANNOTATION_NAMES:
        return f"generated code needs {_shown(name)} for its annotations"
    return None


def type_name_taken(name: str) -> str | None:
    """Who needs `name`, so that no type, error or service can have it; None when it is free."""
    if name in _BUILTIN_CLASSES:
        return f"{_shown(name)} is built into Python"
    if name in TYPE_NAMES:
        return f"generated code imports {_shown(name)}"
    return None


def _shown(name: str) -> str:
    return f"`{name}`"
