"""The base of every generated client."""

from collections.abc import Awaitable
from copy import copy
from typing import ClassVar, ParamSpec, Self, TypeVar

from duologue.errors import DuologueError
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.parcels import Payload
from duologue.typed.contract import ServiceContract, Unary
from duologue.typed.events import Event, EventHandler, Subscription, subscribe

A = ParamSpec("A")
P = TypeVar("P")
R = TypeVar("R")
E = TypeVar("E")


class Client:
    """Calls one service of the other side. Cheap: make one wherever it is needed.

    A call raises the errors its contract declares, other `CallError`s, `ConnectionClosed`,
    `LimitExceeded` or `RefusedValue`, and nothing else.
    """

    __contract__: ClassVar[ServiceContract]

    def __init__(self, peer: WebsocketPromisifier, *, timeout: float | None = None) -> None:
        self._peer = peer
        self._timeout = _checked(timeout)

    def with_options(self, *, timeout: float | None) -> Self:
        """The same client with another deadline for its calls, in seconds.

        None is the contract's own; `math.inf` is no deadline.
        """
        client = copy(self)
        client._timeout = _checked(timeout)
        return client

    # Underscores: a contract may have a parameter `args` or `kwargs`, but no name that begins so.
    def _unary(
        self, method: Unary[A, P, R], /, *_args: A.args, **_kwargs: A.kwargs
    ) -> Awaitable[R]:
        peer, params = self._peer, method.params
        encoded: Payload
        try:
            base = peer.bases.get(self.__contract__)
            if base is None:
                base = peer.base_of(self.__contract__)
            has_bytes = method.has_bytes
            if has_bytes is None:
                has_bytes = method.look_for_bytes()
            takes_parts = False
            if has_bytes and self.__contract__ in peer.part_takers:
                takes_parts = method.takes_parts
                encoded = params.encode_with_parts(method.full_name, _args, _kwargs)
            else:
                encoded = params.encode(method.full_name, _args, _kwargs)
        except DuologueError as error:
            error.foreign = True
            raise
        timeout_s = self._timeout
        if timeout_s is None:
            timeout_s = method.timeout
            if timeout_s is None:
                timeout_s = peer.limits.call_timeout_s
        return peer.start_call(base + method.id, encoded, method, timeout_s, takes_parts)

    def _on(self, event: Event[..., E], handler: EventHandler[E] | None) -> Subscription[E]:
        number = self._peer.base_of(self.__contract__) + event.id
        return subscribe(self._peer, number, event, handler)


def _checked(timeout: float | None) -> float | None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout must be above 0 seconds but is {timeout!r}")
    return timeout
