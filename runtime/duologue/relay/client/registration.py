"""One listener's spare connection: registering it, keeping it, until a caller comes (4.1, 4.2)."""

import asyncio
import logging
import os
from typing import Final

from duologue.connection.base import Connection
from duologue.connection.next_message import next_message
from duologue.errors import (
    ConnectionClosed,
    DecryptionFailed,
    ProtocolError,
    RelayError,
    RelayRefused,
    RelayUnreachable,
    UnsafeKey,
)
from duologue.protocol.boxes import NONCE_BYTES
from duologue.protocol.keys import canonical_public_key
from duologue.protocol.wording import words_of
from duologue.relay import messages
from duologue.relay.challenge import answer_challenge, read_next_key
from duologue.relay.client.dial import RelayAccount, dial_relay
from duologue.relay.messages import (
    AuthenticationRequest,
    AuthenticationResponse,
    AuthenticationSuccess,
    Command,
    ConnectionHandover,
    Ping,
    Pong,
    Register,
)

_NO_REGISTER: Final = "Error: Received unexpected type 'register'."
"""So an acceptor begins that a listener has come to."""

_log: Final = logging.getLogger("duologue.relay")


class Spare:
    """A registered connection that waits for a caller."""

    def __init__(self, connection: Connection, ping_timeout_s: float) -> None:
        self._connection = connection
        self._ping_timeout_s = ping_timeout_s

    async def wait_for_caller(self) -> Connection:
        """Answer pings until the relay hands the connection over; its next message is a caller's.

        However it ends, the connection is closed unless it is returned.

        Raises:
            RelayUnreachable: the connection was lost, or no ping came in time.
            RelayRefused: the relay closed it, or broke the protocol.
        """
        connection = self._connection
        try:
            while True:
                try:
                    async with asyncio.timeout(self._ping_timeout_s):
                        command = await _receive(connection)
                except TimeoutError:
                    connection.terminate("Pong: Connection timed out")
                    raise RelayUnreachable("the relay has not sent its ping") from None
                if isinstance(command, ConnectionHandover):
                    return connection
                if not isinstance(command, Ping):
                    raise _unexpected(command)
                _send(connection, Pong())
        except BaseException:
            # Cancellation included: nobody else has the connection.
            connection.close()
            raise


async def register_spare(account: RelayAccount) -> Spare:
    """Open one spare connection: dial, prove our key, wait for the relay's word.

    Raises:
        RelayUnreachable: the relay cannot be reached, or was too slow.
        RelayRefused: it does not let us, or broke the protocol.
        RelayKeyChanged: its key is not the one that is pinned; it got no answer.
    """
    seconds = account.limits.connect_timeout_s
    connection = await dial_relay(account, seconds)
    try:
        async with asyncio.timeout(account.limits.handshake_timeout_s):
            ping_interval_s = await _register(connection, account)
    except TimeoutError:
        connection.terminate("registration took too long")
        raise RelayUnreachable(f"{account.url} did not finish the registration") from None
    except BaseException:
        # Cancellation included, as above.
        connection.close()
        raise
    return Spare(connection, ping_interval_s + account.limits.relay_ping_grace_s)


async def _register(connection: Connection, account: RelayAccount) -> float:
    _send(connection, Register(account.identity.public_key))
    try:
        asked = await _receive(connection)
    except RelayRefused as error:
        raise _no_relay(account, error) from error
    if not isinstance(asked, AuthenticationRequest):
        raise _unexpected(asked)
    relay_key = asked.public_key
    try:
        account.known_relays.check(account.url, relay_key)
    except OSError as error:
        raise RelayError(f"the pinned keys of relays cannot be read: {words_of(error)}") from error
    if _is_a_peers(relay_key, account):
        raise RelayRefused(f"{account.url} shows the key of a peer as its own")
    try:
        shared_key = account.identity.kept_shared_key(relay_key)
        response = answer_challenge(asked.challenge, shared_key, os.urandom(NONCE_BYTES))
    except (UnsafeKey, ProtocolError, DecryptionFailed) as error:
        raise RelayRefused(f"{account.url} poses no proper challenge: {words_of(error)}") from error
    _send(connection, AuthenticationResponse(response))
    answer = await _receive(connection)
    if not isinstance(answer, AuthenticationSuccess):
        raise _unexpected(answer)
    if answer.persistent_key:
        next_key = _next_key(answer, account, response, shared_key)
        try:
            account.known_relays.pin(account.url, relay_key, next_key)
        except OSError as error:
            _log.warning("the key of %s cannot be kept: %s", account.url, words_of(error))
    return answer.ping_interval_ms / 1000


def _next_key(
    answer: AuthenticationSuccess, account: RelayAccount, response: bytes, shared_key: bytes
) -> bytes | None:
    """The key that the relay will have one day, if it announces one."""
    if answer.next_key is None:
        return None
    try:
        next_key = canonical_public_key(read_next_key(answer.next_key, response, shared_key))
    except (UnsafeKey, DecryptionFailed) as error:
        raise RelayRefused(f"{account.url} announces no proper next key: {error}") from error
    if _is_a_peers(next_key, account):
        raise RelayRefused(f"{account.url} announces the key of a peer as its next one")
    return next_key


def _is_a_peers(key: bytes, account: RelayAccount) -> bool:
    return key == account.identity.public_key or key in account.foreign_keys


async def _receive(connection: Connection) -> Command:
    """The next command; what stands behind it waits in the connection for the next listener."""
    message = await next_message(connection)
    if message is None:
        raise _closed(connection)
    try:
        return messages.decode(message)
    except messages.BadCommand as error:
        raise RelayRefused("the relay broke the protocol") from error


def _send(connection: Connection, command: Command) -> None:
    try:
        connection.send(messages.encode(command))
    except ConnectionClosed as error:
        raise _closed(connection) from error


def _no_relay(account: RelayAccount, error: RelayRefused) -> RelayRefused:
    """`error`, unless the first thing that was said is said by no relay."""
    if isinstance(error.__cause__, messages.BadCommand):
        what = "it says what no relay says"
    elif str(error).startswith(_NO_REGISTER):
        what = "it is a service that encrypts"
    else:
        return error
    return RelayRefused(f"what answers at {account.url} is no relay: {what}")


def _unexpected(command: Command) -> RelayRefused:
    return RelayRefused(f"the relay broke the protocol: unexpected {messages.name_of(command)}")


def _closed(connection: Connection) -> RelayError:
    """Why the relay closed: with a reason it refuses us, without one it is gone."""
    if connection.close_reason.startswith("Close called: "):
        return RelayRefused(connection.close_reason.removeprefix("Close called: "))
    reason = connection.close_reason or "without a reason"
    return RelayUnreachable(f"the relay went away: {reason}")
