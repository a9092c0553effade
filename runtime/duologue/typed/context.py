"""What a handler may know of the call it serves, and say beside its answer."""

import asyncio
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.served_call import ServedCall

_NO_META: Final[Mapping[str, str]] = MappingProxyType({})


class CallContext(msgspec.Struct):
    """One call, seen from its handler.

    `ctx.peer` is the promisifier of the caller: make a client of it to call back.
    """

    peer: WebsocketPromisifier
    """The caller's end; `ctx.peer.remote_address` is what the transport knows of it."""
    method: str
    """`package.Service/method`."""
    served: ServedCall[Any] | None = None
    """The call itself, for the runtime; a context that a test makes needs none."""
    unsent_meta: dict[str, str] | None = None
    """The `answer_meta` of a context that shows no call, once somebody has asked for it."""

    @property
    def meta(self) -> Mapping[str, str]:
        """What the caller has said beside its params: `with_options(meta=...)`."""
        return _NO_META if self.served is None else self.served.request.meta or _NO_META

    @property
    def answer_meta(self) -> dict[str, str]:
        """What is to be said beside the answer, be that a result or an error; yours to fill.

        The caller sees it if its side knows metadata. Keys are 1 to 64 of `a-z0-9._-`, those that
        begin with `duologue.` are not yours; 64 entries and 8 KiB at most. What may not be sent is
        left out, whole, and the log says why.
        """
        if self.served is None:
            if self.unsent_meta is None:
                self.unsent_meta = {}
            return self.unsent_meta
        if self.served.answer_meta is None:
            self.served.answer_meta = {}
        return self.served.answer_meta

    @property
    def deadline(self) -> float | None:
        """When the caller waits no more, by this loop's `time()`; None if it has not said.

        Of a call with items this is for the first of them, and None once that has come or left.
        Calls that the handler makes end by then, without doing anything for it.
        """
        served = self.served
        if served is None or not served.request.timeout_ms:
            return None
        if served.due_s == math.inf:
            # Of a plain function, which nobody could stop: it has begun just now.
            served.due_s = asyncio.get_running_loop().time() + served.request.timeout_ms / 1000
        return served.due_s

    def remaining(self) -> float:
        """Seconds until `deadline`, at least 0; infinity if there is none."""
        due_s = self.deadline
        return math.inf if due_s is None else max(0.0, due_s - asyncio.get_running_loop().time())
