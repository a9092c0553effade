"""How an endpoint holds its conversations: what `serve`, `connect`, `listen` and `dial` share."""

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

from duologue.connection.base import Connection
from duologue.endpoints.arguments import check_arguments
from duologue.endpoints.first_words import Before, speak_first
from duologue.errors import Digests
from duologue.foreign_text import shown
from duologue.limits import Limits
from duologue.observability.usual import usual_observers
from duologue.observer import Observer
from duologue.promisifier.budget import Budget
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.observing import Observers
from duologue.promisifier.on_connected import OnConnected
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.hello import Contracts, Counterpart, Role, encode_hello
from duologue.typed.interceptors import Interceptor
from duologue.typed.service import Offer
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

_USUAL_LIMITS: Final = Limits()

AGENT: Final = f"duologue/{VERSION}"
"""Name and version of this library, as peers show it."""


class ConversationOptions(TypedDict, total=False):
    """Keyword arguments that `serve`, `connect`, `listen` and `dial` all take.

    Each is a field of `Manner` by the same name, which has its default.
    """

    profile: Profile
    """`"base"` says no hello, for peers that must see the base profile and nothing else."""
    contracts: Contracts
    """`"any"`, the default: services of the other side are called, whatever contract they were
    generated from; what does not fit fails by itself, in errors that name both digests. `"same"`
    refuses calls by another contract beforehand, with `ContractMismatch`, which says what
    differs."""
    same_contracts: bool
    """The old name of `contracts`, for one release: True is "same", False is "any"."""
    describe: bool
    """Whether whoever asks is shown the contracts of what is offered, as `duologue call --list` and
    `--describe` do; default: True."""
    before: Before | None
    """A coroutine function that is called with each connection (`OpenConnection`) when it is open
    and, where it will be, encrypted: it may `send` and `receive`, and calls may begin when it
    returns. An exception refuses the other side with its words. It has
    `Limits.connect_timeout_s`."""
    on_peer: OnPeer | None
    """Told of each new peer, before its first message is served."""
    interceptors: Sequence[Interceptor]
    """Around all typed calls, made and served, in order: the first is outermost."""
    observers: Sequence[Observer]
    """Told of calls, items, events, connections and frames; they change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an endpoint holds its conversations."""

    offer: Offer
    limits: Limits
    profile: Profile = "auto"
    contracts: Contracts = "any"
    same_contracts: bool | None = None
    describe: bool = True
    before: Before | None = None
    on_peer: OnPeer | None = None
    interceptors: Sequence[Interceptor] = ()
    observers: Sequence[Observer] = ()
    observing: Observer | None = None
    """All observers as one, with those that a program has by its environment."""
    told_differences: set[tuple[str, Digests]] = field(default_factory=set[tuple[str, Digests]])
    """Those that have been logged: a server that calls its clients would tell of each of them."""

    @classmethod
    def of(
        cls, function: str, offer: Offer, limits: Limits | None, options: ConversationOptions
    ) -> "Manner":
        """What the arguments of a public `function` say.

        Raises:
            TypeError: there is one that it does not take, or one of another kind.
            ValueError: one says what it cannot say.
        """
        for name in options.keys() - ConversationOptions.__annotations__.keys():
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
        check_arguments(function, limits=limits, **options)
        # Of the two that are generators, contextlib stands between them and their caller.
        contracts = _chosen_contracts(options, 4 if function in ("serve", "listen") else 5)
        said = options.copy()
        said.pop("same_contracts", None)
        said["contracts"] = contracts
        return cls(
            offer=offer.through(options.get("interceptors", ())),
            limits=limits or _USUAL_LIMITS,
            observing=_all_as_one((*options.get("observers", ()), *usual_observers())),
            **said,
        )

    async def speak_first(self, connection: Connection, *, is_connector: bool) -> Connection:
        """The same connection, once what is to be said `before` the calls has been; raises as
        `first_words.speak_first`."""
        if self.before is not None:
            seconds = self.limits.connect_timeout_s
            await speak_first(self.before, connection, is_connector=is_connector, timeout_s=seconds)
        return connection

    def begin(
        self, connection: Connection, role: Role, budget: Budget | None = None
    ) -> WebsocketPromisifier:
        """The peer at the other side of an open connection, served and greeted.

        `budget` is what it shares with other peers. Whatever `on_peer` or the offer raise comes out
        of here, and the connection is closed.
        """
        peer = create_websocket_promisifier(
            connection, limits=self.limits, budget=budget, observers=self.observing
        )
        self._receive(peer, connection, role)
        return peer

    def begin_lasting(
        self, connection: Connection, on_connected: OnConnected | None = None
    ) -> ReconnectingPromisifier:
        """As `begin`, by the side that called: the peer may go on over other connections."""
        peer = ReconnectingPromisifier(connection, self.limits, on_connected, self.observing)
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
            peer.interceptors = tuple(self.interceptors)
            self.offer.make_to(peer)
            self.greet(peer, connection, role)
            if self.on_peer is not None:
                self.on_peer(peer)
            peer.start()
        except BaseException:
            # `on_peer` is the application's own code; and nobody else has the peer yet.
            peer.close("this connection could not be taken in, by a fault of this side")
            raise


def _chosen_contracts(options: ConversationOptions, stacklevel: int) -> Contracts:
    """What `contracts=` says, or its old name did; `stacklevel` leads to who said so.

    Raises:
        TypeError: both are given.
    """
    contracts = options.get("contracts", "any")
    if "same_contracts" not in options:
        return contracts
    if "contracts" in options:
        raise TypeError("same_contracts= is the old name of contracts=: give the new one alone")
    old = options["same_contracts"]
    contracts = "same" if old else "any"
    warnings.warn(
        f'same_contracts={old} is contracts="{contracts}" now; the old name will go with the next '
        "release",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
    return contracts


def _all_as_one(observers: Sequence[Observer]) -> Observer | None:
    return Observers(observers) if observers else None
