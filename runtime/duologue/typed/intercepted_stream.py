"""A call with items of this side, with interceptors around it from its beginning to its end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from duologue.promisifier.own_call import CallOptions
from duologue.protocol.call_fields import meta_field
from duologue.typed.interceptors import Interceptor, Invocation, call_through, once

R = TypeVar("R")


def options_with(options: CallOptions, call: Invocation) -> CallOptions:
    """`options` of a call that says, and is told, what its interceptors see.

    Raises:
        ValueError, LimitExceeded: what they have added may not be sent.
    """
    return msgspec.structs.replace(
        options, meta_field=meta_field(call.meta), answer_meta=call.answer_meta
    )


class Surrounding(Generic[R]):
    """Runs the interceptors of one call, in a task: some of them wait for its end."""

    def __init__(
        self,
        interceptors: Sequence[Interceptor],
        call: Invocation,
        send: Callable[[Invocation], Awaitable[None]],
        outcome: Callable[[], Awaitable[R]],
    ) -> None:
        """`send` makes the call, `outcome` waits for its end."""
        self._interceptors = interceptors
        self._call = call
        self._send = send
        self._outcome = outcome
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[R] | None = None

    async def begin(self) -> None:
        """Make the call; returns when the request has been made, raises why it was not."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            # Whoever wants the outcome asks for it; nobody has to.
            self._task.add_done_callback(_look)
        await asyncio.wait((self._begun, self._task), return_when=asyncio.FIRST_COMPLETED)
        if not self._begun.done():
            # One of them has refused the call.
            await self.outcome()

    async def outcome(self) -> R:
        """What the call gives, or raises, through all interceptors."""
        assert self._task is not None
        return await asyncio.shield(self._task)

    def cancel(self) -> None:
        """The call is given up; if it has been made, its own end is what they are told."""
        if self._task is not None and not self._begun.done():
            self._task.cancel()

    async def _run(self) -> R:
        step = once(self._make, self._call.method)
        return await call_through(self._interceptors, self._call, step)

    async def _make(self) -> R:
        await self._send(self._call)
        self._begun.set_result(None)
        return await self._outcome()


def _look(task: "asyncio.Task[R]") -> None:
    if not task.cancelled():
        task.exception()
