"""Addresses: as limits count them, and of proxies."""

import ipaddress
from functools import lru_cache
from typing import Final, Literal, TypeAlias

UNKNOWN: Final = "unknown"


ProxyChoice: TypeAlias = str | Literal[True] | None
"""The address of a proxy; True: what the environment and the system say; None: no proxy."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


MAX_ADDRESS_TEXT: Final = 64
"""Characters of an address: 45 and the name of an interface. Longer texts are none, whatever they
say, and none is kept."""


def ip_literal(text: str) -> Address | None:
    """The address that `text` is; None if it is something else, such as a name."""
    return _ip_literal(text) if len(text) <= MAX_ADDRESS_TEXT else None


# The same few addresses come with connection after connection, and each is asked about often.
@lru_cache(maxsize=512)
def _ip_literal(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def parse_address(text: str) -> Address | None:
    """An address in its one form: no zone, and IPv4 is IPv4 however it is written."""
    address = ip_literal(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def peer_address(peer_name: object) -> Address | None:
    """The address in what a socket calls its peer; None if that is no address."""
    if not isinstance(peer_name, tuple) or not peer_name:
        return None
    return parse_address(str(peer_name[0]))  # pyright: ignore[reportUnknownArgumentType]


@lru_cache(maxsize=512)
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
    address = ip_literal(host.strip("[]"))
    return address is not None and address.is_loopback
