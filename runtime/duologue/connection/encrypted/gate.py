"""Many connections becoming encrypted ones at once, at an endpoint that accepts."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from duologue.connection.base import Connection
from duologue.connection.encrypted.allow import Allow, allow_rule
from duologue.connection.encrypted.handshaking import (
    AcceptanceBook,
    EncryptedConnection,
    encrypt_as_acceptor,
)
from duologue.errors import HandshakeFailed, HandshakeFault
from duologue.identity import Identity
from duologue.limits import Limits

_log: Final = logging.getLogger("duologue")


class EncryptionGate:
    """Takes in connections; hands on, encrypted, those whose other side has proved its key.

    One for each endpoint. The others it closes and counts.
    """

    def __init__(
        self,
        identity: Identity,
        allow: Allow,
        limits: Limits,
        on_encrypted: Callable[[EncryptedConnection], None],
        *,
        loopback: bool = False,
        may_stay: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        """`may_stay` is asked with each connection over which a key was proved; if it says no, it
        has closed it.

        Raises `UnsafeKey`: one of the keys in `allow` is none to build on.
        """
        self._identity = identity
        self._rule = allow_rule(allow)
        self._limits = limits
        self._on_encrypted = on_encrypted
        self._loopback = loopback
        self._may_stay = may_stay
        self._book = AcceptanceBook(limits)
        self._tasks: dict[asyncio.Task[None], Connection] = {}

    @property
    def rejected(self) -> Mapping[HandshakeFault, int]:
        """How many were closed, by what was wrong; a live view."""
        return self._book.rejected

    def admit(self, connection: Connection) -> None:
        """Take in an open connection whose other side is to speak first."""
        task = asyncio.create_task(self._encrypt(connection))
        self._tasks[task] = connection
        task.add_done_callback(self._on_done)

    async def close(self) -> None:
        """Give up those that have not proved themselves yet."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _encrypt(self, connection: Connection) -> None:
        try:
            encrypted = await encrypt_as_acceptor(
                connection,
                self._identity,
                self._rule,
                self._limits,
                book=self._book,
                loopback=self._loopback,
            )
        except HandshakeFailed as error:
            who = "" if error.key is None else f" of the key {error.key.hex()}"
            where = connection.remote_address or "an unknown address"
            _log.info("connection%s from %s refused: %s", who, where, error)
            return
        if self._may_stay(connection):
            self._on_encrypted(encrypted)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        connection = self._tasks.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # The application's own code: its rule, or its `on_peer`.
            _log.error("a connection could not be taken in", exc_info=error)
            connection.terminate("internal error")
