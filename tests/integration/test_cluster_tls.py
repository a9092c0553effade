"""TLS between the nodes, and between the clients and the nodes."""

import ssl as tls
from pathlib import Path
from typing import Any

import duologue
from duologue import ANYONE
from duologue.relay.cluster.assembly import mutual_context
from duologue.relay.server.config import ClusterTlsTable
from duologue.relay.server.watched_files import TlsFiles
from tests.cluster_support import nats_servers, one_node
from tests.foreign_relay import register
from tests.integration.cluster_talk import NO_WAY, joined, part, refusal
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN, BEN, BEN_SECRET, offering, until
from tests.integration.relay_loopback import pins as pins
from tests.integration.test_relay_tls import CERTIFICATE, TLS, trusting
from tests.nats_server import NEEDS_NATS

pytestmark = NEEDS_NATS


def with_certificate(file: Path, trusted: Path) -> dict[str, Any]:
    table = ClusterTlsTable(certificate_file=file, key_file=file, ca_file=trusted)
    return {
        "host": "localhost",
        "accepting": mutual_context(table, tls.Purpose.CLIENT_AUTH),
        "dialling": mutual_context(table, tls.Purpose.SERVER_AUTH),
    }


async def test_a_conversation_goes_through_tls_on_every_hop(pins: Path) -> None:
    served = {"host": "localhost", "tls": TlsFiles(CERTIFICATE, CERTIFICATE)}
    between = with_certificate(CERTIFICATE, CERTIFICATE)
    trust = trusting(CERTIFICATE)
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url], relay=served, **between) as one,
        one_node("n1", [server.url], relay=served, **between) as other,
        duologue.listen(
            other.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=pins,
            ssl=trust,
        ),
        duologue.dial(one.url, to=BEN.public_key, identity=ANN, ssl=trust) as peer,
    ):
        assert one.url.startswith("wss:")
        assert await peer.send(4, "x" * 700_000) == ["x" * 700_000]
        assert one.node.lookups.routed == 1


async def test_a_node_without_the_right_certificate_is_no_way_and_serves_its_own() -> None:
    good = with_certificate(CERTIFICATE, CERTIFICATE)
    bad = with_certificate(TLS / "second.pem", CERTIFICATE)
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url], **good) as one,
        one_node("n1", [server.url], **good) as other,
        one_node("n2", [server.url], **bad) as stranger,
    ):
        await part(*await joined(one.url, other.url))
        caller, listener = await joined(stranger.url, stranger.url)
        await part(caller, listener)
        await until(lambda: len(other.bus.wanted) == 2)
        spare = await register(other.url, BEN_SECRET)
        await until(lambda: len(other.bus.wanted) == 3)
        assert await refusal(stranger.url) == NO_WAY
        await spare.close()
