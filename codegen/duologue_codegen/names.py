"""Names: their cases, and which of them are taken.

Taken is what a target cannot go around, up to now Python alone. It is part of the language, since a
contract is right or wrong whatever is made from it. Everyday words are free: what generated code
imports for itself gets another name where a contract uses that one.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from typing import Final

MAX_NAME_LENGTH: Final = 64
MAX_WIRE_NAME_LENGTH: Final = 256
"""Characters. Other people's keys are longer than our names."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PASCAL: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")


def is_snake(name: str) -> bool:
    """Whether `name` is written like `sent_at`."""
    return _SNAKE.fullmatch(name) is not None


def is_pascal(name: str) -> bool:
    """Whether `name` is written like `RoomFull`."""
    return _PASCAL.fullmatch(name) is not None


def as_yaml(text: str) -> str:
    """`text` as it stands in a contract: in quotes where YAML would read something else."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


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

KEYWORDS: Final = frozenset(keyword.kwlist)

MODEL_MEMBERS: Final = frozenset(
    {
        "model_computed_fields",
        "model_config",
        "model_construct",
        "model_copy",
        "model_dump",
        "model_dump_json",
        "model_extra",
        "model_fields",
        "model_fields_set",
        "model_json_schema",
        "model_parametrized_name",
        "model_post_init",
        "model_rebuild",
        "model_validate",
        "model_validate_json",
        "model_validate_strings",
    }
)
"""Attributes of pydantic's `BaseModel` that work. Its old ones (`json`, `copy`, …) are free:
`duologue.Model` hides them."""

DIALOGUE_WORDS: Final = frozenset(
    {
        "allow",
        "backoff",
        "before",
        "check_request",
        "cls",
        "connect",
        "contracts",
        "describe",
        "dial",
        "headers",
        "host",
        "hosts",
        "identity",
        "insecure_plaintext",
        "interceptors",
        "known_relays",
        "limits",
        "listen",
        "loopback",
        "observers",
        "of",
        "on_connected",
        "on_peer",
        "open_timeout",
        "options",
        "origins",
        "peer",
        "port",
        "profile",
        "proxy",
        "reconnect",
        "relays",
        "same_contracts",
        "self",
        "serve",
        "sock",
        "spares",
        "ssl",
        "timeout",
        "to",
        "token",
        "unix_path",
        "url",
        "user_agent",
    }
)
"""Arguments and attributes of `duologue.Dialogue`: services in dialogues are not called so."""

METHOD_NAMES: Final = frozenset({"with_options"})
METHOD_PREFIXES: Final = ("on_", "emit_")
"""What generated clients and services define beside the contract's methods."""

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


_PRIVATE: Final = "names that begin with an underscore are private in Python"


def field_name_taken(name: str) -> str | None:
    """Who needs `name`, so that no field can have it; None when it is free."""
    if name.startswith("_"):
        return _PRIVATE
    if name in MODEL_MEMBERS:
        return f"pydantic's models define {_shown(name)}"
    if name == "self":
        return f"Python methods have an argument {_shown(name)}"
    return _keyword(name)


def method_name_taken(name: str) -> str | None:
    """Who needs `name`, so that no method can have it; None when it is free."""
    if name.startswith("_"):
        return _PRIVATE
    for prefix in METHOD_PREFIXES:
        if name.startswith(prefix):
            return f"names that begin with `{prefix}` belong to events"
    if name in METHOD_NAMES:
        return f"generated clients define {_shown(name)}"
    return _keyword(name)


def type_name_taken(name: str) -> str | None:
    """Who needs `name`, so that no type, error or service can have it; None when it is free."""
    return _keyword(name)


def _keyword(name: str) -> str | None:
    return f"{_shown(name)} is a Python keyword" if name in KEYWORDS else None


def _shown(name: str) -> str:
    return f"`{name}`"
