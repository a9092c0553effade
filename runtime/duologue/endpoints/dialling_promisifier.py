"""`create_websocket_promisifier` in both its forms: over a connection, or to be connected later.

What only the second form needs is imported when it is used.
"""

import re
from typing import Final, overload

from duologue.connection.base import CLOSE_CODE_LOST, Connection, ConnectionState
from duologue.errors import ConnectionClosed
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.promisifier import promisifier
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.keys import public_key_from_hex

MEETING_TIMEOUT_S: Final = 120.0
"""How long one waits at a meeting point, unless something else is said (base profile 9.2)."""

_KEY: Final = re.compile("[0-9a-fA-F]{64}")


class DiallingPromisifier(WebsocketPromisifier):
    """A promisifier without a connection; `connect` finds it one. Services may be added before."""

    def __init__(self, identity: Identity | None, limits: Limits) -> None:
        from duologue.connection.late_connection import LateConnection

        self._late = LateConnection()
        super().__init__(self._late, limits)
        self._identity = identity
        self._is_connecting = False

    async def connect(self, url: str, partner: str, timeout: float | None = None) -> None:
        """Find a partner through the communication server at `url`.

        A `partner` of 64 hex digits is a public key: it is dialled through the relay, encrypted,
        with the identity given to `create_websocket_promisifier`. Any other text is the name of a
        meeting point: succeeds when the second party has come. What goes through a meeting point
        can be read there; it is for development.

        `timeout` is in seconds; without it, it is `Limits.connect_timeout_s` for a key, and 120 s
        for a meeting point. If it fails it may be tried again.

        Raises:
            ValueError: a key as partner, and no identity.
            RuntimeError: it is connected, or closed, or another `connect` is under way.
            DeadlineExceeded: nobody came in time.
            PeerNotFound, RelayRefused, RelayUnreachable, HandshakeFailed: as `dial`.
            ConnectionClosed, ProtocolError: as `duologue.connect`, for a meeting point.
        """
        if self._is_connecting or not self._stands_at(ConnectionState.CONNECTING):
            raise RuntimeError("this promisifier is connected, connecting, or closed already")
        self._is_connecting = True
        try:
            if _KEY.fullmatch(partner):
                connection = await self._dial(url, partner, timeout)
            else:
                from duologue.endpoints.meeting_point import meet

                seconds = MEETING_TIMEOUT_S if timeout is None else timeout
                connection = await meet(url, partner, self.limits, seconds)
        finally:
            self._is_connecting = False
        if self._stands_at(ConnectionState.CLOSED):
            connection.close()
            raise ConnectionClosed(CLOSE_CODE_LOST, "closed while connecting", sent="no")
        self._late.attach(connection)

    def _stands_at(self, state: ConnectionState) -> bool:
        return self._late.state.current_state is state

    async def _dial(self, url: str, partner: str, timeout: float | None) -> Connection:
        if self._identity is None:
            raise ValueError(
                "a key as partner needs create_websocket_promisifier(identity=...), who we are"
            )
        from duologue.endpoints.through_relay import dial_through_relay

        return await dial_through_relay(
            url,
            identity=self._identity,
            target=public_key_from_hex(partner),
            limits=self.limits,
            timeout_s=self.limits.connect_timeout_s if timeout is None else timeout,
        )


@overload
def create_websocket_promisifier(
    connection: Connection, *, limits: Limits | None = None
) -> WebsocketPromisifier: ...


@overload
def create_websocket_promisifier(
    connection: None = None, *, identity: Identity | None = None, limits: Limits | None = None
) -> DiallingPromisifier: ...


def create_websocket_promisifier(
    connection: Connection | None = None,
    *,
    identity: Identity | None = None,
    limits: Limits | None = None,
) -> WebsocketPromisifier:
    """A promisifier, for calls and services by number (base profile 7).

    Over `connection`; or without one, and then `connect` finds a partner through a communication
    server, as `identity` where the partner is a key. Must be called in a running event loop.
    Messages that came before are not lost.
    """
    if connection is None:
        return DiallingPromisifier(identity, limits or Limits())
    return promisifier.create_websocket_promisifier(connection, limits=limits)
