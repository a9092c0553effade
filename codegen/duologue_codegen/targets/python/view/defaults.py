"""What a field is when nobody gives it: values of a contract as Python expressions."""

from __future__ import annotations

from datetime import datetime, time
from typing import Final

from ....model import (
    Contract,
    EnumType,
    Field,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    TypeExpr,
)
from ....model.json_kinds import form_for
from ....model.walk import meaning
from ....text.tree import Node
from ....values.scalars import bytes_of_base64, duration_of
from .annotations import Speller
from .models import Default
from .wording import enum_member, literal


def default_of(field: Field, home: Contract, speller: Speller) -> Default | None:
    """What `field`, written in `home`, is when it is not given. None: it must be given, or may
    be absent."""
    if field.default is None:
        optional = isinstance(field.type, OptionalOf) and not field.explicit_presence
        return Default(data=None, text="None") if optional else None
    return _value(field.default, field.type, home, speller)


def _value(node: Node, type_: TypeExpr, home: Contract, speller: Speller) -> Default:
    """`node`, a value of `type_`, which was written in `home`."""
    found, home = meaning(type_, home) or (type_, home)
    match found:
        case Scalar(kind=kind):
            return Default(data=node.data, text=scalar_text(node, kind, speller))
        case OneOf() if (form := form_for(node, found, home)) is not None:
            return _value(node, form, home, speller)
        case Ref():
            enum = home.resolve(found)
            if isinstance(enum, EnumType):
                for value in enum.values.values():
                    if value.value == node.data:
                        name = speller.name(found, home=home)
                        text = f"{name}.{enum_member(value.name)}"
                        return Default(data=node.data, text=text, enum=name)
        case _:
            pass
    return Default(data=node.data, text=literal(node.data))


_FROM_ISO: Final = {
    ScalarKind.DATETIME: "datetime",
    ScalarKind.DATE: "date",
    ScalarKind.TIME: "time",
}


def scalar_text(node: Node, kind: ScalarKind, speller: Speller) -> str:
    """A scalar, written as in JSON, as Python."""
    data = node.data
    if kind is ScalarKind.FLOAT and isinstance(data, int):
        return literal(float(data))
    if not isinstance(data, str):
        return literal(data)
    match kind:
        case ScalarKind.INT64 | ScalarKind.UINT64:
            return literal(int(data))
        case ScalarKind.BYTES:
            return repr(bytes_of_base64(data) or b"")
        case ScalarKind.DECIMAL:
            return f"{speller.need('decimal', 'Decimal')}({literal(data)})"
        case ScalarKind.UUID:
            return f"{speller.need('uuid', 'UUID')}({literal(data)})"
        case ScalarKind.DATETIME | ScalarKind.DATE | ScalarKind.TIME:
            class_ = speller.need("datetime", _FROM_ISO[kind])
            return f"{class_}.fromisoformat({literal(_iso(data, kind))})"
        case ScalarKind.DURATION:
            duration = duration_of(data)
            class_ = speller.need("datetime", "timedelta")
            parts = {
                "days": 0 if duration is None else duration.days,
                "seconds": 0 if duration is None else duration.seconds,
                "microseconds": 0 if duration is None else duration.microseconds,
            }
            stated = ", ".join(f"{name}={value}" for name, value in parts.items() if value)
            return f"{class_}({stated})"
        case _:
            return literal(data)


def _iso(text: str, kind: ScalarKind) -> str:
    """The one spelling that Python writes itself."""
    match kind:
        case ScalarKind.DATETIME:
            return datetime.fromisoformat(text.upper()).isoformat()
        case ScalarKind.TIME:
            return time.fromisoformat(text.upper()).isoformat()
        case _:
            return text
