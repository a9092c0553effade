"""The communication server: the exchange, its door, its clock, and a graceful end."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final

from duologue.connection.addresses import Network
from duologue.connection.websocket.arrivals import Arrivals
from duologue.connection.websocket.listening import listening_sockets
from duologue.identity import Identity
from duologue.protocol.keys import canonical_public_key
from duologue.relay.access import OPEN
from duologue.relay.addresses import is_loopback
from duologue.relay.events import Observer, RelayEvent
from duologue.relay.exchange import Exchange
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link
from duologue.relay.server.door import Door
from duologue.relay.server.socket_link import SocketLink
from duologue.relay.server.watched_files import AccessFiles, TlsFiles
from duologue.relay.trusted_proxies import TrustedProxies

SWEEP_EVERY_S: Final = 1.0
LAGS_KEPT: Final = 60
"""Of the looks at how late the loop is: a minute's, which is longer than between two scrapes."""

BACKLOG: Final = 1024
"""Connections that the system accepts for us while the loop is busy; a relay that comes back has
all its listeners calling at once."""

SPARES_LEAVE_WITHIN: Final = 0.5
"""Of the drain: in this part spares are closed one by one, so that they do not all come at once to
wherever they go."""

PAIRS_LEAVE_AFTER: Final = 0.75
"""Of the drain: until then pairs may end by themselves; then they are closed one by one."""


