"""Whoever gives up while it enters, in whichever turn of the loop, leaves no task and no socket."""

import asyncio
import contextlib
import gc
import os
import ssl as tls
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from duologue import ANYONE, connect, dial, listen, serve
from duologue.relay.limits import RelayLimits
from tests.integration.greeters import Greeter, url
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN, BEN, EVE, running, until
from tests.relay_process import LINUX, SHORT_GRACE_S

CERTIFICATE = Path(__file__).parent / "localhost.pem"
TURNS: Final = range(0, 72, 2)
PATIENT: Final = replace(
    RelayLimits(),
    startup_grace_s=SHORT_GRACE_S,
    new_connections_burst_per_address=10_000,
    registers_per_min_per_address=1e5,
    registers_per_min_per_key=1e5,
    requests_per_min_per_address=1e5,
    requests_per_min_per_target=1e5,
    requests_per_min_per_address_and_target=1e5,
    request_burst_per_address_and_target=1_000,
)
"""Of a relay that is asked by one address again and again."""

Enter = Callable[[], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def plain(folder: Path, *, reconnect: bool) -> AsyncGenerator[Enter]:
    async with serve(Greeter()) as server:
        yield lambda: connect(url(server.port), reconnect=reconnect)


@asynccontextmanager
async def with_tls(folder: Path, *, reconnect: bool) -> AsyncGenerator[Enter]:
    own = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(CERTIFICATE)
    context = tls.create_default_context(cafile=str(CERTIFICATE))
    async with serve(Greeter(), ssl=own) as server:
        where = f"wss://localhost:{server.port}"
        yield lambda: connect(where, ssl=context, reconnect=reconnect)


@asynccontextmanager
async def encrypted(folder: Path, *, reconnect: bool) -> AsyncGenerator[Enter]:
    async with serve(Greeter(), identity=BEN, allow=ANYONE) as server:
        where = url(server.port)
        yield lambda: connect(where, identity=ANN, to=BEN.public_key, reconnect=reconnect)


@asynccontextmanager
async def relayed(folder: Path, *, reconnect: bool) -> AsyncGenerator[Enter]:
    async with (
        running(limits=PATIENT) as relay,
        listen(relay.url, Greeter(), identity=BEN, allow=ANYONE, known_relays=folder / "pins"),
    ):
        await relay.until(spares=2)
        yield lambda: dial(relay.url, identity=ANN, to=BEN.public_key, reconnect=reconnect)


@asynccontextmanager
async def listening(folder: Path, *, reconnect: bool) -> AsyncGenerator[Enter]:
    async with running(limits=PATIENT) as relay:
        pins = folder / "pins"
        yield lambda: listen(relay.url, Greeter(), identity=EVE, allow=ANYONE, known_relays=pins)


WAYS: Final = [
    *((way, again) for way in (plain, with_tls, encrypted, relayed) for again in (False, True)),
    (listening, False),
]


def sockets() -> int:
    """How many this process has."""
    count = 0
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += os.readlink(each).startswith("socket:")
    return count


@LINUX
@pytest.mark.parametrize(
    ("way", "reconnect"), WAYS, ids=[f"{way.__name__}-{again}" for way, again in WAYS]
)
async def test_giving_up_while_entering_leaves_nothing(
    way: Callable[..., AbstractAsyncContextManager[Enter]], reconnect: bool, tmp_path: Path
) -> None:
    async with way(tmp_path, reconnect=reconnect) as enter:
        gc.collect()
        # What only the collector would find has been left behind.
        gc.disable()
        try:
            tasks, open_sockets = len(asyncio.all_tasks()), sockets()
            for turns in TURNS:
                entering = asyncio.create_task(go_in_and_out(enter()))
                for _ in range(turns):
                    await asyncio.sleep(0)
                entering.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await entering
                await until(lambda: len(asyncio.all_tasks()) <= tasks and sockets() <= open_sockets)
        finally:
            gc.enable()


async def go_in_and_out(block: AbstractAsyncContextManager[object]) -> None:
    async with block:
        pass
