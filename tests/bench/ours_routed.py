"""duologue through a broker: our relay, encrypted or by a meeting point, or a plain one."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

import duologue
from duologue import Identity, Limits, WebsocketPromisifier
from duologue.bench.duologue_echo import (
    DuologueCaller,
    kinds,
    lasting,
    runner,
    service,
)
from duologue.bench.load import main
from duologue.bench.streamed_echo import StreamedEcho
from duologue.endpoints.guest import Lasting, Visit
from duologue.endpoints.manner import Manner
from duologue.endpoints.meeting_point import meet
from duologue.typed.service import Offer

PROVIDER: Final = Identity.from_secret(hashlib.sha256(b"the provider of the benchmark").digest())
"""Its callers have to know its key; the key opens nothing else."""

CALLER: Final = Identity.from_secret(hashlib.sha256(b"a caller of the benchmark").digest())
"""Made once: making keys is no part of setting up a conversation."""

POINT: Final = "bench"
MEETING_TIMEOUT_S: Final = 3600.0


async def offer(port: int) -> None:
    """Be the service behind the broker."""
    if "listen" in kinds:
        await lasting.enter_async_context(
            duologue.listen(
                # Of two nodes, the listener comes to the one beside the caller's.
                f"ws://127.0.0.1:{port + 1 if 'across' in kinds else port}",
                service(),
                StreamedEcho(),
                identity=PROVIDER,
                allow=[CALLER.public_key],
            )
        )
    elif "meet" in kinds:
        background.append(asyncio.create_task(meet_callers(f"ws://127.0.0.1:{port}")))
    else:
        await lasting.enter_async_context(
            duologue.connect(f"ws://127.0.0.1:{port}/service", offer=[service(), StreamedEcho()])
        )


background: Final[list["asyncio.Task[None]"]] = []


async def meet_callers(url: str) -> None:
    """Wait at the meeting point for one caller after the other."""
    manner = Manner(offer=Offer([service(), StreamedEcho()]), limits=Limits())
    while True:
        connection = await meet(url, POINT, manner.limits, MEETING_TIMEOUT_S)
        await manner.begin(connection, "acceptor").promise.wait()


@asynccontextmanager
async def met(url: str) -> AsyncGenerator[WebsocketPromisifier]:
    """The caller's side of a meeting point."""
    manner = Manner(offer=Offer([]), limits=Limits())
    dial = partial(meet, url, POINT, manner.limits, 10)
    async with Visit(dial, manner, Lasting()) as peer:
        yield peer


class RoutedCaller(DuologueCaller):
    """One conversation through the broker."""

    def conversation(self, port: int) -> AbstractAsyncContextManager[WebsocketPromisifier]:
        url = f"ws://127.0.0.1:{port}"
        if "listen" in kinds:
            return duologue.dial(url, to=PROVIDER.public_key, identity=CALLER)
        return met(url) if "meet" in kinds else duologue.connect(url)


if __name__ == "__main__":
    main(make=RoutedCaller, service=offer, run=runner())
