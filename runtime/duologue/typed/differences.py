"""In words, what tells two contracts apart. Pure: canonical JSON in, texts out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard, cast

import msgspec

from duologue.protocol.control import Described

MAX_TOLD: Final = 12
"""Differences that are told one by one; of the rest the number."""

_ONLY_FOR_PEOPLE: Final = frozenset({"doc", "examples", "deprecated", "since"})
_HOLD_NAMES: Final = frozenset(
    {"types", "errors", "services", "methods", "events", "fields", "params", "enum", "union"}
)
"""Keys whose value is a mapping by names, which may be called `doc` too."""
_NOT_COMPARED: Final = frozenset({"imports", "duologue"})
"""The digests of what is imported: the contracts themselves are compared."""

_decode: Final = msgspec.json.Decoder().decode


def differences(ours: Described, theirs: Described) -> tuple[str, ...]:
    """What differs on the wire between our contract and the other side's, one thing each.

    Words for people, examples and order do not count. At most `MAX_TOLD`, then how many more.

    Raises:
        msgspec.DecodeError, RecursionError: one of them is no JSON that can be read.
    """
    found = list(_of_packages(ours, theirs))
    if len(found) > MAX_TOLD:
        return (*found[:MAX_TOLD], f"and {len(found) - MAX_TOLD} more")
    return tuple(found)


def _of_packages(ours: Described, theirs: Described) -> Iterator[str]:
    yield from _compare("", _decode(ours.contract), _decode(theirs.contract), by_name=False)
    for name in sorted(ours.imports.keys() & theirs.imports.keys()):
        here, there = _decode(ours.imports[name]), _decode(theirs.imports[name])
        yield from _compare(f"{name}: ", here, there, by_name=False)


def _compare(path: str, ours: Any, theirs: Any, *, by_name: bool) -> Iterator[str]:
    if not (_is_mapping(ours) and _is_mapping(theirs)):
        if ours != theirs:
            yield f"{path} is {_text(ours)} here and {_text(theirs)} there"
        return
    dot = "" if not path or path.endswith(" ") else "."
    for key in sorted(ours.keys() | theirs.keys()):
        if not by_name and key in _ONLY_FOR_PEOPLE:
            continue
        if not path and key in _NOT_COMPARED:
            continue
        inside = f"{path}{dot}{key}"
        if key not in theirs:
            yield f"{inside}{_value_of(ours[key])}: only this side has it"
        elif key not in ours:
            yield f"{inside}{_value_of(theirs[key])}: only the other side has it"
        else:
            holds_names = not by_name and key in _HOLD_NAMES
            yield from _compare(inside, ours[key], theirs[key], by_name=holds_names)


def _value_of(value: Any) -> str:
    """A short value; what is long is told by its name alone."""
    return "" if isinstance(value, dict | list) else f" ({_text(value)})"


def _text(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, dict) and all(isinstance(key, str) for key in cast("Any", value))
