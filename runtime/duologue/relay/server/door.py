"""Who gets in at all: limits on sockets, before anybody has said anything."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from http import HTTPStatus

from websockets.http11 import Request

from duologue.connection.base import ConnectionState
from duologue.connection.event_loop import Loop
from duologue.connection.websocket.listener import ACCEPTING_TURNS, MAX_WAITING_REFUSALS
from duologue.connection.websocket.opening import AcceptanceRules, BearerOpening
from duologue.limits import Limits
from duologue.relay.addresses import group_of, peer_address
from duologue.relay.events import NotOpened, Observer, TurnedAway
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link
from duologue.relay.rates import Rate
from duologue.relay.server.socket_link import SocketLink
from duologue.relay.trusted_proxies import HEADER, BadForwarding, TrustedProxies


class Door:
    """Makes a link of each accepted socket, or turns it away.

    Invariant: every socket is counted, in all and for its address, until it is gone; as a
    *stranger* until it is a spare or half of a pair. What comes through a trusted proxy is counted
    for its address as soon as the proxy has told it.
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
        self._link_limits = Limits(
            max_message_bytes=limits.max_first_message_bytes,
            max_unsent_bytes=limits.max_unsent_bytes,
            handshake_timeout_s=limits.first_message_timeout_s,
            close_timeout_s=limits.close_timeout_s,
        )
        self._loop = loop
        self._welcome = welcome
        self._note = note
        self._rules = AcceptanceRules(origins=tuple(origins), hosts=tuple(hosts))
        self._bound_host = bound_host
        self._secure = secure
        self._proxies = proxies
        self._is_closed = False
        self._inside: set[SocketLink] = set()
        self._strangers: set[SocketLink] = set()
        self._refused: set[SocketLink] = set()
        self._unnamed: set[SocketLink] = set()
        """Those inside that a proxy has brought and not named yet."""
        self._counted: dict[SocketLink, str] = {}
        """Those inside that are counted for an address, and for which."""
        self._inside_of: Counter[str] = Counter()
        self._strangers_of: Counter[str] = Counter()
        self._arrivals: Rate[str] = Rate(
            limits.new_connections_per_s_per_address, limits.new_connections_burst_per_address
        )
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
        return len(self._inside) >= self._limits.max_connections

    def make_link(self) -> SocketLink:
        """The protocol for one accepted socket."""
        return SocketLink(self, self._link_limits, self._loop, read_bytes=self._limits.read_bytes)

    def note_known(self, link: Link) -> None:
        """It is a spare, or half of a pair."""
        if isinstance(link, SocketLink):
            self._forget_stranger(link)

    def close(self) -> None:
        """Let nobody in any more, and drop unfinished opening handshakes."""
        self._is_closed = True
        for link in self._inside | self._refused:
            if link.state.current_state is ConnectionState.CONNECTING:
                link.terminate("relay is closing")
        self._tell_if_all_gone()

    async def wait_empty(self) -> None:
        """Wait until it is closed and the last socket is gone."""
        await self._all_gone.wait()
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)

    # -- for the links --------------------------------------------------------------------------

    def admit(self, link: SocketLink, peer_name: object) -> str:
        """Count a socket that has just been accepted, or say which limit it would break.

        It is one of `RelayLimits`, or `closed`; then the socket is not counted and must be dropped.
        """
        peer = peer_address(peer_name)
        group = link.address_group = group_of(peer)
        # Who is behind a proxy is known only when the request has come: until then only the limits
        # for all hold.
        is_proxy = peer in self._proxies
        limit = ("" if is_proxy else self._limit_of(group)) or self._limit_of_all()
        if limit:
            self._note(TurnedAway(group, limit))
            return limit
        if self._is_closed:
            return "closed"
        self._inside.add(link)
        self._strangers.add(link)
        if is_proxy:
            self._unnamed.add(link)
        else:
            self._count(link, group)
        return ""

    def judge(self, link: SocketLink, transport: asyncio.Transport) -> BearerOpening:
        """See `Doorkeeper.judge`. Admits it, unless that has been done."""
        obstacle = ""
        if link not in self._inside:
            obstacle = self.admit(link, transport.get_extra_info("peername"))
        # Only when the relay is full is it worth telling honest clients. Others are to blame
        # themselves, and an answer would cost us more than dropping costs them.
        is_full = obstacle == "max_connections"
        if is_full and len(self._refused) < MAX_WAITING_REFUSALS and not self._is_closed:
            self._refused.add(link)
        elif obstacle:
            transport.abort()
        address, port, *_ = transport.get_extra_info("sockname")
        return BearerOpening(
            self._rules,
            own_hosts=[address, self._bound_host],
            port=port,
            secure=self._secure,
            is_full=is_full,
            max_message_bytes=self._limits.max_first_message_bytes,
            judge=partial(self._judge_forwarded, link) if link in self._unnamed else None,
        )

    def note_open(self, link: SocketLink) -> None:
        """See `Doorkeeper.note_open`."""
        self._welcome(link)

    def note_lost(self, link: SocketLink) -> None:
        """See `Doorkeeper.note_lost`."""
        self._forget_stranger(link)
        self._refused.discard(link)
        self._unnamed.discard(link)
        if link in self._inside:
            if not link.was_open:
                why = "opening_refused" if link.failure is not None else "opening_unfinished"
                self._note(NotOpened(link.address_group, why))
            self._inside.discard(link)
            group = self._counted.pop(link, None)
            if group is not None:
                _count_down(self._inside_of, group)
        self._tell_if_all_gone()

    # -- inside ---------------------------------------------------------------------------------

    def _judge_forwarded(self, link: SocketLink, request: Request) -> tuple[HTTPStatus, str] | None:
        """Apply the limits of an address to whoever is behind the proxy; returns a refusal."""
        try:
            group = self._proxies.group_behind(request.headers.get_all(HEADER))
        except BadForwarding as error:
            return HTTPStatus.BAD_REQUEST, str(error)
        self._unnamed.discard(link)
        if group is not None:
            link.address_group = group
        limit = self._limit_of(link.address_group)
        if not limit:
            self._count(link, link.address_group)
            return None
        self._note(TurnedAway(link.address_group, limit))
        self._inside.discard(link)
        self._strangers.discard(link)
        self._refused.add(link)
        return HTTPStatus.TOO_MANY_REQUESTS, "Too many connections from this address.\n"

    def _limit_of_all(self) -> str:
        """The field of `RelayLimits` that one more socket would break; or nothing."""
        if self.is_full:
            return "max_connections"
        if len(self._strangers) >= self._limits.max_unauthenticated:
            return "max_unauthenticated"
        return ""

    def _limit_of(self, group: str) -> str:
        """The same for one more from this address."""
        limits = self._limits
        if not self._arrivals.take(group, self._loop.time()):
            return "new_connections_per_s_per_address"
        if self._inside_of[group] >= limits.max_connections_per_address:
            return "max_connections_per_address"
        if self._strangers_of[group] >= limits.max_unauthenticated_per_address:
            return "max_unauthenticated_per_address"
        return ""

    def _count(self, link: SocketLink, group: str) -> None:
        self._counted[link] = group
        self._inside_of[group] += 1
        self._strangers_of[group] += 1

    def _forget_stranger(self, link: SocketLink) -> None:
        if link in self._strangers:
            self._strangers.discard(link)
            if link in self._counted:
                _count_down(self._strangers_of, self._counted[link])

    def _tell_if_all_gone(self) -> None:
        if self._is_closed and not self._inside and not self._refused:
            self._all_gone.set()


def _count_down(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
