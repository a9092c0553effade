"""The base of every generated client."""

from collections.abc import Awaitable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, ClassVar, Final, ParamSpec, Self, TypeVar

import msgspec

from duologue.arguments import check_kind, check_objects, check_seconds, check_text_mapping
from duologue.errors import DuologueError
from duologue.promisifier.own_call import CallOptions, call_options
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.call_fields import own_meta_fault
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
from duologue.typed.intercepted_stream import options_with
from duologue.typed.interceptors import Interceptor, Invocation, call_through, interceptors_of
from duologue.typed.introduction import introduced
from duologue.typed.streams import Exchange, Incoming, Outgoing
from duologue.typed.subscriptions import EventHandler, Subscription, subscribe

A = ParamSpec("A")
P = TypeVar("P")
R = TypeVar("R")
E = TypeVar("E")
S = TypeVar("S")
Y = TypeVar("Y")


class Kept(Enum):
    """What is not given, and so stays as it is."""

    KEPT = auto()


KEPT: Final = Kept.KEPT

_PEER_HINT: Final = "what `async with connect(...) as peer` gives, or a handler's ctx.peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a client's owner wants of its calls; None: nothing in particular."""

    timeout: float | None = None
    meta: Mapping[str, str] | None = None
    answer_meta: dict[str, str] | None = None

    def options(self) -> CallOptions | None:
        """The same for the runtime; None if there is nothing to wish. Raises as `with_options`."""
        if self.timeout is not None:
            check_seconds("timeout=", self.timeout)
        if self.meta is not None:
            check_text_mapping("meta=", self.meta)
        if self == Wishes():
            return None
        fault = own_meta_fault(self.meta or {})
        if fault is not None:
            raise ValueError(fault)
        return call_options(self.timeout, self.meta, self.answer_meta)


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

    def __init__(
        self,
        peer: WebsocketPromisifier,
        *,
        timeout: float | None = None,
        meta: Mapping[str, str] | None = None,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        """As in `with_options`, also what is raised."""
        check_kind(type(self).__name__, peer, WebsocketPromisifier, "a peer", _PEER_HINT)
        self._peer = peer
        if interceptors != ():
            check_objects("interceptors=", interceptors, Interceptor)
        self._interceptors = tuple(interceptors)
        self._wishes = Wishes()
        self._options: CallOptions | None = None
        if timeout is not None or meta is not None:
            self._wish(Wishes(timeout=timeout, meta=meta))

    def with_options(
        self,
        *,
        timeout: float | Kept | None = KEPT,
        meta: Mapping[str, str] | Kept | None = KEPT,
        answer_meta: dict[str, str] | Kept | None = KEPT,
        interceptors: Sequence[Interceptor] | Kept = KEPT,
    ) -> Self:
        """The same client with other wishes for its calls; those that are not given are kept.

        `timeout` is the deadline of each call in seconds: None is the contract's own, `math.inf`
        is none. `meta` is said to the other side beside the params, and is `ctx.meta` there: keys
        are 1 to 64 of `a-z0-9._-`, 64 entries and 8 KiB at most. A side that knows no metadata is
        not told. Into `answer_meta` goes what each answer says so, in the place of what was there.
        `interceptors` stand around each call, inside of those of the endpoint.

        Raises:
            TypeError: one of them is of another kind than its type says.
            ValueError: a deadline that is not above 0, metadata that may not be sent.
            LimitExceeded: there is too much of it.
        """
        client, kept = copy(self), self._wishes
        client._wish(
            Wishes(
                timeout=kept.timeout if timeout is KEPT else timeout,
                meta=kept.meta if meta is KEPT else meta,
                answer_meta=kept.answer_meta if answer_meta is KEPT else answer_meta,
            )
        )
        if interceptors is not KEPT:
            check_objects("interceptors=", interceptors, Interceptor)
            client._interceptors = tuple(interceptors)
        return client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.__contract__.name} over {self._peer!r}>"

    def _wish(self, wishes: "Wishes") -> None:
        self._wishes = wishes
        self._options = wishes.options()

    def _options_of(self, method: Method[..., Any, Any]) -> CallOptions:
        """What is wished of a call of `method`."""
        options = self._options
        if options is None:
            return method.options
        if options.timeout_s is not None:
            return options
        own = method.options
        return msgspec.structs.replace(
            options, timeout_s=own.timeout_s, timeout_field=own.timeout_field
        )

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
        options = method.options if self._options is None else self._options_of(method)
        if self._interceptors or peer.interceptors:
            return self._through_interceptors(method, encoded, options, _args, _kwargs)
        if options.meta_field and not peer.is_settled:
            return self._once_introduced(method, encoded, options)
        return peer.start_call(method, encoded, method, options)

    async def _through_interceptors(
        self,
        method: Method[..., Any, R],
        encoded: Payload,
        options: CallOptions,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> R:
        call = self._invocation(method, args, kwargs)

        def send() -> Awaitable[R]:
            saying = options_with(options, call)
            if saying.meta_field and not self._peer.is_settled:
                return self._once_introduced(method, encoded, saying)
            return self._peer.start_call(method, encoded, method, saying)

        return await call_through(self._all_interceptors, call, send)

    @property
    def _all_interceptors(self) -> tuple[Interceptor, ...]:
        return (*interceptors_of(self._peer), *self._interceptors)

    def _invocation(
        self, method: Method[..., Any, Any], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> Invocation:
        wishes = self._wishes
        answered: dict[str, str] = {} if wishes.answer_meta is None else wishes.answer_meta
        make_params = partial(method.params.build, method.full_name, args, kwargs)
        return Invocation(self._peer, method, make_params, wishes.meta or {}, answered)

    async def _once_introduced(
        self, method: Method[..., Any, R], args: Payload, options: CallOptions
    ) -> R:
        """A call that has something to say that not every side understands."""
        await introduced(self._peer, method.full_name, options.timeout_s)
        return await self._peer.start_call(method, args, method, options)

    def _download(
        self, method: Download[A, P, Y, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Incoming[Y, R]:
        prepared = self._prepared(method, _args, _kwargs)
        call: Incoming[Y, R] = Incoming(self._peer, method, *prepared)
        if self._interceptors or self._peer.interceptors:
            call.go_through(self._all_interceptors, self._invocation(method, _args, _kwargs))
        return call

    def _upload(
        self, method: Upload[A, P, S, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Outgoing[S, R]:
        prepared = self._prepared(method, _args, _kwargs)
        call: Outgoing[S, R] = Outgoing(self._peer, method, *prepared)
        if self._interceptors or self._peer.interceptors:
            call.go_through(self._all_interceptors, self._invocation(method, _args, _kwargs))
        return call

    def _duplex(
        self, method: Duplex[A, P, S, Y, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Exchange[S, Y, R]:
        prepared = self._prepared(method, _args, _kwargs)
        call: Exchange[S, Y, R] = Exchange(self._peer, method, *prepared)
        if self._interceptors or self._peer.interceptors:
            call.go_through(self._all_interceptors, self._invocation(method, _args, _kwargs))
        return call

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
        return encoded, self._options_of(method)

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
