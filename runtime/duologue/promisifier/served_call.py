"""One call of the other side, while it is served."""

import asyncio
import math
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import msgspec

from duologue.promisifier.streams.items import ItemDesk
from duologue.protocol.messages import RequestReceived

PeerT_co = TypeVar("PeerT_co", covariant=True)


serving: ContextVar["ServedCall[Any]"] = ContextVar("serving")
"""The call that is being served, in the handler's own context and whatever that starts."""


class ServedCall(msgspec.Struct, Generic[PeerT_co], eq=False):
    """One request, from its arrival until nothing of it runs any more.

    It owns its task: nobody else cancels that.
    """

    request: RequestReceived
    peer: PeerT_co
    """Who asks, as the owner of the conversation shows it to handlers."""
    desk: ItemDesk
    """Opens its items, if it has some."""
    task: asyncio.Task[None] | None = None
    """What runs an async handler, or sends a stream; None while it waits, and for a plain one."""
    own_calls: int = 0
    """Open calls that its handler has made over the conversation that it came by."""
    due_s: float = math.inf
    """When its caller waits no more, by the loop's clock; infinity if that is not known, or there
    is no need to look."""
    is_overdue: bool = False
    """Whether it is cancelled for being late."""
    ignores_cancel: bool = False
    """Whether it runs to its end, whatever the caller or the connection does."""
    answer_meta: dict[str, str] | None = None
    """What the answer will say beside its result."""

    def note_begun(self) -> None:
        """The first item has come or left: the deadline was for that."""
        self.due_s = math.inf
        self.request.timeout_ms = 0

    def cancel(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel its task, if it lets itself be; it is running until that has really ended."""
        # Not at once: a task that was never started drops its coroutine, which Python reports, and
        # the caller is never answered. By the time this is due each has taken its first step.
        if self.task is not None and not self.ignores_cancel:
            loop.call_soon(self.task.cancel)
