"""Connections made into conversations, the same for every endpoint."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from duologue.connection.base import Connection
from duologue.introduction import Profile, introduce
from duologue.limits import Limits
from duologue.promisifier.negotiation import Role
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.typed.service import Offer

OnPeer = Callable[[WebsocketPromisifier], None]
"""Told of each new conversation before its first message is served: the place to add services by
hand, and to keep the peer if one wants to call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an endpoint holds its conversations."""

    offer: Offer
    limits: Limits
    profile: Profile = "auto"
    same_contracts: bool = True
    on_peer: OnPeer | None = None

    def begin(self, connection: Connection, role: Role) -> WebsocketPromisifier:
        """The peer at the other side of an open connection, served and greeted.

        Whatever `on_peer` or the offer raise comes out of here, and the connection is closed.
        """
        peer = create_websocket_promisifier(connection, limits=self.limits)
        try:
            self.offer.make_to(peer)
            if self.profile == "auto":
                introduce(peer, connection, role, self.offer, self.same_contracts)
            if self.on_peer is not None:
                self.on_peer(peer)
            peer.start()
        except BaseException:
            connection.close()
            raise
        return peer


@asynccontextmanager
async def conversation(
    connection: Connection, manner: Manner
) -> AsyncGenerator[WebsocketPromisifier]:
    """The side that called: greets, and closes when the block is left."""
    peer = manner.begin(connection, "connector")
    try:
        await peer.negotiated()
        yield peer
    finally:
        peer.close()
        await peer.promise.wait()


class Conversations:
    """The side that is called: all conversations that are open now."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._peers: set[WebsocketPromisifier] = set()

    @property
    def peers(self) -> frozenset[WebsocketPromisifier]:
        """Whom one speaks with now."""
        return frozenset(self._peers)

    def welcome(self, connection: Connection) -> None:
        """Begin a conversation on an open connection."""
        peer = self._manner.begin(connection, "acceptor")
        self._peers.add(peer)
        peer.on_closed(self._peers.discard)

    async def end(self, reason: str) -> None:
        """Let running calls finish within `Limits.drain_timeout_s`, then close them all."""
        await asyncio.gather(*(self._dismiss(peer, reason) for peer in self._peers))

    async def _dismiss(self, peer: WebsocketPromisifier, reason: str) -> None:
        await peer.drain(self._manner.limits.drain_timeout_s)
        peer.close(reason)
        await peer.promise.wait()
