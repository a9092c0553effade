"""What stands of each declared error in errors.py and _contract.py."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import (
    Contract,
    ErrorDef,
    Field,
    OneOf,
    Ref,
    Scalar,
    ScalarKind,
    SchemaType,
    TextOf,
    TypeExpr,
)
from ....model.walk import meaning
from .annotations import Speller, Spellers
from .fields import Keyword, keyword
from .wording import constant, literal, with_deprecation


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorView:
    """One declared error."""

    name: str
    constant: str
    code: str
    """Quoted."""
    retry: str | None
    """Quoted; None when it is the usual one."""
    data_class: str | None
    """What carries its fields; None without fields."""
    codec: str
    keywords: tuple[Keyword, ...]
    message: str | None
    """A string literal, with an `f` in front where fields stand in it; None without a message."""
    doc: str


def error_view(error: ErrorDef, contract: Contract, spellers: Spellers) -> ErrorView:
    """`error`, which `contract` declares."""
    data_class = f"{error.name}Data" if error.fields else None
    return ErrorView(
        name=error.name,
        constant=constant(error.name),
        code=literal(error.code),
        retry=None if error.retry == "never" else literal(error.retry),
        data_class=None if data_class is None else spellers.errors.own(data_class),
        codec=_codec(data_class, spellers.contract),
        keywords=tuple(
            keyword(field, contract, spellers.errors) for field in error.fields.values()
        ),
        message=message_literal(error, contract),
        doc=with_deprecation(error.doc, error.deprecated),
    )


def _codec(data_class: str | None, speller: Speller) -> str:
    if data_class is None:
        return speller.need("duologue.typed", "NOTHING")
    return f"{speller.need('duologue.typed', 'Codec')}({speller.own(data_class)})"


def message_literal(error: ErrorDef, contract: Contract) -> str | None:
    """The message of an error, which `contract` declares, as a Python string over `self.data`."""
    if error.message is None:
        return None
    has_fields = any(not isinstance(part, str) for part in error.message.parts)
    pieces = [
        _inside_quotes(part, in_f_string=has_fields)
        if isinstance(part, str)
        else f"{{{_read(error.fields[part.name], contract)}}}"
        for part in error.message.parts
    ]
    return f'{"f" if has_fields else ""}"{"".join(pieces)}"'


def _read(field: Field, contract: Contract) -> str:
    """The value of a field of `self.data`, to stand in an f-string with double quotes."""
    # A deprecated attribute warns whoever reads it. The message is no user of it.
    value = f"self.data.{field.name}"
    if field.deprecated is not None:
        value = f"vars(self.data)['{field.name}']"
    # What bytes look like in a text must be said: type checkers and `python -bb` want it.
    return f"{value}!r" if _may_be_bytes(field.type, contract) else value


def _may_be_bytes(expression: TypeExpr, contract: Contract) -> bool:
    found, home = meaning(expression, contract) or (expression, contract)
    match found:
        case Ref():
            named = home.resolve(found)
            return isinstance(named, SchemaType) and named.is_bytes
        case OneOf(forms=forms):
            return any(_may_be_bytes(form, home) for form in forms)
        case TextOf(of=inner):
            return _may_be_bytes(inner, home)
        case Scalar(kind=kind):
            return kind is ScalarKind.BYTES
        case _:
            return False


def _inside_quotes(text: str, *, in_f_string: bool) -> str:
    """`text` between double quotes."""
    # repr() of a text with a single quote in front keeps to single quotes outside.
    escaped = repr(f'"{text}')[2:-1].replace("\\'", "'").replace('"', '\\"')
    return escaped.replace("{", "{{").replace("}", "}}") if in_f_string else escaped
