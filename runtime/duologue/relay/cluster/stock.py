"""Connections to other nodes that are ready to be used, so that no caller waits for a handshake."""

import asyncio
import socket
import ssl as tls
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from duologue.relay.addresses import parse_host_port
from duologue.relay.cluster import control
from duologue.relay.cluster.channel import BadNode, Introduction
from duologue.relay.cluster.node_connection import NodeConnection, prepare_socket
from duologue.relay.cluster_limits import ClusterLimits

NO_TIME: Final = "timeout"
NOT_REACHED: Final = "not_reached"
OTHER_NODE: Final = "other_node"


@dataclass(slots=True, eq=False)
class Wanted:
    """One connection that somebody waits for, until it is there, or `cancel`."""

    on_open: Callable[[NodeConnection], None]
    on_failed: Callable[[str], None]
    """Told with one word."""
    is_cancelled: bool = False

    def cancel(self) -> None:
        """Hear no more of it; the connection goes into the stock when it is there."""
        self.is_cancelled = True


@dataclass(slots=True)
class _Shelf:
    """What there is for one node."""

    node: str
    link: str
    visited_s: float
    ready: list[NodeConnection] = field(default_factory=list[NodeConnection])
    waiting: list[Wanted] = field(default_factory=list[Wanted])
    dialling: int = 0


