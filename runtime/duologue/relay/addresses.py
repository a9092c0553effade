"""Addresses as the relay's logs show them, and which of them are this machine's."""

import ipaddress

from duologue.connection.addresses import UNKNOWN
from duologue.connection.addresses import is_loopback as is_loopback


def shown_address(group: str) -> str:
    """An address group without what points at one household: /24 or /48."""
    try:
        network = ipaddress.ip_network(group)
    except ValueError:
        return UNKNOWN
    return str(network.supernet(new_prefix=24 if network.version == 4 else 48))
