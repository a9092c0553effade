"""Accepting sockets, so that limits hold before anything is spent on anybody.

What asyncio offers shows us a socket with TLS only when its handshake is done, which can take its
whole deadline: until then it would be counted nowhere. Where descriptors run out, it writes a
hundred tracebacks a second. And a socket that it has accepted in the turn before it is closed stays
open, known to nobody, until the garbage collector finds it.
"""

import asyncio
import errno
import logging
import socket
import ssl as tls
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

ACCEPTED_AT_ONCE: Final = 64
"""Sockets taken in one turn of the loop; others have their turn in between."""

PAUSE_WITHOUT_RESOURCES_S: Final = 0.25
"""Until the next try to accept, when the machine has no descriptor or memory for another socket."""

COMPLAINT_EVERY_S: Final = 60.0
"""How often that is logged at most."""

_NO_RESOURCES: Final = frozenset(
    getattr(errno, name)
    for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "WSAEMFILE", "WSAENOBUFS")
    if hasattr(errno, name)
)

_log: Final = logging.getLogger("duologue")

ConnectionT = TypeVar("ConnectionT", bound=asyncio.BaseProtocol)


class Gatekeeper(Protocol[ConnectionT]):
    """Who decides what becomes of an accepted socket."""

    def admit(self, peer_name: object, /) -> ConnectionT | None:
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
        *,
        ssl: tls.SSLContext | None = None,
        handshake_timeout_s: float | None = None,
        shutdown_timeout_s: float | None = None,
    ) -> None:
        """Begins at once; needs a running event loop. `listening` must not block.

        The deadlines are those for agreeing on TLS and for taking leave of it.
        """
        self._loop = asyncio.get_running_loop()
        self._keeper = keeper
        self._ssl = ssl
        self._handshake_timeout_s = handshake_timeout_s
        self._shutdown_timeout_s = shutdown_timeout_s
        self._arriving: dict[ConnectionT, asyncio.Future[None]] = {}
        """Those whose socket has no transport yet, or no TLS."""
        self._complained_s = float("-inf")
        self._doors = [_Door(each, self._loop, self._take, self._complain) for each in listening]

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """Those that listen; none once closed."""
        return tuple(each.listening for each in self._doors)

    def close(self) -> None:
        """Accept nothing more, and drop those that are still arriving."""
        for door in self._doors:
            door.close()
        self._doors.clear()
        for arriving in self._arriving.values():
            arriving.cancel()

    def turn_away(self, connection: ConnectionT) -> None:
        """Drop it if it is still arriving, even in the middle of a TLS handshake."""
        arriving = self._arriving.get(connection)
        if arriving is not None:
            arriving.cancel()

    async def wait_closed(self) -> None:
        """Wait until everything that it owns has ended; after `close`."""
        if self._arriving:
            await asyncio.wait(self._arriving.values())

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
        if self._ssl is None:
            self._hand_over(connection, sock)
        else:
            task = self._loop.create_task(self._agree(connection, sock, self._ssl))
            self._arriving[connection] = task
            task.add_done_callback(partial(self._note_agreed, connection, sock))

    def _hand_over(self, connection: ConnectionT, sock: socket.socket) -> None:
        """Without TLS there is one thing to wait for, which needs no task and none of its turns."""
        handing = self._loop.connect_accepted_socket(lambda: connection, sock)
        self._go_on(connection, handing)

    def _go_on(
        self,
        connection: ConnectionT,
        handing: Coroutine[asyncio.Future[None], None, object],
        _waited: object = None,
    ) -> None:
        self._arriving.pop(connection, None)
        try:
            waiting = handing.send(None)
        except StopIteration:
            return
        except (Exception, asyncio.CancelledError) as error:
            self._note_failed(connection, error)
            return
        self._arriving[connection] = waiting
        waiting.add_done_callback(partial(self._go_on, connection, handing))

    async def _agree(
        self, connection: ConnectionT, sock: socket.socket, ssl: tls.SSLContext
    ) -> None:
        await self._loop.connect_accepted_socket(
            lambda: connection,
            sock,
            ssl=ssl,
            ssl_handshake_timeout=self._handshake_timeout_s,
            ssl_shutdown_timeout=self._shutdown_timeout_s,
        )

    def _note_agreed(
        self, connection: ConnectionT, sock: socket.socket, task: asyncio.Future[None]
    ) -> None:
        del self._arriving[connection]
        if task.cancelled():
            # Perhaps before its first step, when nobody owned the socket yet.
            sock.close()
            self._keeper.note_lost(connection)
            return
        error = task.exception()
        if error is not None:
            self._note_failed(connection, error)

    def _note_failed(self, connection: ConnectionT, error: BaseException) -> None:
        self._keeper.note_lost(connection)
        if not isinstance(error, OSError | asyncio.CancelledError):
            # An OSError: no TLS, too slow, or gone.
            context = {"message": "a socket could not be taken in", "exception": error}
            self._loop.call_exception_handler(context)


class _Door:
    """One listening socket, looked at when the loop says that somebody waits there."""

    def __init__(
        self,
        listening: socket.socket,
        loop: asyncio.AbstractEventLoop,
        take: Callable[[socket.socket, object], None],
        complain: Callable[[OSError], None],
    ) -> None:
        self.listening = listening
        self._loop = loop
        self._take = take
        self._complain = complain
        self._pause: asyncio.TimerHandle | None = None
        self._accepting: asyncio.Task[None] | None = None
        """Only where the loop can tell of nothing but of a socket that it has accepted itself."""
        self._open()

    def close(self) -> None:
        """Accept nothing more, and listen no more."""
        if self._pause is not None:
            self._pause.cancel()
        elif self._accepting is not None:
            self._accepting.cancel()
        else:
            self._loop.remove_reader(self.listening)
        self.listening.close()

    def _open(self) -> None:
        self._pause = None
        try:
            self._loop.add_reader(self.listening, self._accept)
        except NotImplementedError:
            # The loop of Windows.
            self._accepting = self._loop.create_task(self._accept_by_loop())

    def _accept(self) -> None:
        """Take those that wait, but not all of them in one turn."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                sock, peer_name = self.listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_RESOURCES:
                    self._complain(error)
                    self._loop.remove_reader(self.listening)
                    self._pause = self._loop.call_later(PAUSE_WITHOUT_RESOURCES_S, self._open)
                    return
                # It was gone before we came to it.
                continue
            self._take(sock, peer_name)

    async def _accept_by_loop(self) -> None:
        while True:
            try:
                self._take(*await self._loop.sock_accept(self.listening))
            except OSError as error:
                if error.errno in _NO_RESOURCES:
                    self._complain(error)
                    await asyncio.sleep(PAUSE_WITHOUT_RESOURCES_S)
                else:
                    # It was gone before we came to it. Others have their turn first, or a socket
                    # that fails at once would leave them none.
                    await asyncio.sleep(0)
