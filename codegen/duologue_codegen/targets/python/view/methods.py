"""What stands of each method in client.py, service.py and _contract.py."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import (
    Contract,
    InlineParams,
    Method,
    ObjectType,
    Ref,
    Scalar,
    ScalarKind,
    Service,
    StreamKind,
    StreamOf,
    TypeExpr,
)
from .annotations import Speller, Spellers, Style
from .fields import Keyword, keywords_of
from .wording import class_prefix, constant, literal

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

_STREAM_CLASSES = {
    StreamKind.BYTES: ("ByteStream",),
    StreamKind.TEXT: ("TextStream",),
    StreamKind.ANY: ("ByteStream", "TextStream"),
}
_STREAM_CODECS = {
    StreamKind.BYTES: "BYTE_STREAM",
    StreamKind.TEXT: "TEXT_STREAM",
    StreamKind.ANY: "ANY_STREAM",
}


@dataclass(frozen=True, slots=True)
class Raised:
    """A declared error, as a docstring lists it."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneObject:
    """Params that are a type with a name: a caller may have one already."""

    type: str
    overload: str
    """What client.py calls `typing.overload`."""
    any: str
    """What it calls `typing.Any`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    """One method, for every file that knows it."""

    name: str
    full_name: str
    """`Rooms.join`."""
    constant: str
    id: int
    doc: str
    deprecated: str | None
    """The text."""
    deprecated_literal: str | None
    """The text, quoted."""
    since: str | None
    keywords: tuple[Keyword, ...]
    one_object: OneObject | None
    """What the client also takes instead of keywords; None without such a type."""
    params: str
    """Of the contract: `Params(m.RoomsJoinParams)`."""
    params_class: str | None
    """What the service gets; None without params."""
    returns: str
    """In signatures."""
    codec: str
    errors: tuple[str, ...]
    """Constants of the contract."""
    raises: tuple[Raised, ...]
    effect: str | None
    """Quoted; None when it is the usual one."""
    timeout: str | None
    """Seconds."""
    error_alias: str
    error_tuple: str


def method_view(
    service: Service, method: Method, contract: Contract, spellers: Spellers
) -> MethodView:
    """`method` of `service`, which `contract` states."""
    returns = _result(method.returns, spellers.client)
    _result(method.returns, spellers.service)  # which needs the same imported
    errors = contract.errors_of(service, method)
    prefix = class_prefix(service, method)
    return MethodView(
        name=method.name,
        full_name=f"{service.name}.{method.name}",
        constant=constant(service.name, method.name),
        id=method.id,
        doc=method.doc,
        deprecated=method.deprecated,
        deprecated_literal=None if method.deprecated is None else literal(method.deprecated),
        since=method.since,
        keywords=keywords_of(method.params, contract, spellers.client),
        one_object=_one_object(method, spellers.client),
        params=_params(service, method, spellers.contract),
        params_class=_params_class(service, method, spellers.service),
        returns=returns,
        codec=_codec(method, contract, spellers.contract),
        errors=tuple(constant(error.name) for error in errors),
        raises=tuple(Raised(error.name, error.doc) for error in errors),
        effect=None if method.effect == "write" else literal(method.effect),
        timeout=None if method.timeout_s is None else literal(float(method.timeout_s)),
        error_alias=f"{prefix}Error",
        error_tuple=f"{constant(service.name, method.name)}_ERRORS",
    )


def _one_object(method: Method, speller: Speller) -> OneObject | None:
    if not isinstance(method.params, Ref):
        return None
    return OneObject(
        type=speller.name(method.params),
        overload=speller.need("typing", "overload"),
        any=speller.need("typing", "Any"),
    )


def _params_class(service: Service, method: Method, speller: Speller) -> str | None:
    match method.params:
        case None:
            return None
        case InlineParams():
            return speller.own(f"{class_prefix(service, method)}Params")
        case Ref() as ref:
            return speller.name(ref)


def _params(service: Service, method: Method, speller: Speller) -> str:
    params_class = _params_class(service, method, speller)
    if params_class is None:
        return speller.need("duologue.typed", "NO_PARAMS")
    maker = "PositionalParams" if method.positional else "Params"
    return f"{speller.need('duologue.typed', maker)}({params_class})"


def _codec(method: Method, contract: Contract, speller: Speller) -> str:
    returns = method.returns
    if returns is None:
        return speller.need("duologue.typed", "NOTHING")
    if isinstance(returns, StreamOf):
        return speller.need("duologue.typed", _STREAM_CODECS[returns.kind])
    form, codec = speller.spell(returns, Style.VALUE), speller.need("duologue.typed", "Codec")
    if _is_class(returns, contract):
        return f"{codec}({form})"
    return f"{codec}[{speller.spell(returns, Style.PLAIN)}]({form})"


def _is_class(expression: TypeExpr, contract: Contract) -> bool:
    """Whether Python has a class for it, from which type checkers infer the codec's type."""
    match expression:
        case Ref() as ref:
            return isinstance(contract.resolve(ref), ObjectType)
        case Scalar(kind=kind):
            return kind in _CLASSES
        case _:
            return False


def _result(returns: TypeExpr | StreamOf | None, speller: Speller) -> str:
    match returns:
        case None:
            return "None"
        case StreamOf(kind=kind):
            return " | ".join(speller.need("duologue", each) for each in _STREAM_CLASSES[kind])
        case _:
            return speller.spell(returns, Style.PLAIN)
