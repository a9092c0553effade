"""The names a server goes by: which `Host` headers mean it, and which pages may come."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_HOST_NAME: Final = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
"""What can stand in DNS, or is an IPv6 address; in lower case."""

ANY_HOST: Final = "*"
"""Stands for the bound host where whoever can connect at all is on this machine."""


@dataclass(frozen=True, slots=True)
class AcceptanceRules:
    """Who may open a connection."""

    origins: tuple[str, ...] = ()
    """Origins of web pages that may; others are refused, and so is every other browser page."""
    hosts: tuple[str, ...] = ()
    """Further names of this server in `Host` headers; without a port, any port will do."""


# Most clients of a server say the same. Bounded, and no header is longer than a head may be.
@lru_cache(maxsize=64)
def host_is_ours(
    header: str, *, rules: AcceptanceRules, own_hosts: tuple[str, ...], port: int, secure: bool
) -> bool:
    """Whether a `Host` header means this server.

    A page of somebody else's whose name was made to resolve to this machine ("DNS rebinding")
    still sends its own name. `own_hosts` are the bound host and the address at which the
    connection came in; these need the `port` we listen on. Loopback names do not: nobody can make
    them resolve to anything else, and a tunnel or a container's port leads here by another one.
    """
    if ANY_HOST in own_hosts:
        return True
    name, stated_port = _split_host(header)
    if not name:
        return False
    for extra in rules.hosts:
        extra_name, extra_port = _split_host(extra)
        if name == extra_name and extra_port in ("", stated_port):
            return True
    if _is_loopback(name):
        return True
    default_port = "443" if secure else "80"
    if (stated_port or default_port) != str(port):
        return False
    return name in {_split_host(_bracketed(own))[0] for own in own_hosts}


def name_to_let_in(header: str) -> str:
    """What `AcceptanceRules.hosts` has to hold for a `Host` header, with any port.

    Nothing, if that is no name a host can have.
    """
    name, _ = _split_host(header)
    return _bracketed(name) if _HOST_NAME.fullmatch(name) else ""


def _split_host(header: str) -> tuple[str, str]:
    """Name in its plainest form, and port or nothing; an empty name if it makes no sense."""
    text = header.strip().lower()
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        name, port = text, ""
    if colon and not text.endswith("]") and not port.isdecimal():
        return "", ""
    name = name.removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ipaddress.ip_address(name)), port
    except ValueError:
        return name, port


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
