"""duologue with as many services, or streams of such items and windows, as a curve wants."""

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from typing import Final

from duologue import Limits, WebsocketPromisifier, connect
from duologue.bench.duologue_echo import DuologueCaller, runner, serve_all, service
from duologue.bench.generated.echo.v1 import EchoService
from duologue.bench.load import main
from duologue.typed import ServiceContract

SERVICES: Final = "DUOLOGUE_BENCH_SERVICES"
"""Environment variable: how many services a server offers; one if it is not set."""

STREAMS: Final = "DUOLOGUE_BENCH_STREAMS"
"""Environment variable: how many calls the items come in, side by side; one if it is not set."""

CHARACTERS: Final = "DUOLOGUE_BENCH_CHARACTERS"
"""Environment variable: of text in an item; that of all measurements if it is not set."""

WINDOW: Final = "DUOLOGUE_BENCH_WINDOW"
"""Environment variable: bytes that a caller lets come before it has read them."""


def services() -> list[EchoService]:
    """The service that is called, and as many others as are wanted."""
    first = service()
    contract = type(first).__contract__
    offered = [first]
    for number in range(1, int(os.environ.get(SERVICES, "1"))):
        copy = ServiceContract(
            name=f"{contract.name}{number}",
            # Above all others that the server offers.
            base=100_000 + 100 * number,
            digest=contract.digest,
            methods=contract.methods,
        )
        offered.append(type(f"Echo{number}", (type(first),), {"__contract__": copy})())
    return offered


class CurvesCaller(DuologueCaller):
    """One conversation with the server."""

    def conversation(self, port: int) -> AbstractAsyncContextManager[WebsocketPromisifier]:
        url, window = f"ws://127.0.0.1:{port}", os.environ.get(WINDOW)
        if window is None:
            return connect(url)
        return connect(url, limits=Limits(max_stream_window_bytes=int(window)))

    async def stream(self, items: int) -> None:
        streams = int(os.environ.get(STREAMS, "1"))
        characters = int(os.environ.get(CHARACTERS, "0"))

        async def read() -> None:
            number = 0
            each = items // streams
            async with self._streams.count(items=each, characters=characters) as log:
                async for _item in log:
                    number += 1
            assert number == each

        await asyncio.gather(*(read() for _ in range(streams)))


if __name__ == "__main__":
    main(serve=lambda: serve_all(services()), make=CurvesCaller, run=runner())
