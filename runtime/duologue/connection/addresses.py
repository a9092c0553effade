"""Addresses: as limits count them, and of proxies."""

import ipaddress
from typing import Final, Literal, TypeAlias

UNKNOWN: Final = "unknown"


ProxyChoice: TypeAlias = str | Literal[True] | None
"""The address of a proxy; True: what the environment and the system say; None: no proxy."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_address(text: str) -> Address | None:
    """An address in its one form: no zone, and IPv4 is IPv4 however it is written."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def peer_address(peer_name: object) -> Address | None:
    """The address in what a socket calls its peer; None if that is no address."""
    if not isinstance(peer_name, tuple) or not peer_name:
        return None
    return parse_address(str(peer_name[0]))  # pyright: ignore[reportUnknownArgumentType]


def group_of(address: Address | None) -> str:
    """What limits "per address" count: an IPv4 address, or the /64 of an IPv6 address.

    One customer of a provider has a whole /64.
    """
    if address is None:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address, is this machine, and reached from it only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