class RelayServer:
    """A communication server at an address. Use `start`, then `drain` or `close`.

    Invariant: one timer of the loop serves all deadlines of all connections.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        identity: Identity | None = None,
        next_key: bytes | None = None,
        limits: RelayLimits | None = None,
        access: AccessFiles | None = None,
        tls: TlsFiles | None = None,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        trusted_proxies: Sequence[Network] = (),
        observers: Sequence[Observer] = (),
        meeting_points: bool = False,
    ) -> None:
        """Without `identity` its key is made anew and not announced as one that lasts.

        `next_key` is the public key that it will have one day; listeners that have pinned the
        present one will then take it too.

        Needs a running event loop.

        Raises:
            UnsafeKey: `next_key` is no key to build on.
            ValueError: no `access` was given for a host that others can reach, be it by a proxy.
        """
        if access is None and (trusted_proxies or not is_loopback(host)):
            raise ValueError("a relay that others can reach needs an allow-list or tokens")
        self.limits = limits or RelayLimits()
        self.tls = tls
        self.access = access
        self.is_draining = False
        self._host = host
        self._wanted_port = port
        self._observers = tuple(observers)
        self._loop = asyncio.get_running_loop()
        self.exchange = Exchange(
            self.limits,
            identity or Identity.generate(),
            announces_key=identity is not None,
            next_key=None if next_key is None else canonical_public_key(next_key),
            clock=self._loop.time,
            random_bytes=os.urandom,
            note=self._note,
            on_known=self._note_known,
            on_taken=self._note_taken,
            on_due_changed=self._arm,
            meeting_points=meeting_points,
        )
        self.exchange.access = OPEN if access is None else access.access
        self.door = Door(
            self.limits,
            self._loop,
            self.exchange.welcome,
            self._note,
            hosts=hosts,
            origins=origins,
            bound_host=host,
            secure=tls is not None,
            proxies=TrustedProxies(trusted_proxies),
        )
        self._arrivals: Arrivals[SocketLink] | None = None
        self._port = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0
        self._sweeper: asyncio.TimerHandle | None = None
        self.degradations: list[Callable[[], Sequence[str]]] = []
        """What is not as it should be, though the relay can serve; for `/readyz`."""
        self.turned_s = self._loop.time()
        """When the loop last came round; what `/livez` looks at."""
        self._lags_s: deque[float] = deque([0.0], maxlen=LAGS_KEPT)

    @property
    def port(self) -> int:
        """Where it listens; the real one where 0 was asked for."""
        return self._port

    @property
    def url(self) -> str:
        """Its address for clients on this machine."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'ws' if self.tls is None else 'wss'}://{host}:{self._port}"

    @property
    def loop_lag_s(self) -> float:
        """How late the loop came round at most, in the last minute."""
        return max(self._lags_s)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        # One of its own for each family: what `::` alone means is up to the system.
        hosts = ("0.0.0.0", "::") if self._host == "::" else (self._host,)
        sockets = await listening_sockets(hosts, self._wanted_port, BACKLOG)
        self._port = int(sockets[0].getsockname()[1])
        ssl = None if self.tls is None else self.tls.context
        limits = self.door.link_limits
        self._arrivals = Arrivals(
            sockets,
            self.door,
            ssl=ssl,
            handshake_timeout_s=limits.handshake_timeout_s,
            shutdown_timeout_s=limits.close_timeout_s,
        )
        self.door.turn_away = self._arrivals.turn_away
        self._sweeper = self._loop.call_later(SWEEP_EVERY_S, self._sweep)

    async def drain(self, timeout_s: float | None = None) -> None:
        """End gracefully within `timeout_s` (default: `drain_timeout_s`), and return.

        Nobody new gets in. Spares are closed spread over the first half of the time; pairs go on,
        and those still there are closed spread over the last quarter of it.
        """
        seconds = self.limits.drain_timeout_s if timeout_s is None else timeout_s
        self._refuse_new()
        spares, pairs = self.exchange.start_draining()
        timers = [
            self._loop.call_later(
                seconds * SPARES_LEAVE_WITHIN * number / len(spares), self.exchange.dismiss, leg
            )
            for number, leg in enumerate(spares)
        ]
        late = 1 - PAIRS_LEAVE_AFTER
        timers += [
            self._loop.call_later(
                seconds * (PAIRS_LEAVE_AFTER + late * number / len(pairs)),
                self.exchange.dismiss,
                leg,
            )
            for number, leg in enumerate(pairs)
        ]
        try:
            async with asyncio.timeout(seconds):
                await self.door.wait_empty()
        except TimeoutError:
            # Those that do not answer our close frame.
            pass
        finally:
            for timer in timers:
                timer.cancel()
        await self.close()

    async def close(self) -> None:
        """End at once: every connection is closed without waiting."""
        self._refuse_new()
        self.exchange.terminate_all()
        if self._arrivals is not None:
            await self._arrivals.wait_closed()
            self._arrivals = None
        await self.door.wait_empty()
        for timer in (self._timer, self._sweeper):
            if timer is not None:
                timer.cancel()
        self._timer = self._sweeper = None

    # -- inside ---------------------------------------------------------------------------------

    def _note(self, event: RelayEvent) -> None:
        for observer in self._observers:
            observer(event)

    def _note_known(self, link: Link) -> None:
        self.door.note_known(link)

    def _note_taken(self, link: Link) -> None:
        self.door.note_taken(link)

    def _refuse_new(self) -> None:
        self.is_draining = True
        if self._arrivals is not None:
            self._arrivals.close()
        self.door.close()

    def _arm(self) -> None:
        due_s = self.exchange.next_due_s()
        if due_s is None or (self._timer is not None and self._timer_due_s <= due_s):
            # A timer that comes too early finds nothing to do, and arms the next.
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_s = due_s
        self._timer = self._loop.call_at(due_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.exchange.tick()
        self._arm()

    def _sweep(self) -> None:
        now_s = self._loop.time()
        self._lags_s.append(max(0.0, now_s - self.turned_s - SWEEP_EVERY_S))
        self.turned_s = now_s
        self.exchange.sweep()
        if self.access is not None and self.access.reload():
            self.exchange.access = self.access.access
            self.exchange.apply_access()
        if self.tls is not None:
            self.tls.reload()
        self._sweeper = self._loop.call_later(SWEEP_EVERY_S, self._sweep)
