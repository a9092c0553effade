"""The alternatives of `A or B` are told apart: in JSON by their kind, in Python by their class."""

from __future__ import annotations

from typing import Final

from ..diagnostics import Diagnostic, Related, quoted
from ..model import (
    NUMBERS_IN_JSON,
    WHOLE_NUMBERS,
    Contract,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    SchemaType,
    TextOf,
    TypeExpr,
)
from ..model.canonical import expression_text
from ..model.json_kinds import JsonKind, json_kind
from ..model.walk import expressions, meaning, parts
from .registry import Findings, rule

_INTEGERS_AS_TEXT: Final = WHOLE_NUMBERS - NUMBERS_IN_JSON
"""Text in JSON and a number in Python."""


@rule("alternatives-differ")
def alternatives_differ(contract: Contract) -> Findings:
    """The alternatives of `A or B` are of different kinds in JSON, such as a text and a number."""
    for expression in expressions(contract):
        for part in parts(expression):
            if isinstance(part, OneOf):
                yield from _undivided(part, contract)


def _undivided(one_of: OneOf, contract: Contract) -> Findings:
    first: dict[JsonKind, TypeExpr] = {}
    for form in one_of.forms:
        kind = json_kind(form, contract)
        shown = quoted(expression_text(form))
        means = _meaning(form, contract)
        if means is None:
            continue  # another rule reports it
        if isinstance(means, TextOf):
            message = f"{shown} is no alternative: what is in the text cannot be told from the rest"
            yield _finding(form, message, "put it into an object")
        elif kind is None:
            message = f"{shown} is no alternative: it is not of one kind in JSON"
            yield _finding(form, message, _hint(means))
        elif (other := first.setdefault(kind, form)) is not form:
            message = (
                f"{shown} and {quoted(expression_text(other))} are both {_PLURAL[kind]} in JSON"
            )
            hint = "nothing would tell them apart: leave one of the two out"
            if kind is JsonKind.OBJECT:
                hint = "nothing would tell them apart: make a union of them, which has a tag"
            related = Related(other.at, "the other one")
            yield Diagnostic("alternatives-differ", form.at, message, hint, related=related)
    text, number = first.get(JsonKind.STRING), first.get(JsonKind.NUMBER)
    if text is not None and number is not None:
        yield from _text_or_number(text, contract)


_PLURAL: Final = {
    JsonKind.STRING: "text",
    JsonKind.NUMBER: "numbers",
    JsonKind.BOOLEAN: "truth values",
    JsonKind.ARRAY: "lists",
    JsonKind.OBJECT: "objects",
}


def _text_or_number(text: TypeExpr, contract: Contract) -> Findings:
    means, home = meaning(text, contract) or (text, contract)
    kind = means.kind if isinstance(means, Scalar) else None
    named = home.resolve(means) if isinstance(means, Ref) else None
    if kind in _INTEGERS_AS_TEXT:
        message = f"{quoted(expression_text(text))} beside a number: both are an int in Python"
        yield _finding(text, message, "write `string`, or leave the number out")
    elif kind is ScalarKind.BYTES or (isinstance(named, SchemaType) and named.is_bytes):
        message = f"{quoted(expression_text(text))} beside a number"
        hint = "long bytes travel beside the JSON, with a number in their place (PROTOCOL 12)"
        yield _finding(text, message, hint)


def _meaning(form: TypeExpr, contract: Contract) -> TypeExpr | None:
    if isinstance(form, OptionalOf):
        return form
    found = meaning(form, contract)
    return None if found is None else _known(found)


def _known(found: tuple[TypeExpr, Contract]) -> TypeExpr | None:
    type_, home = found
    return None if isinstance(type_, Ref) and home.resolve(type_) is None else type_


def _hint(means: TypeExpr) -> str:
    match means:
        case Scalar(kind=ScalarKind.JSON):
            return "`json` alone is any value"
        case OneOf():
            return "write its alternatives here"
        case _:
            return "an alternative is a scalar, an enum, an object, a union, a list or a map"


def _finding(form: TypeExpr, message: str, hint: str) -> Diagnostic:
    return Diagnostic("alternatives-differ", form.at, message, hint)
