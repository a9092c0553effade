"""Handlers with interceptors around them."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from duologue.promisifier.handlers import Handler, Result, is_awaitable
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.control import Subscribe
from duologue.protocol.messages import Failure
from duologue.typed.audience import Peer
from duologue.typed.contract import Event, Method
from duologue.typed.interceptors import Interceptor, Invocation, serve_through


class InterceptedHandler:
    """Serves calls as `inner` does, each through the interceptors; `inner` serves `method`."""

    __slots__ = (
        "_inner",
        "_interceptors",
        "_method",
        "ignores_cancel",
        "name",
        "takes_parts",
    )

    def __init__(
        self,
        inner: Handler[Peer],
        method: Method[..., Any, Any],
        interceptors: Sequence[Interceptor],
    ) -> None:
        self.name = inner.name
        self.takes_parts = inner.takes_parts
        self.ignores_cancel = inner.ignores_cancel
        self._inner = inner
        self._method = method
        self._interceptors = interceptors

    def start(self, call: ServedCall[Peer]) -> Coroutine[Any, Any, Result]:
        """See `Handler`."""
        return self._run(call)

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        return self._inner.failure(error)

    async def _run(self, call: ServedCall[Peer]) -> Result:
        request = call.request
        if call.answer_meta is None:
            call.answer_meta = {}
        invocation = Invocation(
            call.peer,
            self._method,
            lambda: self._method.params.decode(self.name, request.args),
            request.meta or {},
            call.answer_meta,
        )

        async def run() -> Result:
            outcome = self._inner.start(call)
            return await outcome if is_awaitable(outcome) else outcome  # type: ignore[return-value]

        return await serve_through(self._interceptors, invocation, run)


def subscription_guard(
    event: Event[..., Any], interceptors: Sequence[Interceptor]
) -> Callable[[Peer, Subscribe], Awaitable[None]]:
    """Asks the interceptors whether somebody may be told of `event`; raises what they raise."""

    async def ask(peer: Peer, wish: Subscribe) -> None:
        async def allow() -> None:
            return None

        await serve_through(interceptors, Invocation(peer, event, lambda: wish.key, {}, {}), allow)

    return ask
