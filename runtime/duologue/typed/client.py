"""The base of every generated client."""

from collections.abc import Awaitable
from copy import copy
from typing import Any, ClassVar, ParamSpec, Self, TypeVar

from duologue.errors import DuologueError
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.parcels import Payload
from duologue.typed.contract import (
    Download,
    Duplex,
    Event,
    Method,
    ServiceContract,
    Upload,
    note_package,
)
from duologue.typed.streams import Exchange, Incoming, Outgoing
from duologue.typed.subscriptions import EventHandler, Subscription, subscribe

A = ParamSpec("A")
P = TypeVar("P")
R = TypeVar("R")
E = TypeVar("E")
S = TypeVar("S")
Y = TypeVar("Y")


class Client:
    """Calls one service of the other side. Cheap: make one wherever it is needed.

    A call raises these, and nothing else; runtime/ERRORS.md says what to do about each:

        ContractError       one that the method lists, as its generated class, with its fields
        UnknownError        a declared error that this build's contract does not know
        InvalidParams       the params do not fit the contract, here or there; nothing ran
        InvalidResult       what came does not fit the contract
        Unimplemented       the other side does not offer the method; says what it offers
        InternalError       the handler failed otherwise; `.incident` finds it in its log
        Unauthorised        the other side refuses this caller
        Cancelled           the other side gave the call up
        GoingAway           the other side is ending; nothing ran
        DeadlineExceeded    no answer in time; it may have run
        StreamFailed        a stream was broken off; raised where it is read
        ConnectionClosed    no answer can come; `.sent` tells whether the request had left
        LimitExceeded       a bound was met; `.limit` names it
        RefusedValue        a param has no form on the wire; nothing was sent
        ContractMismatch    with `contracts="same"`: the other side has another contract
        ProtocolError       the answer cannot be read
    """

    __contract__: ClassVar[ServiceContract]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        note_package(cls)

    def __init__(self, peer: WebsocketPromisifier, *, timeout: float | None = None) -> None:
        self._peer = peer
        self._options = _options(timeout)

    def with_options(self, *, timeout: float | None) -> Self:
        """The same client with another deadline for its calls, in seconds.

        None is the contract's own; `math.inf` is no deadline.
        """
        client = copy(self)
        client._options = _options(timeout)
        return client

    # Underscores: a contract may have a parameter `args` or `kwargs`, but no name that begins so.
    def _unary(
        self, method: Method[A, P, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Awaitable[R]:
        peer, params = self._peer, method.params
        has_bytes = method.has_bytes
        if has_bytes is None:
            has_bytes = method.look_for_bytes()
        encoded: Payload
        try:
            if has_bytes and peer.takes_parts_of(self.__contract__):
                encoded = params.encode_with_parts(method.full_name, _args, _kwargs)
            else:
                encoded = params.encode(method.full_name, _args, _kwargs)
        except DuologueError as error:
            error.foreign = True
            raise
        options = self._options
        return peer.start_call(
            method, encoded, method, method.options if options is None else options
        )

    def _download(
        self, method: Download[A, P, Y, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Incoming[Y, R]:
        return Incoming(self._peer, method, *self._prepared(method, _args, _kwargs))

    def _upload(
        self, method: Upload[A, P, S, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Outgoing[S, R]:
        return Outgoing(self._peer, method, *self._prepared(method, _args, _kwargs))

    def _duplex(
        self, method: Duplex[A, P, S, Y, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Exchange[S, Y, R]:
        return Exchange(self._peer, method, *self._prepared(method, _args, _kwargs))

    def _prepared(
        self, method: Method[..., Any, Any], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[Payload, CallOptions]:
        method.look_for_bytes()
        try:
            # Without parts: when the request leaves, the other side may have become another one.
            encoded = method.params.encode(method.full_name, args, kwargs)
        except DuologueError as error:
            error.foreign = True
            raise
        return encoded, method.options if self._options is None else self._options

    def _given(self, method: Method[..., P, R], /, *_args: P, **_kwargs: object) -> Awaitable[R]:
        """As `_unary`, where the params may also be one object."""
        return self._unary(method, *_args, **_kwargs)

    def _given_download(
        self, method: Download[..., P, Y, R], /, *_args: P, **_kwargs: object
    ) -> Incoming[Y, R]:
        return self._download(method, *_args, **_kwargs)

    def _given_upload(
        self, method: Upload[..., P, S, R], /, *_args: P, **_kwargs: object
    ) -> Outgoing[S, R]:
        return self._upload(method, *_args, **_kwargs)

    def _given_duplex(
        self, method: Duplex[..., P, S, Y, R], /, *_args: P, **_kwargs: object
    ) -> Exchange[S, Y, R]:
        return self._duplex(method, *_args, **_kwargs)

    def _on(
        self,
        event: Event[..., E],
        handler: EventHandler[E] | None,
        *,
        key: object = None,
        replay: int = 0,
    ) -> Subscription[E]:
        encoded = None if key is None else event.encode_key(key)
        return subscribe(self._peer, event, handler, key=encoded, replay=replay)


def _options(timeout: float | None) -> CallOptions | None:
    if timeout is None:
        return None
    if not timeout > 0:
        raise ValueError(f"timeout must be above 0 seconds but is {timeout!r}")
    return CallOptions(timeout)
