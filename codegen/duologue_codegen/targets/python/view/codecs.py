"""How `_contract.py` says of what type results and items are: `Codec(m.Member)`."""

from __future__ import annotations

from ....model import (
    Contract,
    ObjectType,
    Ref,
    Scalar,
    ScalarKind,
    StreamKind,
    StreamOf,
    TypeExpr,
)
from .annotations import Speller, Style

_CLASSES = frozenset(
    {
        ScalarKind.STRING,
        ScalarKind.FLOAT,
        ScalarKind.BOOL,
        ScalarKind.BYTES,
        ScalarKind.DATE,
        ScalarKind.TIME,
        ScalarKind.DURATION,
        ScalarKind.UUID,
        ScalarKind.DECIMAL,
    }
)
"""Scalars that Python has a class of its own for, without constraints."""

_STREAM_CODECS = {
    StreamKind.BYTES: "BYTE_STREAM",
    StreamKind.TEXT: "TEXT_STREAM",
    StreamKind.ANY: "ANY_STREAM",
}


def result_codec(returns: TypeExpr | StreamOf | None, contract: Contract, speller: Speller) -> str:
    """Of what a method returns."""
    match returns:
        case None:
            return speller.need("duologue.typed", "NOTHING")
        case StreamOf(kind=kind):
            return speller.need("duologue.typed", _STREAM_CODECS[kind])
        case _:
            return codec_of(returns, contract, speller)


def item_codec(item: TypeExpr | None, contract: Contract, speller: Speller) -> str | None:
    """Of one item; None without items. Items that are bytes travel as they are, not in JSON."""
    match item:
        case None:
            return None
        case Scalar(kind=ScalarKind.BYTES):
            return speller.need("duologue.typed", "BYTE_ITEMS")
        case _:
            return codec_of(item, contract, speller)


def codec_of(expression: TypeExpr, home: Contract, speller: Speller) -> str:
    """Of a value of `expression`, which was written in `home`."""
    form = speller.spell(expression, Style.VALUE, home=home)
    codec = speller.need("duologue.typed", "Codec")
    if _is_class(expression, home):
        return f"{codec}({form})"
    return f"{codec}[{speller.spell(expression, Style.PLAIN, home=home)}]({form})"


def _is_class(expression: TypeExpr, contract: Contract) -> bool:
    """Whether Python has a class for it, from which type checkers infer the codec's type."""
    match expression:
        case Ref() as ref:
            return isinstance(contract.resolve(ref), ObjectType)
        case Scalar(kind=kind):
            return kind in _CLASSES
        case _:
            return False
