"""What stands around calls: code that sees each of them, and may refuse, delay or repeat it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NoReturn, TypeAlias, TypeVar

from duologue.promisifier.handlers import is_awaitable
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.contract import Download, Duplex, Effect, Event, Method, Upload

R = TypeVar("R")
T = TypeVar("T")

Kind: TypeAlias = Literal["unary", "download", "upload", "duplex", "subscribe"]
"""What travels: no items, items to the caller, from it, both ways; or it asks to be told of an
event."""

Next: TypeAlias = Callable[[], Awaitable[R]]
"""Makes the call, or goes on to the next interceptor; gives what the call gives."""


class Invocation:
    """One call, as its interceptors see it; one object for all of them on this side."""

    __slots__ = (
        "_make_params",
        "_params",
        "answer_meta",
        "effect",
        "kind",
        "meta",
        "method",
        "peer",
    )

    def __init__(
        self,
        peer: WebsocketPromisifier,
        target: Method[..., Any, Any] | Event[..., Any],
        make_params: Callable[[], object],
        meta: Mapping[str, str],
        answer_meta: dict[str, str],
    ) -> None:
        self.peer = peer
        """The other side: `peer.remote_key` is who it has proved to be."""
        self.method = target.full_name
        """`chat.rooms.v1.Rooms/join`; of a subscription, the event."""
        self.kind: Kind = kind_of(target)
        self.effect: Effect = "read" if isinstance(target, Event) else target.effect
        """As the contract says: whether the call may be repeated."""
        self.meta = dict(meta)
        """What the caller says beside its params. At the caller, what is added goes with the call;
        at the provider, nothing that is changed here reaches the handler."""
        self.answer_meta = answer_meta
        """At the provider, yours to fill as `ctx.answer_meta`; at the caller, what has come."""
        self._make_params: Callable[[], object] | None = make_params
        self._params: object = None

    @property
    def service(self) -> str:
        """`chat.rooms.v1.Rooms`."""
        return self.method.rpartition("/")[0]

    @property
    def params(self) -> object:
        """The request: an object of the contract's model, to be looked at; None without params.

        Made when it is first asked for.

        Raises:
            InvalidParams: what has come does not fit the contract.
        """
        if self._make_params is not None:
            self._params = self._make_params()
            self._make_params = None
        return self._params


class Interceptor:
    """Stands around calls, on both sides; override what is of interest.

        class Timing(duologue.Interceptor):
            async def calling(self, call, next):
                begun = time.perf_counter()
                try:
                    return await next()
                finally:
                    print(call.method, time.perf_counter() - begun)

    Installed by `interceptors=` of `serve`, `connect`, `listen` and `dial` for all calls of an
    endpoint, made and served; of a client, or its `with_options`, for its calls; by
    `duologue.intercepted` for those that one service serves. The endpoint's are outermost, and each
    list is in order: the first sees a call first and its outcome last.

    Raising refuses the call: at the provider, a `CallError` is told to the caller. `next` gives the
    outcome; what it gives is to be returned. At the caller of a unary call it may be called again,
    to repeat it. A call with items is one call from its beginning to its end: `next` returns when
    the result has come.
    """

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        """A call that this side makes."""
        return await next()

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        """A call that this side serves, also somebody's wish to be told of an event."""
        return await next()


def kind_of(target: Method[..., Any, Any] | Event[..., Any]) -> Kind:
    """What travels besides params and result."""
    if isinstance(target, Duplex):
        return "duplex"
    if isinstance(target, Download):
        return "download"
    if isinstance(target, Upload):
        return "upload"
    return "subscribe" if isinstance(target, Event) else "unary"


def call_through(
    interceptors: Sequence[Interceptor], call: Invocation, innermost: Next[R]
) -> Awaitable[R]:
    """Make a call of this side, through all of them.

    Raises:
        TypeError: one of them gives what is no outcome; the text says what to write.
    """
    return _through([each.calling for each in interceptors], call, innermost)


def serve_through(
    interceptors: Sequence[Interceptor], call: Invocation, innermost: Next[R]
) -> Awaitable[R]:
    """Serve a call of the other side, through all of them; it can run once.

    Raises:
        TypeError: one of them gives what is no outcome, or another one than it was given: only
            what the service itself has given can be told to the caller.
    """
    return _through(
        [each.serving for each in interceptors],
        call,
        once(innermost, call.method),
        must_be_same=True,
    )


async def _through(
    steps: Sequence[Callable[[Invocation, Next[R]], Awaitable[R]]],
    call: Invocation,
    innermost: Next[R],
    *,
    must_be_same: bool = False,
) -> R:
    given: list[R] = []

    async def make() -> R:
        outcome = await innermost()
        given[:] = [outcome]
        return outcome

    step: Next[R] = make
    for each in reversed(steps):
        step = partial(each, call, step)
    begun = step()
    if not is_awaitable(begun):
        _refuse(steps[0], call, begun)
    outcome: R = await begun
    is_same = bool(given) and outcome is given[0]
    if not is_same and (must_be_same or is_awaitable(outcome) or (outcome is None and given)):
        _refuse(steps[0], call, outcome)
    return outcome


def _refuse(step: object, call: Invocation, met: object) -> NoReturn:
    what = "nothing" if met is None else f"an object of type {type(met).__name__}"
    if isinstance(met, Coroutine):
        met.close()
    elif isinstance(met, asyncio.Future):
        # Nobody would hear of its end.
        met.cancel()
    name = getattr(step, "__qualname__", repr(step))
    raise TypeError(
        f"{name} gave {what} as the outcome of {call.method}: what next() gives is to be returned, "
        "with `return await next()`; who refuses a call raises"
    )


def once(step: Next[R], what: str) -> Next[R]:
    """`step`, which cannot be taken again."""
    is_taken = False

    def take() -> Awaitable[R]:
        nonlocal is_taken
        if is_taken:
            raise RuntimeError(f"{what} has run: an interceptor cannot repeat it")
        is_taken = True
        return step()

    return take


def interceptors_of(peer: WebsocketPromisifier) -> tuple[Interceptor, ...]:
    """Those of the endpoint that `peer` belongs to."""
    return peer.interceptors
