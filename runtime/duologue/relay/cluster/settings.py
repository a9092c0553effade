"""What a node is told, and what of it must be the same on all nodes."""

import hashlib
import ssl as tls
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Final

from duologue.relay.access import Access
from duologue.relay.cluster.cluster_keys import ClusterKeys
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.limits import RelayLimits

DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """What a node must be told. Names are `[a-z0-9-]{1,32}`."""

    name: str
    """Of the cluster."""
    node: str
    """Of this node; each once."""
    keys: Sequence[ClusterKeys]
    """The first are used, all are accepted."""
    relay_key: bytes
    next_key: bytes | None
    host: str
    """Where other nodes come in."""
    port: int
    advertise: str = ""
    """As "host:port", where they are told to come; empty: `host` and the port."""
    limits: ClusterLimits = field(default_factory=ClusterLimits)
    accepting: tls.SSLContext | None = None
    dialling: tls.SSLContext | None = None


def digest_rules(access: Access, limits: RelayLimits) -> str:
    """The same for the same access rules and limits, whatever order they were read in."""
    lines = [f"everybody {access.everybody.value}"]
    lines += sorted(f"{key.hex()} {right.value}" for key, right in access.keys.items())
    lines += sorted(f"sha256 {each.hex()} {right.value}" for each, right in access.tokens.items())
    lines += [f"{each.name} {getattr(limits, each.name)!r}" for each in fields(limits)]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=DIGEST_BYTES).hexdigest()


class RulesDigest:
    """`digest_rules` of access rules that seldom change: made once for each."""

    def __init__(self, limits: RelayLimits) -> None:
        self._limits = limits
        self._access: Access | None = None
        self._digest = ""

    def of(self, access: Access) -> str:
        """The digest for these access rules."""
        if access is not self._access:
            self._access = access
            self._digest = digest_rules(access, self._limits)
        return self._digest
