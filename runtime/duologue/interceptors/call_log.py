"""One line in the log for each call: what was called, by or at whom, for how long, what came."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from duologue.errors import CallError, ConnectionClosed
from duologue.typed.interceptors import Interceptor, Invocation, Next

R = TypeVar("R")

KEY_DIGITS: Final = 8
"""Of a key, as a line shows it: enough to tell apart those one knows."""


class CallLog(Interceptor):
    """Logs each call when it is over, with its fields as attributes of the record.

        served chat.rooms.v1.Rooms/join for 3f9a0c12 in 1.8 ms: ok

    `event_name` is `call_served` or `call_made`; `method`, `peer`, `ms` and `outcome` are named.
    The outcome is `ok`, a code, `lost` (no answer can come any more) or `given up`. Neither params
    nor results are ever in a line.
    """

    def __init__(
        self,
        logger: logging.Logger | None = None,
        level: int = logging.INFO,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Lines go to `logger`, by default `duologue.calls`. `clock` gives seconds."""
        self._logger = logger or logging.getLogger("duologue.calls")
        self._level = level
        self._clock = clock

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        return await self._note("made", "at", call, next)

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        return await self._note("served", "for", call, next)

    async def _note(self, verb: str, preposition: str, call: Invocation, next: Next[R]) -> R:
        begun_s = self._clock()
        outcome = "ok"
        try:
            return await next()
        except BaseException as error:
            # Cancellation is an outcome, too.
            outcome = outcome_of(error)
            raise
        finally:
            ms = (self._clock() - begun_s) * 1000
            peer = name_of(call)
            self._logger.log(
                self._level,
                "%s %s %s %s in %.1f ms: %s",
                *(verb, call.method, preposition, peer, ms, outcome),
                extra={
                    "event_name": f"call_{verb}",
                    "method": call.method,
                    "peer": peer,
                    "ms": round(ms, 3),
                    "outcome": outcome,
                },
            )


def outcome_of(error: BaseException) -> str:
    """How a call that raised this has ended, in a word or a code."""
    if isinstance(error, ConnectionClosed):
        return "lost"
    if isinstance(error, asyncio.CancelledError):
        return "given up"
    code = error.code if isinstance(error, CallError) else getattr(error, "code", None)
    # Of any other exception of a handler the caller learns this much.
    return code if isinstance(code, str) and code else "INTERNAL"


def name_of(call: Invocation) -> str:
    """The other side of a call: the first digits of its key, or without one its address."""
    key = call.peer.remote_key
    return key.hex()[:KEY_DIGITS] if key is not None else call.peer.remote_address or "?"
