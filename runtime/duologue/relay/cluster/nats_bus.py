"""The bus over NATS: one client per server, each by itself, for ever."""

import asyncio
import logging
import random
import ssl as tls
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Protocol, cast

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from duologue.protocol.wording import words_of
from duologue.relay.cluster.bus import BusListener
from duologue.relay.cluster_limits import ClusterLimits

NOBODY: Final = "503"
CONNECT_TIMEOUT_S: Final = 2
OPEN_TIMEOUT_S: Final = 6.0
"""For all of it: TCP, TLS, and the first words of both sides."""
CLOSE_TIMEOUT_S: Final = 1.0
WATCH_EVERY_S: Final = 1.0
MOST_WAITING: Final = 1_000
"""Messages that were received for one subject and not looked at."""

_FAILURES: Final = (
    OSError,
    TimeoutError,
    nats.errors.Error,
    # What its parser comes across when something else than a NATS server answers.
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    LookupError,
)
_log: Final = logging.getLogger("duologue.relay")

# Its tracebacks tell of servers that talk nonsense; that is told here, in one line.
logging.getLogger("nats").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class BusAccess:
    """Where the servers are, and who we are to them."""

    urls: Sequence[str]
    node: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    context: tls.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class _Sending:
    subject: str
    data: bytes
    reply: str


@dataclass(frozen=True, slots=True)
class _Interest:
    subject: str
    has: bool


class _Subscriber(Protocol):
    """What is used of `Client.subscribe`, whose own types leave something open."""

    async def subscribe(
        self,
        subject: str,
        *,
        cb: Callable[[Msg], Awaitable[None]] | None,
        pending_msgs_limit: int,
    ) -> Subscription: ...


class EncryptingClient(Client):
    """A client that sends nothing in plain text to a server whose URL begins with `tls:`.

    The library does what the server asks for, so whoever stands between could ask for no TLS, and
    be told the password.
    """

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        server = self._current_server
        is_tls = server is not None and server.uri.scheme == "tls"
        if initial_connection and is_tls and not info.get("tls_required"):
            raise nats.errors.Error("it offers no TLS, and its URL begins with tls:")
        await super()._process_info(info, initial_connection)


