"""A client joined to a service, as `linked` does it, and what must not be left over of it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol, TypeVar

from duologue.identity import Identity
from duologue.observer import Observer
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing.linked import linked_peers
from duologue.typed.service import Service

C = TypeVar("C")

ENDING_TURNS: Final = 20
"""So many turns of the loop after a call was given up, its handler is over."""


class Link(Protocol):
    """What `watched_link` is, for annotations."""

    def __call__(
        self,
        service: Service,
        client: Callable[[WebsocketPromisifier], C],
        *,
        offer: Sequence[Service] = (),
        may_fail: bool = False,
    ) -> AbstractAsyncContextManager[C]:
        """See `watched_link`."""
        ...


@asynccontextmanager
async def watched_link(
    service: Service,
    client: Callable[[WebsocketPromisifier], C],
    *,
    offer: Sequence[Service] = (),
    may_fail: bool = False,
    observers: Sequence[Observer] = (),
) -> AsyncGenerator[C]:
    """As `linked`; at the end no handler may still run, and none have failed by surprise.

    `may_fail` is for tests of just that: what a handler raises that its contract does not declare
    is then no fault.

    Raises (on leaving):
        AssertionError: a handler was running still, or there was an error in the log.
    """
    failures = _Failures()
    logger = logging.getLogger("duologue")
    logger.addHandler(failures)
    try:
        identities = Identity.generate(), Identity.generate()
        async with linked_peers([service], offer, identities=identities, observers=observers) as (
            server,
            peer,
        ):
            yield client(peer)
            running = await _running_in_the_end(server)
    finally:
        logger.removeHandler(failures)
    assert not running, f"{running} calls of {type(service).__name__} were running still"
    assert may_fail or not failures.texts, "\n".join(failures.texts)


async def _running_in_the_end(server: WebsocketPromisifier) -> int:
    # Those that were given up as the test ended are being told so.
    for _ in range(ENDING_TURNS):
        if not server.calls_running:
            break
        await asyncio.sleep(0)
    return server.calls_running


class _Failures(logging.Handler):
    """What is logged as an error, in words."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.texts.append(record.getMessage() + (f": {cause!r}" if cause is not None else ""))
