"""A word before the calls: what two sides say on a connection before they converse."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from duologue.arguments import refuse
from duologue.connection.base import Connection, Message
from duologue.connection.next_message import next_message
from duologue.connection.opening_request import OpeningRequest
from duologue.errors import ConnectionClosed, DeadlineExceeded, DuologueError
from duologue.promisifier.handlers import is_awaitable
from duologue.protocol.wording import words_of

_OVER: Final = "the words before the calls are over; this connection belongs to the conversation"


class OpenConnection:
    """A connection on which no call has been made yet; encrypted, where the conversation will be.

    Given to `before=`, and of use until that returns. What comes behind the last message that was
    received belongs to the conversation.
    """

    def __init__(self, connection: Connection, *, is_connector: bool) -> None:
        self._connection = connection
        self._is_over = False
        self.is_connector = is_connector
        """Whether this side has opened the connection."""

    @property
    def remote_key(self) -> bytes | None:
        """The other side's public key, 32 bytes, once it has proved it; None without encryption.

        At the side that connects it may be proved only by the first message that comes.
        """
        return self._connection.remote_key

    @property
    def own_key(self) -> bytes | None:
        """This side's public key; None without encryption."""
        return self._connection.own_key

    @property
    def remote_address(self) -> str | None:
        """What the transport knows of the other side's address."""
        return self._connection.remote_address

    @property
    def request(self) -> OpeningRequest | None:
        """The HTTP request that opened it, at the side that was asked."""
        return self._connection.request

    def send(self, message: Message) -> None:
        """Send one message, text or bytes.

        Raises:
            ConnectionClosed: the connection is closed.
            LimitExceeded: the message is larger than one may be.
            RuntimeError: `before` has returned.
        """
        self._check()
        self._connection.send(message)

    async def receive(self) -> Message:
        """The next message, text or bytes.

        Raises:
            ConnectionClosed: the connection is closed, and no message will come.
            RuntimeError: `before` has returned.
        """
        self._check()
        message = await next_message(self._connection)
        if message is None:
            connection = self._connection
            raise ConnectionClosed(
                connection.close_code or 1006, connection.close_reason, sent="no"
            ) from connection.failure
        return message

    def end(self) -> None:
        """Let nobody send or receive by this object any more."""
        self._is_over = True

    def _check(self) -> None:
        if self._is_over:
            raise RuntimeError(_OVER)


Before = Callable[[OpenConnection], Awaitable[None]]
"""Called with each connection when it is open. Calls may be made when it has returned; if it
raises, the other side is refused, with the words of the exception as the reason."""


async def speak_first(
    before: Before, connection: Connection, *, is_connector: bool, timeout_s: float
) -> None:
    """Have `before` say and hear what is to be said; the connection is closed if it fails.

    Raises:
        DeadlineExceeded: it took longer than `timeout_s`.
        Whatever `before` raises.
    """
    shown = OpenConnection(connection, is_connector=is_connector)
    patience = asyncio.timeout(timeout_s)
    reason = "given up"
    is_done = False
    try:
        async with patience:
            words = before(shown)
            if not is_awaitable(words):
                refuse("before=", before, "a coroutine function (async def)")
            await words
        is_done = True
    except TimeoutError as error:
        if isinstance(error, DuologueError) or not patience.expired():
            reason = words_of(error)
            raise
        reason = f"no word for {timeout_s:g} s"
        raise DeadlineExceeded(
            f"what is said before the calls took longer than {timeout_s:g} s"
        ) from error
    except Exception as error:
        # The application's own code: what it raises goes on from here.
        reason = words_of(error)
        raise
    finally:
        shown.end()
        if not is_done:
            connection.close(reason)
