"""Reaching a relay: which one, as whom, and an open connection to it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from ssl import SSLContext

from duologue.connection.addresses import ProxyChoice
from duologue.connection.base import Connection
from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import (
    ConnectionClosed,
    DeadlineExceeded,
    ProtocolError,
    RelayRefused,
    RelayUnreachable,
)
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.relay.client.known_relays import KnownRelays


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayAccount:
    """Which relay, as whom, and what is needed to be let in."""

    url: str
    identity: Identity
    limits: Limits
    known_relays: KnownRelays
    ssl: SSLContext | None = None
    proxy: ProxyChoice = True
    """Through which the relay is reached; True: what the environment says."""
    token: str | None = field(default=None, repr=False)
    """A bearer token, for relays that ask for one."""
    foreign_keys: Collection[bytes] = ()
    """Keys of known peers: whoever calls one of them its relay key is no relay, but wants our
    answer for somebody else's challenge."""


async def dial_relay(account: RelayAccount, timeout_s: float) -> Connection:
    """An open connection to the relay; nothing is said yet.

    It has no pulse: the relay asks its spares for a lifesign, and conversations are encrypted.

    Raises:
        RelayUnreachable: nobody is there, TLS failed, or it took too long.
        RelayRefused: what is there is no relay, or lets nobody like us in.
    """
    headers = [] if account.token is None else [("Authorization", f"Bearer {account.token}")]
    try:
        return await dial_websocket(
            account.url,
            account.limits,
            ssl=account.ssl,
            headers=headers,
            proxy=account.proxy,
            timeout_s=timeout_s,
            has_pulse=False,
        )
    except (ConnectionClosed, DeadlineExceeded) as error:
        reason = error.reason if isinstance(error, ConnectionClosed) else error.message
        raise RelayUnreachable(reason) from error
    except ProtocolError as error:
        raise RelayRefused(str(error)) from error
