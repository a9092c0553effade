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


def parse_host_port(text: str) -> tuple[str, int]:
    """Host and port of "host:port"; an IPv6 address stands in brackets.

    Raises:
        ValueError: it is something else.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"an IPv6 address needs brackets: {text}")
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise ValueError(f"expected host:port, not {text!r}")
    if not 0 <= int(port) <= 65_535:
        raise ValueError(f"no port: {port}")
    return host, int(port)
