"""Accepting sockets, so that limits hold before anything is spent on anybody.

What asyncio offers shows us a socket with TLS only when its handshake is done, which can take its
whole deadline: until then it would be counted nowhere. And where descriptors run out, it writes a
hundred tracebacks a second.
"""

import asyncio
import errno
import logging
import socket
import ssl as tls
from collections.abc import Sequence
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from duologue.connection.websocket.connection import WebSocketConnection
from duologue.limits import Limits

ACCEPTED_AT_ONCE: Final = 64
"""Sockets taken in one turn of the loop; others have their turn in between."""

PAUSE_WITHOUT_RESOURCES_S: Final = 0.25
"""Until the next try to accept, when the machine has no descriptor or memory for another socket."""

COMPLAINT_EVERY_S: Final = 60.0
"""How often that is logged at most."""

_NO_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log: Final = logging.getLogger("duologue")

ConnectionT = TypeVar("ConnectionT", bound=WebSocketConnection)


class Gatekeeper(Protocol[ConnectionT]):
    """Who decides what becomes of an accepted socket."""

    def admit(self, peer_name: object) -> ConnectionT | None:
        """The connection for it, not open yet; None: the socket is dropped."""
        ...

    def note_lost(self, connection: ConnectionT, /) -> None:
        """The socket is gone. May be told twice."""


class Arrivals(Generic[ConnectionT]):
    """Accepts, asks the gatekeeper, agrees on TLS and hands over. Owns the listening sockets.

    Invariant: each accepted socket is known to the gatekeeper, or closed.
    """

    def __init__(
        self,
        listening: Sequence[socket.socket],
        keeper: Gatekeeper[ConnectionT],
        limits: Limits,
        *,
        ssl: tls.SSLContext | None,
    ) -> None:
        """Begins at once; needs a running event loop. `listening` must not block."""
        self._loop = asyncio.get_running_loop()
        self._keeper = keeper
        self._limits = limits
        self._ssl = ssl
        self._listening = tuple(listening)
        self._is_closed = False
        self._accepting: list[asyncio.Task[None]] = []
        for each in listening:
            task = self._loop.create_task(self._accept_all(each))
            # Not earlier: until then the loop may still look at its descriptor.
            task.add_done_callback(partial(_close_socket, each))
            self._accepting.append(task)
        self._arriving: dict[ConnectionT, asyncio.Task[None]] = {}
        """Those whose socket has no transport yet, or no TLS."""
        self._complained_s = float("-inf")

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """Those that listen; none once closed."""
        return () if self._is_closed else self._listening

    def close(self) -> None:
        """Accept nothing more, and drop those that are still arriving."""
        self._is_closed = True
        for task in (*self._accepting, *self._arriving.values()):
            task.cancel()

    def drop(self, connection: ConnectionT, reason: str) -> None:
        """End a connection, even in the middle of a TLS handshake."""
        task = self._arriving.get(connection)
        if task is not None:
            task.cancel()
        connection.terminate(reason)

    async def wait_closed(self) -> None:
        """Wait until everything that it owns has ended; after `close`."""
        tasks = [*self._accepting, *self._arriving.values()]
        if tasks:
            await asyncio.wait(tasks)

    async def _accept_all(self, listening: socket.socket) -> None:
        while True:
            try:
                sock, peer_name = await self._loop.sock_accept(listening)
                self._take(sock, peer_name)
                for _ in range(ACCEPTED_AT_ONCE - 1):
                    sock, peer_name = listening.accept()
                    self._take(sock, peer_name)
            except BlockingIOError:
                # That was all of them.
                continue
            except OSError as error:
                if listening.fileno() < 0:
                    return  # whoever gave it to us has closed it
                if error.errno in _NO_RESOURCES:
                    self._complain(error)
                    await asyncio.sleep(PAUSE_WITHOUT_RESOURCES_S)
                # Else it was gone before we came to it.
            await asyncio.sleep(0)

    def _complain(self, error: OSError) -> None:
        now_s = self._loop.time()
        if now_s - self._complained_s >= COMPLAINT_EVERY_S:
            self._complained_s = now_s
            _log.warning("no connections are accepted for the moment: %s", error.strerror)

    def _take(self, sock: socket.socket, peer_name: object) -> None:
        sock.setblocking(False)
        connection = self._keeper.admit(peer_name)
        if connection is None:
            sock.close()
            return
        task = self._loop.create_task(self._agree(connection, sock))
        self._arriving[connection] = task
        task.add_done_callback(partial(self._note_arrived, connection, sock))

    async def _agree(self, connection: ConnectionT, sock: socket.socket) -> None:
        has_tls = self._ssl is not None
        await self._loop.connect_accepted_socket(
            lambda: connection,
            sock,
            ssl=self._ssl,
            # asyncio refuses these two without TLS.
            ssl_handshake_timeout=self._limits.handshake_timeout_s if has_tls else None,
            ssl_shutdown_timeout=self._limits.close_timeout_s if has_tls else None,
        )

    def _note_arrived(
        self, connection: ConnectionT, sock: socket.socket, task: asyncio.Task[None]
    ) -> None:
        del self._arriving[connection]
        error = None
        if task.cancelled():
            # Perhaps before its first step, when nobody owned the socket yet.
            sock.close()
        else:
            error = task.exception()
            if error is None:
                return
        self._keeper.note_lost(connection)
        if error is not None and not isinstance(error, OSError):
            # An OSError: no TLS, too slow, or gone.
            context = {"message": "a socket could not be taken in", "exception": error}
            self._loop.call_exception_handler(context)


def _close_socket(sock: socket.socket, _task: asyncio.Task[None]) -> None:
    sock.close()
