"""By what one subscribes to events."""

from __future__ import annotations

from typing import Final

from ..diagnostics import Diagnostic, quoted
from ..model import WHOLE_NUMBERS, Contract, EnumType, Field, OptionalOf, Ref, Scalar, ScalarKind
from ..model.walk import events, meaning
from ..spelling import nearest
from .registry import Findings, rule

_PLAIN: Final = frozenset(
    {
        ScalarKind.STRING,
        ScalarKind.BOOL,
        ScalarKind.DATE,
        ScalarKind.UUID,
        ScalarKind.URL,
        *WHOLE_NUMBERS,
    }
)


@rule("event-key-exists")
def event_key_exists(contract: Contract) -> Findings:
    """The key of an event is one of its fields."""
    for _, event in events(contract):
        fields, _ = contract.fields_of(event.payload)
        if event.key is None or event.key.field in fields or _is_unknown(event.payload, contract):
            continue
        meant = nearest(event.key.field, fields)
        hint = f"did you mean {quoted(meant)}?" if meant else _fields_hint(list(fields))
        message = f"{quoted(event.name)} has no field {quoted(event.key.field)}"
        yield Diagnostic("event-key-exists", event.key.at, message, hint)


def _is_unknown(payload: object, contract: Contract) -> bool:
    """Whether the payload is a type that is not there, which another rule tells."""
    return isinstance(payload, Ref) and contract.resolve(payload) is None


def _fields_hint(names: list[str]) -> str:
    return f"its fields: {', '.join(names)}" if names else "it has no fields"


@rule("event-key-plain")
def event_key_plain(contract: Contract) -> Findings:
    """The key of an event is always there, and of a type that everybody writes in one way."""
    for _, event in events(contract):
        fields, home = contract.fields_of(event.payload)
        field = None if event.key is None else fields.get(event.key.field)
        if event.key is None or field is None:
            continue
        name = quoted(field.name)
        if isinstance(field.type, OptionalOf) or field.explicit_presence:
            message = f"{name} may be missing, and {quoted(event.name)} is subscribed to by it"
            hint = "take a field that is always there: no key means all of them"
        elif not _is_plain(field, home):
            message = f"{name} cannot be the key of {quoted(event.name)}"
            hint = "a key is text, a whole number, a truth value, a date, a UUID, a URL or an enum"
        else:
            continue
        yield Diagnostic("event-key-plain", event.key.at, message, hint)


def _is_plain(field: Field, home: Contract) -> bool:
    found = meaning(field.type, home)
    if found is None:
        return True  # there is no such type: another rule tells
    type_, place = found
    if isinstance(type_, Ref):
        return isinstance(place.resolve(type_), EnumType)
    return isinstance(type_, Scalar) and type_.kind in _PLAIN
