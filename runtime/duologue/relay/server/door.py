"""Who gets in at all: limits on sockets, before anybody has said anything."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from http import HTTPStatus

from duologue.connection.addresses import group_of, peer_address
from duologue.connection.base import ConnectionState
from duologue.connection.event_loop import Loop
from duologue.connection.websocket.descriptors import Room, descriptor_limit, room_here
from duologue.connection.websocket.own_names import AcceptanceRules
from duologue.connection.websocket.plain_upgrade import UpgradeRequest
from duologue.connection.websocket.refusals import Refusals
from duologue.connection.websocket.server_opening import BearerOpening
from duologue.limits import Limits
from duologue.protocol.newcomers import Newcomers
from duologue.relay.events import NotOpened, Observer, TurnedAway
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link
from duologue.relay.rates import Rate
from duologue.relay.server.socket_link import SocketLink
from duologue.relay.trusted_proxies import HEADER, BadForwarding, TrustedProxies


class Door:
    """Makes a link of each accepted socket, or turns it away.

    Invariant: every socket is counted, in all and for its address, until it is gone; as a
    *stranger* until it is a spare or half of a pair. Strangers have places of their own, and take
    them from each other: see `Newcomers`. What comes through a trusted proxy is counted for its
    address as soon as the proxy has told it.
    """

    def __init__(
        self,
        limits: RelayLimits,
        loop: Loop,
        welcome: Callable[[Link], None],
        note: Observer,
        *,
        hosts: Collection[str],
        origins: Collection[str],
        bound_host: str,
        secure: bool,
        proxies: TrustedProxies,
    ) -> None:
        self._limits = limits
        self.link_limits = Limits(
            max_message_bytes=limits.max_first_message_bytes,
            max_unsent_bytes=limits.max_unsent_bytes,
            handshake_timeout_s=limits.first_message_timeout_s,
            close_timeout_s=limits.close_timeout_s,
        )
        """Of each link, from its first byte on."""
        self._loop = loop
        self._welcome = welcome
        self._note = note
        self._rules = AcceptanceRules(origins=tuple(origins), hosts=tuple(hosts))
        self._refusals = Refusals(
            'names = ["NAME"] in the configuration of the relay',
            'origins = ["NAME"] in the configuration of the relay',
            # The relay's log holds no text of strangers; it has `NotOpened`.
            is_logged=False,
        )
        self._bound_host = bound_host
        self._secure = secure
        self._proxies = proxies
        wanted = Room(limits.max_connections, limits.max_unauthenticated)
        self.links_may_be_given = False
        """Whether sockets may be given to other nodes: see `SocketLink.give_away`."""
        self._room = room_here(wanted, descriptor_limit())
        self._is_closed = False
        self._inside: set[SocketLink] = set()
        self._strangers: Newcomers[SocketLink] = Newcomers(
            self._room.newcomers, limits.max_unauthenticated_per_address
        )
        self._leaving: set[SocketLink] = set()
        """Those that were told to go and are not gone, and are counted no more."""
        self._unnamed: set[SocketLink] = set()
        """Those inside that a proxy has brought and not named yet."""
        self._counted: dict[SocketLink, str] = {}
        """Those inside that are counted for an address, and for which."""
        self._inside_of: Counter[str] = Counter()
        self._arrivals: Rate[str] = Rate(
            limits.new_connections_per_s_per_address, limits.new_connections_burst_per_address
        )
        self.turn_away: Callable[[SocketLink], None] | None = None
        """For who accepts sockets: this link has to give way, and may still be arriving."""
        self._all_gone = asyncio.Event()

    def __len__(self) -> int:
        return len(self._inside)

    @property
    def strangers(self) -> int:
        """Sockets that have not shown yet what they are."""
        return len(self._strangers)

    @property
    def is_full(self) -> bool:
        """Whether the next one would be turned away."""
        return len(self._inside) - len(self._strangers) >= self._room.connections

    def note_known(self, link: Link) -> None:
        """It is a spare, or half of a pair."""
        if isinstance(link, SocketLink):
            self._strangers.leave(link)

    def note_taken(self, link: Link) -> None:
        """A spare was handed over. Its listener comes with another, which is not its fault: what it
        has used of `new_connections_per_s_per_address` is given back."""
        if isinstance(link, SocketLink):
            self._arrivals.give_back(link.address_group)

    def close(self) -> None:
        """Let nobody in any more, and drop unfinished opening handshakes."""
        self._is_closed = True
        for link in self._inside | self._leaving:
            if link.state.current_state is ConnectionState.CONNECTING:
                link.terminate("relay is closing")
        self._tell_if_all_gone()

    async def wait_empty(self) -> None:
        """Wait until it is closed and the last socket is gone."""
        await self._all_gone.wait()

    # -- for the sockets ------------------------------------------------------------------------

    def admit(self, peer_name: object) -> SocketLink | None:
        """See `Gatekeeper.admit`."""
        peer = peer_address(peer_name)
        group = group_of(peer)
        # Who is behind a proxy is known only when the request has come: until then only the limits
        # for all hold.
        is_proxy = peer in self._proxies
        limit = "" if is_proxy else self._limit_of(group)
        if limit or self._is_closed:
            if limit:
                self._note(TurnedAway(group, limit))
            return None
        link = SocketLink(self, self.link_limits, self._loop, read_bytes=self._limits.read_bytes)
        link.address_group = group
        if self.links_may_be_given:
            link.may_be_given = True
        self._inside.add(link)
        if is_proxy:
            self._unnamed.add(link)
        else:
            self._count(link, group)
        self._take_place(link, group, is_named=not is_proxy)
        return link

    def judge(self, link: SocketLink, transport: asyncio.Transport) -> BearerOpening:
        """See `Doorkeeper.judge`."""
        address, port, *_ = transport.get_extra_info("sockname")
        return BearerOpening(
            self._rules,
            own_hosts=[address, self._bound_host],
            port=port,
            secure=self._secure,
            is_full=partial(self._judge_fullness, link),
            refusals=self._refusals,
            max_message_bytes=self._limits.max_first_message_bytes,
            judge=partial(self._judge_forwarded, link) if link in self._unnamed else None,
        )

    def note_open(self, link: SocketLink) -> None:
        """See `Doorkeeper.note_open`."""
        self._strangers.note_sign(link)
        self._welcome(link)

    def note_lost(self, link: SocketLink) -> None:
        """See `Doorkeeper.note_lost`."""
        if link in self._inside and not link.was_open:
            why = "opening_refused" if link.failure is not None else "opening_unfinished"
            self._note(NotOpened(link.address_group, why))
        self._uncount(link)
        self._leaving.discard(link)
        self._tell_if_all_gone()

    # -- inside ---------------------------------------------------------------------------------

    def _judge_fullness(self, link: SocketLink) -> bool:
        if self.is_full:
            self._note(TurnedAway(link.address_group, "max_connections"))
        return self.is_full

    def _judge_forwarded(
        self, link: SocketLink, request: UpgradeRequest
    ) -> tuple[HTTPStatus, str] | None:
        """Apply the limits of an address to whoever is behind the proxy; returns a refusal."""
        try:
            group = self._proxies.group_behind(request.get_all(HEADER.lower()))
        except BadForwarding as error:
            return HTTPStatus.BAD_REQUEST, str(error)
        self._unnamed.discard(link)
        if group is not None:
            link.address_group = group
        limit = self._limit_of(link.address_group)
        if not limit:
            self._count(link, link.address_group)
            self._strangers.leave(link)
            self._take_place(link, link.address_group, is_named=True)
            return None
        self._note(TurnedAway(link.address_group, limit))
        self._uncount(link)
        self._leaving.add(link)
        return HTTPStatus.TOO_MANY_REQUESTS, "Too many connections from this address.\n"

    def _limit_of(self, group: str) -> str:
        """The field of `RelayLimits` that one more from this address would break; or nothing."""
        if not self._arrivals.take(group, self._loop.time()):
            return "new_connections_per_s_per_address"
        if self._inside_of[group] >= self._limits.max_connections_per_address:
            return "max_connections_per_address"
        return ""

    def _take_place(self, link: SocketLink, group: str, *, is_named: bool) -> None:
        """Make it a stranger; another may have to give way."""
        limit = "max_unauthenticated"
        if is_named and self._strangers.number_of(group) >= self._strangers.most_of_group:
            limit = "max_unauthenticated_per_address"
        loser = self._strangers.enter(link, group, is_group_bounded=is_named)
        if loser is not None:
            self._note(TurnedAway(loser.address_group, limit))
            self._uncount(loser)
            self._leaving.add(loser)
            if self.turn_away is not None:
                self.turn_away(loser)
            loser.terminate("another connection needed its place")

    def _count(self, link: SocketLink, group: str) -> None:
        self._counted[link] = group
        self._inside_of[group] += 1

    def _uncount(self, link: SocketLink) -> None:
        self._inside.discard(link)
        self._strangers.leave(link)
        self._unnamed.discard(link)
        group = self._counted.pop(link, None)
        if group is not None:
            self._inside_of[group] -= 1
            if not self._inside_of[group]:
                del self._inside_of[group]

    def _tell_if_all_gone(self) -> None:
        if self._is_closed and not self._inside and not self._leaving:
            self._all_gone.set()
