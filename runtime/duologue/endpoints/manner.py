"""How an endpoint holds its conversations: what `serve`, `connect`, `listen` and `dial` share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

from duologue.connection.base import Connection
from duologue.limits import Limits
from duologue.promisifier.budget import Budget
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.on_connected import OnConnected
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.hello import Counterpart, Role, encode_hello
from duologue.typed.service import Offer, Service
from duologue.version import VERSION

OnPeer = Callable[[WebsocketPromisifier], None]
"""Told of each new peer before its first message is served: the place to add services by hand, and
to keep the peer if one wants to call it. A peer with `reconnect=True` is told of once, not with
each of its connections."""

Profile = Literal["auto", "base"]
"""Whether a peer introduces itself; one that knows only the base profile is served either way."""

AGENT: Final = f"duologue/{VERSION}"
"""Name and version of this library, as peers show it."""


class ConversationOptions(TypedDict, total=False):
    """Keyword arguments that `serve`, `connect`, `listen` and `dial` all take.

    Each is a field of `Manner` by the same name, which has its default.
    """

    profile: Profile
    """`"base"` says no hello, for peers that must see the base profile and nothing else."""
    same_contracts: bool
    """Whether services of the other side that were generated from another contract are refused to
    our clients with `ContractMismatch`; default: True."""
    on_peer: OnPeer | None
    """Told of each new peer, before its first message is served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an endpoint holds its conversations."""

    offer: Offer
    limits: Limits
    profile: Profile = "auto"
    same_contracts: bool = True
    on_peer: OnPeer | None = None

    @classmethod
    def of(
        cls, function: str, offer: Offer, limits: Limits | None, options: ConversationOptions
    ) -> "Manner":
        """What the arguments of a public `function` say.

        Raises:
            TypeError: there is one that it does not take.
        """
        for name in options.keys() - ConversationOptions.__annotations__.keys():
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
        return cls(offer=offer, limits=limits or Limits(), **options)

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
            )
            counterpart = Counterpart(
                connection.own_key, connection.claimed_key, same_contracts=self.same_contracts
            )
            peer.greet(Greeting(hello, counterpart))

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
