"""Addresses as the relay counts them, and as its logs show them."""

import ipaddress
from typing import Final

UNKNOWN: Final = "unknown"


def address_group(peer_name: object) -> str:
    """What limits "per address" count: an IPv4 address, or the /64 of an IPv6 address.

    `peer_name` is what a socket calls its peer. One customer of a provider has a whole /64.
    """
    if not isinstance(peer_name, tuple) or not peer_name:
        return UNKNOWN
    host = str(peer_name[0]).partition("%")[0]  # pyright: ignore[reportUnknownArgumentType]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def shown_address(group: str) -> str:
    """An address group without what points at one household: /24 or /48."""
    try:
        network = ipaddress.ip_network(group)
    except ValueError:
        return UNKNOWN
    return str(network.supernet(new_prefix=24 if network.version == 4 else 48))


def is_loopback(host: str) -> bool:
    """Whether a host to listen at can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
