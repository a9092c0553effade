"""How a method is called at the one side, and what it is given at the other."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import Method, StreamKind, StreamOf, TypeExpr
from .annotations import Speller, Spellers, Style

_STREAM_CLASSES = {
    StreamKind.BYTES: ("ByteStream",),
    StreamKind.TEXT: ("TextStream",),
    StreamKind.ANY: ("ByteStream", "TextStream"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The shape of a method, which follows from whether its caller sends items, and gets some."""

    constructor: str
    """What the contract makes the method with: `Unary`, `Download`, `Upload`, `Duplex`."""
    client_def: str
    """`async def`; `def` where the call has items, and begins when it is entered."""
    client_call: str
    """What the client does: `await self._unary`."""
    client_given: str
    """The same where the params may also be one object."""
    client_returns: str
    """`Member`, `Incoming[Message, HistoryEnd]`."""
    service_params: tuple[str, ...]
    """What the service is given: `params: RoomsJoinParams`, `ctx: CallContext`."""
    service_returns: str
    """`Reply[Member]`, `AsyncIterator[Message]`."""
    is_generator: bool
    """Whether the service's method is an async generator: it yields, and has no result."""


def signature(method: Method, params_class: str | None, spellers: Spellers) -> Signature:
    """That of `method`, whose service gets a `params_class`; None without params."""
    constructor, client_call, client_given, client_class = _SHAPES[
        method.sends is not None, method.yields is not None
    ]
    client_returns = _result(method.returns, spellers.client)
    if client_class is not None:
        carried = [
            spellers.client.spell(item, Style.PLAIN)
            for item in (method.sends, method.yields)
            if item is not None
        ]
        of = spellers.client.need("duologue.typed", client_class)
        client_returns = f"{of}[{', '.join([*carried, client_returns])}]"
    return Signature(
        constructor=spellers.contract.need("duologue.typed", constructor),
        client_def="def" if method.has_items else "async def",
        client_call=client_call,
        client_given=client_given,
        client_returns=client_returns,
        service_params=_service_params(method, params_class, spellers.service),
        service_returns=_service_returns(method, spellers.service),
        is_generator=_is_generator(method),
    )


_SHAPES = {
    (False, False): ("Unary", "await self._unary", "await self._given", None),
    (False, True): ("Download", "self._download", "self._given_download", "Incoming"),
    (True, False): ("Upload", "self._upload", "self._given_upload", "Outgoing"),
    (True, True): ("Duplex", "self._duplex", "self._given_duplex", "Exchange"),
}
"""By whether it sends and yields: the contract's class, the client's methods, what they give."""


def _is_generator(method: Method) -> bool:
    return method.yields is not None and method.returns is None


def _service_params(method: Method, params_class: str | None, speller: Speller) -> tuple[str, ...]:
    params = [] if params_class is None else [f"params: {params_class}"]
    if method.sends is not None:
        params.append(f"items: {_iterator(method.sends, speller)}")
    if method.yields is not None and not _is_generator(method):
        # An async generator has no result: the items have another way out.
        sender = speller.need("duologue.typed", "Sender")
        params.append(f"out: {sender}[{speller.spell(method.yields, Style.PLAIN)}]")
    return (*params, f"ctx: {speller.need('duologue', 'CallContext')}")


def _service_returns(method: Method, speller: Speller) -> str:
    if method.yields is not None and _is_generator(method):
        return _iterator(method.yields, speller)
    result = _result(method.returns, speller)
    if method.has_items:
        return f"{speller.need('collections.abc', 'Awaitable')}[{result}]"
    return f"{speller.need('duologue.typed', 'Reply')}[{result}]"


def _iterator(item: TypeExpr, speller: Speller) -> str:
    iterator = speller.need("collections.abc", "AsyncIterator")
    return f"{iterator}[{speller.spell(item, Style.PLAIN)}]"


def _result(returns: TypeExpr | StreamOf | None, speller: Speller) -> str:
    match returns:
        case None:
            return "None"
        case StreamOf(kind=kind):
            return " | ".join(speller.need("duologue", each) for each in _STREAM_CLASSES[kind])
        case _:
            return speller.spell(returns, Style.PLAIN)
