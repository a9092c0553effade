"""Accepting sockets for TLS, so that limits hold before a handshake is spent on anybody.

What asyncio offers shows us a socket only when its TLS handshake is done, which can take its whole
deadline: until then it would be counted nowhere, and it costs more than one without TLS.
"""

import asyncio
import errno
import socket
import ssl as tls
from collections.abc import Sequence
from typing import Any, Final

from duologue.relay.limits import RelayLimits
from duologue.relay.server.door import Door

PAUSE_WITHOUT_RESOURCES_S: Final = 1.0
"""Until the next try to accept, when the machine has no descriptor or memory for another socket."""

_NO_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class TlsArrivals:
    """Accepts, asks the door, then agrees on TLS and hands over. Owns the listening sockets.

    Invariant: each accepted socket is counted by the door, or closed.
    """

    def __init__(
        self,
        listening: Sequence[socket.socket],
        door: Door,
        context: tls.SSLContext,
        limits: RelayLimits,
    ) -> None:
        """Begins at once; needs a running event loop. `listening` must not block."""
        self._loop = asyncio.get_running_loop()
        self._door = door
        self._context = context
        self._limits = limits
        self._listening = tuple(listening)
        self._tasks: set[asyncio.Task[None]] = set()
        for sock in self._listening:
            self._own(asyncio.create_task(self._accept_all(sock)))

    def close(self) -> None:
        """Accept nothing more, and drop unfinished TLS handshakes."""
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until everything that it owns has ended; after `close`."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        for sock in self._listening:
            sock.close()

    def _own(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._disown)

    def _disown(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._report("a socket could not be taken in", error)

    def _report(self, message: str, error: BaseException) -> None:
        context: dict[str, Any] = {"message": message, "exception": error}
        self._loop.call_exception_handler(context)

    async def _accept_all(self, listening: socket.socket) -> None:
        while True:
            try:
                sock, peer_name = await self._loop.sock_accept(listening)
            except OSError as error:
                if error.errno not in _NO_RESOURCES:
                    # It was gone before we came to it.
                    continue
                self._report("accepting: out of system resources", error)
                await asyncio.sleep(PAUSE_WITHOUT_RESOURCES_S)
                continue
            link = self._door.make_link()
            if self._door.admit(link, peer_name):
                sock.close()
            else:
                self._own(asyncio.create_task(self._agree(link, sock)))

    async def _agree(self, link: Any, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: link,
                sock,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.first_message_timeout_s,
                ssl_shutdown_timeout=self._limits.close_timeout_s,
            )
        except OSError:
            # No TLS, too slow, or gone; for the door all the same.
            self._door.note_lost(link)
        except asyncio.CancelledError:
            self._door.note_lost(link)
            raise
