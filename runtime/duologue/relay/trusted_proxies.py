"""Clients behind a proxy that ends TLS: whom it names in `X-Forwarded-For`.

Anybody can send that header, so it is read only from proxies that the operator lists, and from its
end: the last address was written by our proxy, those before it by whoever came to it.
"""

from collections.abc import Sequence
from typing import Final

from duologue.connection.addresses import Address, Network, group_of, parse_address

HEADER: Final = "X-Forwarded-For"


class BadForwarding(ValueError):
    """A listed proxy names somebody who cannot be counted. The text is fit for an answer."""


class TrustedProxies:
    """The networks whose word on a client's address is taken."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)

    def __contains__(self, address: Address | None) -> bool:
        return address is not None and any(
            address in network for network in self._networks if network.version == address.version
        )

    def group_behind(self, values: Sequence[str]) -> str | None:
        """What limits "per address" count for the client, by the header's values in their order.

        None: the proxy says nothing, so it is the client itself, for all that is known. The client
        is the last address that is no trusted proxy; what stands before it is not looked at.

        Raises:
            BadForwarding: there is something else than an address before the client was found.
        """
        entries = [each.strip() for value in values for each in value.split(",")]
        address: Address | None = None
        for entry in reversed(entries):
            address = parse_address(_without_port(entry))
            if address is None:
                raise BadForwarding(f"{HEADER} holds something that is no address.\n")
            if address not in self:
                break
        return None if address is None else group_of(address)


def _without_port(entry: str) -> str:
    """Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
