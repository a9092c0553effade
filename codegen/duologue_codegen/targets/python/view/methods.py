"""What stands of each method in client.py, service.py and _contract.py."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import Contract, InlineParams, Method, Ref, Service
from .annotations import Speller, Spellers
from .codecs import item_codec, result_codec
from .fields import Keyword, keywords_of
from .inline_classes import params_class
from .signatures import Signature, signature
from .wording import class_prefix, constant, literal


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
    signature: Signature
    sends: str | None
    """Of the contract, as the two below: the codec of an item; None without items."""
    yields: str | None
    returns: str
    errors: tuple[str, ...]
    """Constants of the contract."""
    raises: tuple[Raised, ...]
    cancel: str | None
    """Quoted; None when a call may be stopped."""
    effect: str | None
    """Quoted; None when it is the usual one."""
    timeout: str | None
    """Seconds."""
    idle_timeout: str | None
    """Seconds."""
    error_alias: str
    error_tuple: str


def method_view(
    service: Service, method: Method, contract: Contract, spellers: Spellers
) -> MethodView:
    """`method` of `service`, which `contract` states."""
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
        signature=signature(method, _params_class(service, method, spellers.service), spellers),
        sends=item_codec(method.sends, contract, spellers.contract),
        yields=item_codec(method.yields, contract, spellers.contract),
        returns=result_codec(method.returns, contract, spellers.contract),
        errors=tuple(constant(error.name) for error in errors),
        raises=tuple(Raised(error.name, error.doc) for error in errors),
        cancel=literal("ignore") if method.ignores_cancel else None,
        effect=None if method.effect == "write" else literal(method.effect),
        timeout=_seconds(method.timeout_s),
        idle_timeout=_seconds(method.idle_timeout_s),
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
            return speller.own(params_class(service, method))
        case Ref() as ref:
            return speller.name(ref)


def _params(service: Service, method: Method, speller: Speller) -> str:
    params_class = _params_class(service, method, speller)
    if params_class is None:
        return speller.need("duologue.typed", "NO_PARAMS")
    maker = "PositionalParams" if method.positional else "Params"
    return f"{speller.need('duologue.typed', maker)}({params_class})"


def _seconds(time_s: float | None) -> str | None:
    return None if time_s is None else literal(float(time_s))