class Stock:
    """Connections that this node has dialled. A visit takes one out, and may put it back.

    Invariant: each connection is in the stock, or belongs to who took it, or is being dialled.
    """

    def __init__(
        self,
        limits: ClusterLimits,
        introduction: Callable[[], Introduction],
        loop: asyncio.AbstractEventLoop,
        *,
        context: tls.SSLContext | None,
        counts: Counter[str],
        on_message: Callable[[NodeConnection, control.Message], None],
        on_lost: Callable[[NodeConnection], None],
        on_met: Callable[[control.Hello], None],
        complain: Callable[[str, str], None],
    ) -> None:
        """`on_message` and `on_lost` are told of connections that were taken out; `on_met` of each
        node whose hello has come; `complain` of a node and of what is wrong with it."""
        self._limits = limits
        self._introduction = introduction
        self._loop = loop
        self._context = context
        self._counts = counts
        self._on_message = on_message
        self._on_lost = on_lost
        self._on_met = on_met
        self._complain = complain
        self._shelves: dict[str, _Shelf] = {}
        self._dialling: dict[NodeConnection, tuple[_Shelf, asyncio.TimerHandle]] = {}
        """Those that have not proved anything, and when they must have."""
        self._in_stock: dict[NodeConnection, tuple[_Shelf, float]] = {}
        """And when something was last heard of them."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._bad_until_s: dict[str, float] = {}
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._in_stock)

    def is_bad(self, node: str) -> bool:
        """Whether this node could not be connected lately."""
        return self._loop.time() < self._bad_until_s.get(node, 0.0)

    def note_bad(self, node: str) -> None:
        """A connection of this node has ended at the wrong time."""
        self._bad_until_s[node] = self._loop.time() + self._limits.node_bad_s

    def take(self, node: str, link: str, wanted: Wanted) -> None:
        """Give `wanted` a connection to this node, at once if there is one in stock."""
        shelf = self._shelves.get(node)
        if shelf is None or shelf.link != link:
            shelf = self._shelves[node] = _Shelf(node, link, self._loop.time())
        shelf.visited_s = self._loop.time()
        while shelf.ready:
            connection = shelf.ready.pop()
            del self._in_stock[connection]
            if connection.is_usable:
                self._counts["stock"] += 1
                self._fill(shelf)
                wanted.on_open(connection)
                return
        shelf.waiting.append(wanted)
        self._fill(shelf)

    def put_back(self, connection: NodeConnection) -> None:
        """A visit needs it no more, and nothing of it is left in the connection."""
        other = connection.other
        shelf = None if other is None else self._shelves.get(other.node)
        if shelf is None or not connection.is_usable or self._is_closed:
            connection.close()
        else:
            self._shelve(shelf, connection)

    def sweep(self, now_s: float) -> None:
        """Part from nodes that were not visited lately, and from the silent; every second or so."""
        limits = self._limits
        silent_s = limits.stock_ping_s + limits.stock_pong_timeout_s
        for connection, (_, heard_s) in list(self._in_stock.items()):
            if now_s - heard_s > silent_s:
                self._drop(connection)
        for name, shelf in list(self._shelves.items()):
            if now_s - shelf.visited_s > limits.stock_idle_s and not shelf.waiting:
                for connection in list(shelf.ready):
                    self._drop(connection)
                if not shelf.dialling:
                    del self._shelves[name]
        self._bad_until_s = {
            node: until_s for node, until_s in self._bad_until_s.items() if until_s > now_s
        }

    async def close(self) -> None:
        """Close all that are in stock, and stop dialling."""
        self._is_closed = True
        for connection in list(self._in_stock):
            self._drop(connection)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for connection, (_, timer) in list(self._dialling.items()):
            timer.cancel()
            connection.abort()
        self._dialling.clear()

    # -- for connections ------------------------------------------------------------------------

    def on_open(self, connection: NodeConnection) -> None:
        """See `NodeOwner.on_open`."""
        dialled = self._dialling.pop(connection, None)
        other = connection.other
        if dialled is None or other is None:
            return
        shelf, timer = dialled
        timer.cancel()
        shelf.dialling -= 1
        self._on_met(other)
        if other.node != shelf.node:
            connection.close()
            self._complain(shelf.node, f"{shelf.link} is node {other.node}, not {shelf.node}")
            self._fail(shelf, OTHER_NODE)
            return
        self._counts["opened"] += 1
        self._bad_until_s.pop(shelf.node, None)
        self._shelve(shelf, connection)

    def on_message(self, connection: NodeConnection, message: control.Message) -> None:
        """See `NodeOwner.on_message`."""
        found = self._in_stock.get(connection)
        if found is None:
            self._on_message(connection, message)
        elif isinstance(message, control.Ping):
            self._in_stock[connection] = found[0], self._loop.time()
            connection.send(control.Pong())
        else:
            # Words about a visit that is over crossed with our last one.
            self._drop(connection)

    def on_lost(self, connection: NodeConnection, why: BadNode | None) -> None:
        """See `NodeOwner.on_lost`."""
        dialled = self._dialling.pop(connection, None)
        if dialled is not None:
            shelf, timer = dialled
            timer.cancel()
            shelf.dialling -= 1
            if why is not None:
                self._complain(shelf.node, str(why))
            self._fail(shelf, NOT_REACHED if why is None else why.why)
        elif connection in self._in_stock:
            shelf, _ = self._in_stock.pop(connection)
            shelf.ready.remove(connection)
        else:
            self._on_lost(connection)

    # -- inside ---------------------------------------------------------------------------------

    def _shelve(self, shelf: _Shelf, connection: NodeConnection) -> None:
        while shelf.waiting:
            wanted = shelf.waiting.pop(0)
            if not wanted.is_cancelled:
                wanted.on_open(connection)
                return
        if len(shelf.ready) >= self._limits.links_in_stock or self._is_closed:
            connection.close()
            return
        shelf.ready.append(connection)
        self._in_stock[connection] = shelf, self._loop.time()

    def _drop(self, connection: NodeConnection) -> None:
        shelf, _ = self._in_stock.pop(connection)
        shelf.ready.remove(connection)
        connection.close()

    def _fill(self, shelf: _Shelf) -> None:
        waiting = sum(not each.is_cancelled for each in shelf.waiting)
        wanted = waiting + self._limits.links_in_stock - len(shelf.ready)
        if self.is_bad(shelf.node):
            # Nothing is kept ready for a node that cannot be reached.
            wanted = waiting
        while shelf.dialling < wanted and not self._is_closed:
            shelf.dialling += 1
            task = self._loop.create_task(self._dial(shelf))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _dial(self, shelf: _Shelf) -> None:
        connection = NodeConnection(
            self,
            self._introduction(),
            is_dialling=True,
            socket_bytes=self._limits.link_socket_bytes,
        )
        timeout_s = self._limits.link_open_timeout_s
        give_up = self._loop.call_later(timeout_s, partial(self._give_up, connection))
        self._dialling[connection] = shelf, give_up
        try:
            host, port = parse_host_port(shelf.link)
            async with asyncio.timeout(timeout_s):
                sock = await _connected(self._loop, host, port, self._limits.link_socket_bytes)
                await self._loop.create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=self._context,
                    server_hostname=host if self._context else None,
                )
        except (OSError, TimeoutError, ValueError) as error:
            if isinstance(error, tls.SSLError):
                self._complain(shelf.node, f"no TLS with it: {error.reason or error}")
            self._give_up(connection)

    def _give_up(self, connection: NodeConnection) -> None:
        dialled = self._dialling.pop(connection, None)
        if dialled is None:
            return
        shelf, timer = dialled
        timer.cancel()
        shelf.dialling -= 1
        connection.abort()
        self._fail(shelf, NO_TIME)

    def _fail(self, shelf: _Shelf, why: str) -> None:
        self._counts[why] += 1
        self.note_bad(shelf.node)
        waiting, shelf.waiting = shelf.waiting, []
        for wanted in waiting:
            if not wanted.is_cancelled:
                wanted.on_failed(why)


async def _connected(
    loop: asyncio.AbstractEventLoop, host: str, port: int, buffer_bytes: int
) -> socket.socket:
    """A connected socket, whose buffers were small before it was: the window is agreed on then."""
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        prepare_socket(sock, buffer_bytes)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
