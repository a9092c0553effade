"""A node, made of its configuration."""

import logging
import ssl as tls
from collections.abc import Callable
from typing import Final

from duologue.identity import Identity
from duologue.protocol.wording import words_of
from duologue.relay.addresses import parse_host_port
from duologue.relay.cluster.cluster_keys import (
    BadClusterSecret,
    ClusterKeys,
    derive_all,
    read_secrets,
)
from duologue.relay.cluster.nats_bus import BusAccess, NatsBus
from duologue.relay.cluster.node import ClusterNode
from duologue.relay.cluster.settings import ClusterSettings
from duologue.relay.server.config import ClusterTable, ClusterTlsTable
from duologue.relay.server.server import RelayServer
from duologue.relay.server.watched_files import Watched

_log: Final = logging.getLogger("duologue.relay")


class ClusterParts:
    """What is read from files before anything runs."""

    def __init__(self, table: ClusterTable) -> None:
        """Read them.

        Raises:
            BadClusterSecret, OSError: one cannot be read, or is no good.
        """
        self.table = table
        self.secret_file = Watched([table.secret_file])
        self.keys = derive_all(read_secrets(table.secret_file), table.name)
        password = None
        if table.bus_password_file is not None:
            password = table.bus_password_file.read_text(encoding="utf-8").strip()
        context = None
        if any(each.startswith("tls://") for each in table.bus):
            context = tls.create_default_context(cafile=table.bus_ca_file)
        self.bus = BusAccess(table.bus, table.node, table.bus_user, password, context)
        self.accepting = self.dialling = None
        if table.tls is not None:
            self.accepting = mutual_context(table.tls, tls.Purpose.CLIENT_AUTH)
            self.dialling = mutual_context(table.tls, tls.Purpose.SERVER_AUTH)

    def make_node(
        self,
        server: RelayServer,
        identity: Identity,
        next_key: bytes | None,
        observe: Callable[[str, float], None],
    ) -> tuple[ClusterNode, NatsBus]:
        """The node of a relay that was not started yet; needs a running event loop."""
        host, port = parse_host_port(self.table.listen)
        bus = NatsBus(self.bus, self.table.limits)
        settings = ClusterSettings(
            name=self.table.name,
            node=self.table.node,
            keys=self.keys,
            relay_key=identity.public_key,
            next_key=next_key,
            host=host,
            port=port,
            advertise=self.table.advertise or "",
            limits=self.table.limits,
            accepting=self.accepting,
            dialling=self.dialling,
        )
        node = ClusterNode(server, bus, settings, observe=observe)
        node.on_sweep.append(lambda: self._reload(node))
        return node, bus

    def _reload(self, node: ClusterNode) -> None:
        """Use the secrets that are in the file now; a file that is no good changes nothing."""
        if not self.secret_file.has_changed():
            return
        try:
            keys: tuple[ClusterKeys, ...] = derive_all(
                read_secrets(self.table.secret_file), self.table.name
            )
        except (BadClusterSecret, OSError) as error:
            node.secret_fault = words_of(error)
            _log.warning("the cluster's secret stays as it was: %s", node.secret_fault)
            return
        node.secret_fault = ""
        node.use_keys(keys)
        _log.info("%d secrets of the cluster are accepted", len(keys))


def mutual_context(table: ClusterTlsTable, purpose: tls.Purpose) -> tls.SSLContext:
    """TLS 1.3 with certificates on both sides; `purpose` is who the other side is.

    Raises:
        OSError: a file cannot be read, or is no good.
    """
    context = tls.create_default_context(purpose, cafile=table.ca_file)
    context.minimum_version = tls.TLSVersion.TLSv1_3
    context.verify_mode = tls.CERT_REQUIRED
    context.load_cert_chain(table.certificate_file, table.key_file)
    return context
