"""NATS servers that let a node in, and such that do not: what the operator is told."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.relay.cluster_limits import ClusterLimits
from tests.cluster_support import one_node
from tests.integration.cluster_talk import joined, part
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import until
from tests.integration.test_relay_tls import CERTIFICATE, TLS
from tests.nats_server import NEEDS_NATS, NatsServer

pytestmark = NEEDS_NATS
QUICK = ClusterLimits(bus_backoff_max_s=0.2)
PASSWORD = ("--user", "relay", "--pass", "right")
ENCRYPTED = ("--tls", "--tlscert", str(CERTIFICATE), "--tlskey", str(CERTIFICATE))


@asynccontextmanager
async def nats_server(*options: str) -> AsyncGenerator[NatsServer]:
    server = NatsServer(None, *options)
    try:
        await server.start()
        yield server
    finally:
        server.kill()


def trusting(name: str) -> tls.SSLContext:
    return tls.create_default_context(cafile=CERTIFICATE if name == "" else TLS / name)


@pytest.mark.parametrize(
    ("options", "scheme", "access"),
    [
        (PASSWORD, "nats", {"user": "relay", "password": "right"}),
        (ENCRYPTED, "tls", {"context": trusting("")}),
        ((*PASSWORD, *ENCRYPTED), "tls",
         {"user": "relay", "password": "right", "context": trusting("")}),
    ],
    ids=["password", "TLS", "both"],
)  # fmt: skip
async def test_nodes_meet_over_a_server_that_lets_them_in(
    options: tuple[str, ...], scheme: str, access: dict[str, Any]
) -> None:
    async with nats_server(*options) as server:
        urls = [f"{scheme}://localhost:{server.port}"]
        async with (
            one_node("n0", urls, access=access) as one,
            one_node("n1", urls, access=access) as other,
        ):
            await part(*await joined(one.url, other.url))


@pytest.mark.parametrize(
    ("options", "scheme", "access", "words"),
    [
        (PASSWORD, "nats", {"user": "relay", "password": "wrong"}, "Authorization Violation"),
        (PASSWORD, "nats", {}, "Authorization Violation"),
        (ENCRYPTED, "tls", {"context": trusting("second.pem")}, "certificate verify failed"),
        ((), "tls", {"context": trusting("")}, "offers no TLS"),
        (
            (*PASSWORD,),
            "tls",
            {"user": "relay", "password": "right", "context": trusting("")},
            "offers no TLS",
        ),
        (ENCRYPTED, "nats", {}, "certificate verify failed"),
    ],
    ids=[
        "wrong password",
        "no password",
        "not trusted",
        "TLS to a plain one",
        "password to a plain one",
        "plain to TLS",
    ],
)
async def test_a_server_that_does_not_let_it_in_is_named_with_the_reason_and_tried_again(
    options: tuple[str, ...],
    scheme: str,
    access: dict[str, Any],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with nats_server(*options) as server:
        urls = [f"{scheme}://localhost:{server.port}"]
        async with one_node(
            "n0", urls, access=access, cluster_limits=QUICK, waits_for_bus=False
        ) as node:
            await until(lambda: words.lower() in node.bus.faults()[0].lower())
            assert node.node.words() == ["bus"]
            # Those of its own are served meanwhile.
            await part(*await joined(node.url, node.url))
            await asyncio.sleep(2 * QUICK.bus_backoff_max_s)
            told = [each.getMessage() for each in caplog.records if "bus server" in each.message]
            assert len(told) == 1
            assert told[0].startswith("bus server 1 is down: ")
            assert words.lower() in told[0].lower()
            assert len(told[0].splitlines()) == 1
            assert "wrong" not in told[0]
