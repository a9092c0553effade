"""Connections made into conversations, the same for every endpoint; and the side that is called."""

import asyncio
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar, Final, Literal, Self

from duologue.connection.base import Connection
from duologue.errors import Digests
from duologue.foreign_text import shown
from duologue.limits import Limits
from duologue.promisifier.budget import Budget
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.on_connected import OnConnected
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.hello import Contracts, Counterpart, Role, encode_hello
from duologue.typed.service import Offer, Service
from duologue.version import VERSION

OnPeer = Callable[[WebsocketPromisifier], None]
"""Told of each new peer before its first message is served: the place to add services by hand, and
to keep the peer if one wants to call it. A peer with `reconnect=True` is told of once, not with
each of its connections."""

Profile = Literal["auto", "base"]
"""Whether a peer introduces itself; one that knows only the base profile is served either way."""

MAX_TOLD_DIFFERENCES: Final = 1000
"""Of contracts, that one endpoint remembers to have logged: others say what their digests are."""

_log: Final = logging.getLogger("duologue")

AGENT: Final = f"duologue/{VERSION}"
"""Name and version of this library, as peers show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an endpoint holds its conversations."""

    offer: Offer
    limits: Limits
    profile: Profile = "auto"
    contracts: Contracts = "any"
    describe: bool = True
    """Whether contracts of the offer are shown to whoever asks."""
    on_peer: OnPeer | None = None
    told_differences: set[tuple[str, Digests]] = field(default_factory=set[tuple[str, Digests]])
    """Those that have been logged: a server that calls its clients would tell of each of them."""

    def begin(
        self, connection: Connection, role: Role, budget: Budget | None = None
    ) -> WebsocketPromisifier:
        """The peer at the other side of an open connection, served and greeted.

        `budget` is what it shares with other peers. Whatever `on_peer` or the offer raise comes out
        of here, and the connection is closed.
        """
        peer = create_websocket_promisifier(connection, limits=self.limits, budget=budget)
        self._receive(peer, connection, role)
        return peer

    def begin_lasting(
        self, connection: Connection, on_connected: OnConnected | None = None
    ) -> ReconnectingPromisifier:
        """As `begin`, by the side that called: the peer may go on over other connections."""
        peer = ReconnectingPromisifier(connection, self.limits, on_connected)
        self._receive(peer, connection, "connector")
        return peer

    def greet(self, peer: WebsocketPromisifier, connection: Connection, role: Role) -> None:
        """Say hello over a new connection (duologue profile 1), unless the profile says no."""
        if self.profile == "auto":
            hello = encode_hello(
                role=role,
                own_key=connection.own_key,
                remote_key=connection.claimed_key,
                services=self.offer.offered,
                limits=self.limits,
                agent=AGENT,
                describes=self.describe,
            )
            counterpart = Counterpart(
                connection.own_key, connection.claimed_key, contracts=self.contracts
            )
            counterpart.on_difference = self._note_difference
            describing = self.offer.descriptions if self.describe else None
            peer.greet(Greeting(hello, counterpart, describing))

    def _note_difference(self, service: str, digests: Digests) -> None:
        told = self.told_differences
        if (service, digests) in told:
            return
        if len(told) >= MAX_TOLD_DIFFERENCES:
            told.clear()
        told.add((service, digests))
        _log.info("%s: %s; what does not fit fails by itself", shown(service), digests)

    def _receive(self, peer: WebsocketPromisifier, connection: Connection, role: Role) -> None:
        try:
            self.offer.make_to(peer)
            self.greet(peer, connection, role)
            if self.on_peer is not None:
                self.on_peer(peer)
            peer.start()
        except BaseException:
            peer.close()
            raise


def chosen_contracts(
    contracts: Contracts, same_contracts: bool | None, *, stacklevel: int
) -> Contracts:
    """What `contracts=` says, or its old name did; `stacklevel` leads to who said so.

    Raises:
        TypeError: both are given.
        ValueError: it is neither "any" nor "same".
    """
    if contracts not in ("any", "same"):
        raise ValueError(f'contracts= is "any" or "same" but is {contracts!r}')
    if same_contracts is None:
        return contracts
    new: Contracts = "same" if same_contracts else "any"
    if contracts != "any":
        raise TypeError("same_contracts= is the old name of contracts=: give the new one alone")
    warnings.warn(
        f'same_contracts={same_contracts} is contracts="{new}" now; the old name will go with the '
        "next release",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
    return new


def offer_of(services: Sequence[Service]) -> Offer:
    """What `offer=` says.

    Raises:
        TypeError: it is no sequence of services; the text says what to write.
        ServiceIdTaken: two of them want the same number.
    """
    if isinstance(services, Service):
        name = type(services).__name__
        raise TypeError(f"offer= takes several services; for one, write offer=[{name}(...)]")
    return Offer(services)


class Conversations:
    """The side that is called: all conversations that are open now."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._budget = Budget(manner.limits)
        self._peers: set[WebsocketPromisifier] = set()

    @property
    def peers(self) -> frozenset[WebsocketPromisifier]:
        """Whom one speaks with now."""
        return frozenset(self._peers)

    def welcome(self, connection: Connection) -> None:
        """Begin a conversation on an open connection."""
        peer = self._manner.begin(connection, "acceptor", self._budget)
        self._peers.add(peer)
        peer.on_closed(self._peers.discard)

    async def end(self, reason: str) -> None:
        """Let running calls finish within `Limits.drain_timeout_s`, then close them all."""
        await asyncio.gather(*(self._dismiss(peer, reason) for peer in self._peers))

    async def _dismiss(self, peer: WebsocketPromisifier, reason: str) -> None:
        await peer.drain(self._manner.limits.drain_timeout_s)
        peer.close(reason)
        await peer.promise.wait()


class Host(ABC):
    """What is called, at an address or through relays; runs inside `async with`.

    Leaving the block ends it gracefully. It runs once: for another time, make another one.
    """

    kind: ClassVar[str]
    """How texts name it."""

    def __init__(self, manner: Manner) -> None:
        self._conversations = Conversations(manner)
        self._is_entered = False
        self._closed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    @property
    def peers(self) -> frozenset[WebsocketPromisifier]:
        """The conversations that are open now.

        Raises:
            RuntimeError: it has not been entered.
        """
        self._check_entered()
        return self._conversations.peers

    async def wait_closed(self) -> None:
        """Wait until it has been closed; `await` it to serve for ever.

        Raises:
            RuntimeError: it has not been entered.
        """
        self._check_entered()
        await self._closed.wait()

    async def close(self) -> None:
        """End gracefully; returns when every connection is closed. May be called again."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_once())
        # Shielded: whoever waits may be cancelled, the closing goes on.
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        if self._is_entered or self._closing is not None:
            how = "has been entered before" if self._is_entered else "has been closed"
            raise RuntimeError(f"the {self.kind} {how}; make another one for another time")
        self._is_entered = True
        is_open = False
        try:
            await self._open()
            is_open = True
        finally:
            # What could not be had may be had later.
            self._is_entered = is_open
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _close_once(self) -> None:
        await self._close()
        self._closed.set()

    def _check_entered(self) -> None:
        if not self._is_entered and self._closing is None:
            raise RuntimeError(f"the {self.kind} is not running; use it in `async with`")

    @abstractmethod
    async def _open(self) -> None:
        """Be there to be called."""

    @abstractmethod
    async def _close(self) -> None:
        """Stop being called, and end what is under way."""