class _Server:
    """One server: reached, told what we want, and reached again."""

    def __init__(self, bus: "NatsBus", number: int) -> None:
        self.up_since_s: float | None = None
        self.doubtful_until_s = -inf
        self.fault = ""
        """Why it is down, or what it has complained of last."""
        self.reconnects = 0
        self._bus = bus
        self._number = number
        self._to_do: deque[_Sending | _Interest] = deque()
        self._has_work = asyncio.Event()
        self._subscriptions: dict[str, Subscription] = {}
        self._was_missed = False
        self._is_leaving = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    def put(self, work: _Sending | _Interest) -> None:
        """Do this as soon as possible; while it is down nothing is kept."""
        if self.up_since_s is not None:
            self._to_do.append(work)
            self._has_work.set()

    async def stop(self) -> None:
        """Leave it."""
        self._is_leaving = True
        while not self._task.done():
            # Not once: the library drops a cancellation that meets it while it flushes.
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=2 * CLOSE_TIMEOUT_S)

    async def _run(self) -> None:
        limits = self._bus.limits
        failures = 0
        while True:
            if await self._stay():
                failures = 0
            if self._is_leaving:
                return
            most_s = min(limits.bus_backoff_max_s, limits.bus_backoff_min_s * 2**failures)
            failures = min(failures + 1, 16)
            # Full jitter, but never at once: a server that hangs up would be dialled in a circle.
            await asyncio.sleep(most_s * (0.1 + 0.9 * random.random()))

    async def _stay(self) -> bool:
        """One connection from its beginning to its end; whether it was ever good."""
        client = EncryptingClient()
        ended = asyncio.Event()
        is_good = False

        async def on_ended() -> None:
            ended.set()

        async def on_error(error: Exception) -> None:
            if isinstance(error, nats.errors.SlowConsumerError):
                # One message that came while `MOST_WAITING` were not looked at; it is lost.
                self._bus.note_dropped()
            else:
                self.fault = words_of(error)

        access, limits = self._bus.access, self._bus.limits
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await client.connect(
                    servers=[access.urls[self._number]],
                    name=access.node,
                    user=access.user,
                    password=access.password,
                    tls=access.context,
                    error_cb=on_error,
                    disconnected_cb=on_ended,
                    # This loop does it, with pauses of its own and a fresh start.
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=CONNECT_TIMEOUT_S,
                    ping_interval=limits.bus_ping_s,  # type: ignore[arg-type]
                    max_outstanding_pings=limits.bus_pings_missed,
                    pending_size=limits.bus_pending_bytes,
                    # What we ask is not for us to answer.
                    no_echo=True,
                )
            if not client.is_connected:
                raise nats.errors.Error("it does not answer as a NATS server")
            await self._subscribe_all(client)
            is_good = True
            self._note_up()
            await self._work(client, ended)
        except nats.errors.NoServersError:
            # `on_error` was told why.
            pass
        except _FAILURES as error:
            self.fault = words_of(error)
        finally:
            self._note_down()
            with suppress(*_FAILURES):
                await asyncio.wait_for(client.close(), CLOSE_TIMEOUT_S)
        return is_good

    async def _subscribe_all(self, client: Client) -> None:
        # What is wanted may change meanwhile.
        while missing := [each for each in self._bus.wanted if each not in self._subscriptions]:
            for subject in missing:
                if subject in self._bus.wanted:
                    await self._subscribe(client, subject)
        for subject in [each for each in self._subscriptions if each not in self._bus.wanted]:
            await self._unsubscribe(subject)

    async def _work(self, client: Client, ended: asyncio.Event) -> None:
        """Send what there is to send, until the connection is no good any more."""
        watch = asyncio.get_running_loop().create_task(self._watch(client, ended))
        try:
            while not (ended.is_set() or self._is_leaving):
                if self._to_do:
                    await self._do(client, self._to_do.popleft())
                else:
                    self._has_work.clear()
                    await self._has_work.wait()
        finally:
            watch.cancel()

    async def _do(self, client: Client, work: _Sending | _Interest) -> None:
        if isinstance(work, _Sending):
            await client.publish(work.subject, work.data, reply=work.reply)
        elif not work.has:
            await self._unsubscribe(work.subject)
        elif work.subject in self._bus.wanted:
            await self._subscribe(client, work.subject)

    async def _subscribe(self, client: Client, subject: str) -> None:
        if subject not in self._subscriptions:
            self._subscriptions[subject] = await subscribe(client, subject, self._on_message)

    async def _unsubscribe(self, subject: str) -> None:
        subscription = self._subscriptions.pop(subject, None)
        if subscription is not None:
            await subscription.unsubscribe()

    async def _watch(self, client: Client, ended: asyncio.Event) -> None:
        """Look at what the library does not bound."""
        limits = self._bus.limits
        while not ended.is_set() and client.is_connected:
            if unread_bytes(client) > limits.bus_unread_bytes:
                self.fault = f"it sends a message of more than {limits.bus_unread_bytes} bytes"
                break
            if client.pending_data_size > limits.bus_pending_bytes:
                self.fault = f"it has not taken {client.pending_data_size} bytes"
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), WATCH_EVERY_S)
        ended.set()
        self._has_work.set()

    async def _on_message(self, message: Msg) -> None:
        listener = self._bus.listener
        if listener is None:
            return
        headers = message.headers
        if headers and not message.data and headers.get("Status") == NOBODY:
            listener.on_nobody(self._number, message.subject)
        else:
            listener.on_bus_message(self._number, message.subject, message.reply, message.data)

    def _note_up(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self.up_since_s = now_s
        if self._was_missed:
            self.reconnects += 1
            self.doubtful_until_s = now_s + self._bus.limits.bus_doubt_s
            _log.info("bus server %d is back", self._number + 1)
        self.fault = ""
        self._bus.note_changed()

    def _note_down(self) -> None:
        was_up = self.up_since_s is not None
        if (was_up or not self._was_missed) and not self._is_leaving:
            _log.warning("bus server %d is down: %s", self._number + 1, self.fault or "it hung up")
        self._was_missed = True
        self.up_since_s = None
        self._to_do.clear()
        self._subscriptions.clear()
        if was_up:
            self._bus.note_changed()


class NatsBus:
    """A `Bus`. Needs a running event loop; begins at once, and never gives up."""

    def __init__(self, access: BusAccess, limits: ClusterLimits) -> None:
        self.listener: BusListener | None = None
        self.wanted: dict[str, None] = {}
        """Subjects, in the order in which they came."""
        self.count = len(access.urls)
        self.access = access
        self.limits = limits
        self._loop = asyncio.get_running_loop()
        self._servers = [_Server(self, number) for number in range(len(access.urls))]

    def servers(self) -> Sequence[int]:
        """See `Bus.servers`."""
        up = [
            (each.up_since_s, number)
            for number, each in enumerate(self._servers)
            if each.up_since_s is not None
        ]
        return [number for _, number in sorted(up)]

    def is_in_doubt(self) -> bool:
        """See `Bus.is_in_doubt`."""
        now_s = self._loop.time()
        return any(
            each.up_since_s is not None and now_s < each.doubtful_until_s for each in self._servers
        )

    def faults(self) -> list[str]:
        """Of each server, why it is down; empty where it is not."""
        return [
            (each.fault or "not reached yet") if each.up_since_s is None else ""
            for each in self._servers
        ]

    def reconnects(self) -> int:
        """How often a server came back."""
        return sum(each.reconnects for each in self._servers)

    def have(self, subject: str) -> None:
        """See `Bus.have`."""
        self.wanted[subject] = None
        for each in self._servers:
            each.put(_Interest(subject, has=True))

    def lose(self, subject: str) -> None:
        """See `Bus.lose`."""
        if self.wanted.pop(subject, self) is None:
            for each in self._servers:
                each.put(_Interest(subject, has=False))

    def send(self, server: int, subject: str, data: bytes, reply: str = "") -> None:
        """See `Bus.send`."""
        self._servers[server].put(_Sending(subject, data, reply))

    async def close(self) -> None:
        """See `Bus.close`."""
        self.listener = None
        for each in self._servers:
            await each.stop()

    def note_dropped(self) -> None:
        """A message was lost, because too many had come before it."""
        if self.listener is not None:
            self.listener.on_dropped()

    def note_changed(self) -> None:
        """A server came or went."""
        if self.listener is not None:
            self.listener.on_bus_changed()


def unread_bytes(client: Client) -> int:
    """What has come of a message whose end has not; the library neither bounds nor tells it."""
    return len(client._ps.buf)  # pyright: ignore[reportPrivateUsage]


async def subscribe(
    client: Client, subject: str, tell: Callable[[Msg], Awaitable[None]] | None = None
) -> Subscription:
    """`Client.subscribe`; without `tell`, for `next_msg`."""
    subscriber = cast(_Subscriber, client)
    return await subscriber.subscribe(subject, cb=tell, pending_msgs_limit=MOST_WAITING)
