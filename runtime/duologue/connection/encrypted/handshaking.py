"""From an open connection to an encrypted one, either role, direct or behind a relay.

Both functions own the connection they are given: if they raise, or are cancelled, it is closed.
"""

import asyncio
import inspect
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Final

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.encrypted.allow import Allow, allow_rule
from duologue.connection.encrypted.own_ephemerals import own_ephemerals
from duologue.connection.encrypted.stack import EncryptedConnection
from duologue.connection.next_message import next_message
from duologue.errors import (
    ConnectionClosed,
    DeadlineExceeded,
    HandshakeFailed,
    HandshakeFault,
    KeyNotAllowed,
)
from duologue.identity import Identity
from duologue.limits import MAX_SEALED_FRAME_BYTES, Limits
from duologue.protocol.acceptance import AcceptanceBook, Place
from duologue.protocol.boxes import NONCE_BYTES
from duologue.protocol.closing import CLOSE_CALLED
from duologue.protocol.handshake import ANOTHER_TARGET, AcceptorHandshake, ConnectorHandshake
from duologue.protocol.keys import KeyPair, canonical_public_key

__all__ = [
    "AcceptanceBook",
    "Allow",
    "EncryptedConnection",
    "carrier_limits",
    "encrypt_as_acceptor",
    "encrypt_as_connector",
]

CONFIRMATION_ROUND_TRIPS: Final = 4
"""How long a connector waits for the acceptor's first frame before it hands the connection out
unconfirmed, in round trips of the handshake. Own acceptors need one; those of the original system
may stay silent until they are asked something."""

NOT_ALLOWED: Final = "This key is not allowed here"

_TOLD_FAULTS: Final[Mapping[str, HandshakeFault]] = {
    NOT_ALLOWED: "not-allowed",
    ANOTHER_TARGET: "target",
}
"""What an acceptor says when it closes, for who must know whether another try may do better."""

MIN_CONFIRMATION_WAIT_S: Final = 0.1
"""A round trip may be shorter than the time in which an acceptor on a busy machine answers."""


@lru_cache(maxsize=16)
def carrier_limits(limits: Limits) -> Limits:
    """The limits for a connection that will carry an encrypted one.

    Its messages are sealed frames, however large the messages are that travel in them. All frames
    of one message may wait at once: that alone must not end it. Sealing adds less than 1 %.
    """
    message_bytes = limits.max_message_bytes
    return replace(
        limits,
        max_message_bytes=MAX_SEALED_FRAME_BYTES,
        max_unsent_bytes=limits.max_unsent_bytes + message_bytes + message_bytes // 64,
    )


async def encrypt_as_connector(
    connection: Connection,
    identity: Identity,
    target: bytes,
    limits: Limits,
    *,
    loopback: bool = False,
    timeout_s: float | None = None,
) -> EncryptedConnection:
    """Open an encrypted conversation with the holder of `target`, as the side that asks.

    `connection` is open and leads to the acceptor or to a relay: in both cases the first message is
    our `communication_request`. The conversation's first frame is a lifesign, which proves us to
    the acceptor. An own acceptor proves itself in return at once, and then `remote_key` is set when
    this returns; others may be silent, and then it is set with their first frame.

    `loopback` allows `target` to be our own key. `timeout_s` is for all of it (default:
    `Limits.handshake_timeout_s`).

    Raises:
        UnsafeKey: `target` is no key to build on.
        KeyNotAllowed: the other side does not let this identity in.
        HandshakeFailed: the other side broke the rules, or closed: `connection.close_reason` then
            has its words, for instance a relay's refusal.
        DeadlineExceeded: it took longer than `timeout_s`.
    """
    seconds = limits.handshake_timeout_s if timeout_s is None else timeout_s
    loop = asyncio.get_running_loop()
    async with _owning(connection):
        patience = asyncio.timeout(seconds)
        try:
            async with patience:
                handshake = ConnectorHandshake(
                    own_key=identity.public_key,
                    agree=identity.kept_shared_key,
                    target=canonical_public_key(target),
                    ephemeral=_fresh_ephemeral(connection, identity),
                    nonce=os.urandom(NONCE_BYTES),
                    is_own_ephemeral=_own_ephemerals_of(identity),
                    loopback=loopback,
                )
                _send(connection, handshake.request())
                ready = await _next(connection)
                sent_at_s = loop.time()
                _send(connection, handshake.receive_ready(ready))
                session_key = handshake.receive_key(await _next(connection))
                round_trip_s = loop.time() - sent_at_s
        except HandshakeFailed as error:
            # There is only the text to tell it by.
            words = connection.close_reason.removeprefix(f"{CLOSE_CALLED}: Error: ")
            fault = _TOLD_FAULTS.get(words)
            if fault == "not-allowed":
                raise KeyNotAllowed(identity.public_key) from error
            if fault is not None:
                error.fault = fault
            raise
        except TimeoutError as error:
            if not patience.expired():
                raise
            raise DeadlineExceeded(f"no encrypted connection after {seconds:g} s") from error
        encrypted = EncryptedConnection(
            connection, session_key, limits, is_connector=True, own_key=identity.public_key,
            claimed_key=target,
        )  # fmt: skip
        encrypted.send_lifesign()
        wait_s = max(CONFIRMATION_ROUND_TRIPS * round_trip_s, MIN_CONFIRMATION_WAIT_S)
        await _until_confirmed(encrypted, min(wait_s, limits.confirmation_wait_s))
        if encrypted.state.current_state is not ConnectionState.OPEN:
            await _until_closed(encrypted)
            raise _closed(encrypted, "closed")
    return encrypted


async def encrypt_as_acceptor(
    connection: Connection,
    identity: Identity,
    allow: Allow,
    limits: Limits,
    *,
    book: AcceptanceBook,
    loopback: bool = False,
) -> EncryptedConnection:
    """Take part in an encrypted conversation as the side that is asked.

    `connection` is open and its next message is the `communication_request`: of a direct connector,
    or passed on by a relay after its `connection_handover`. `book` is one for all connections of an
    endpoint; it counts refusals too. `allow` is asked only once a box of the caller has opened, so
    that strangers cannot find out whom it knows.

    Returns only when the caller has proved to have its key: `remote_key` is set. Before that, which
    may take `Limits.handshake_timeout_s` and then `Limits.confirm_timeout_s`, nothing of what
    it sends is handed to anybody; nothing is lost.

    Raises:
        HandshakeFailed: the other side broke the rules, is not allowed, was too slow, never proved
            itself, or closed; `.fault` says which. It is counted in `book.rejected`.
    """
    rule = allow_rule(allow)
    loop = asyncio.get_running_loop()
    try:
        async with _owning(connection):
            handshake = AcceptorHandshake(
                own_key=identity.public_key,
                agree=identity.shared_key,
                ephemeral=_fresh_ephemeral(connection, identity),
                nonce=os.urandom(NONCE_BYTES),
                is_own_ephemeral=_own_ephemerals_of(identity),
                loopback=loopback,
            )
            async with _patience(limits.handshake_timeout_s):
                _send(connection, handshake.receive_request(await _next(connection)))
                claimed = handshake.receive_key(await _next(connection))
                book.check_new(claimed.flight_nonce, loop.time())
                judgement = rule(claimed.key)
                if not (await judgement if inspect.isawaitable(judgement) else judgement):
                    raise HandshakeFailed(NOT_ALLOWED, "not-allowed", claimed.key)
            group = connection.address_group
            with book.unconfirmed(claimed.key, loop.time(), group) as place:
                _send(connection, handshake.answer())
                encrypted = EncryptedConnection(
                    connection, handshake.session_key(), limits, is_connector=False,
                    own_key=identity.public_key, claimed_key=claimed.key,
                )  # fmt: skip
                await _confirm(encrypted, place, limits)
    except HandshakeFailed as error:
        book.count_rejected(error.fault)
        raise
    return encrypted


async def _confirm(encrypted: EncryptedConnection, place: Place, limits: Limits) -> None:
    """Wait for the first opened frame; speak first only after `hold_back_s` (base profile 5.1)."""
    timeout_s = limits.confirm_timeout_s
    # A connector that heard nothing for so long may be waiting for us.
    is_confirmed = await _until_confirmed(encrypted, min(limits.hold_back_s, timeout_s), place)
    if not is_confirmed and not place.is_lost:
        encrypted.send_lifesign()
        await _until_confirmed(encrypted, timeout_s - limits.hold_back_s, place)
    if encrypted.remote_key is None:
        if encrypted.state.current_state is not ConnectionState.OPEN:
            await _until_closed(encrypted)
            raise _closed(encrypted, "closed" if encrypted.failure is None else "unconfirmed")
        key = encrypted.claimed_key
        if place.is_lost:
            raise HandshakeFailed(
                "Another connection needed the place of this one", "too-many", key
            )
        raise HandshakeFailed(
            f"No frame in {timeout_s:g} s that proves the key", "unconfirmed", key
        )
    # The connector waits for this; to others it is one lifesign more. Our hello comes right behind.
    encrypted.gather()
    encrypted.send_lifesign()


async def _until_confirmed(
    encrypted: EncryptedConnection, timeout_s: float, place: Place | None = None
) -> bool:
    """Whether a frame of the other side has opened, at the latest after `timeout_s`.

    Returns early if the connection is not open any more, or has lost its place.
    """
    settled = asyncio.Event()
    if place is not None:
        place.on_lost = settled.set
    unlisten_confirmed = encrypted.on_confirmed.listen(lambda _: settled.set())
    unlisten_state = encrypted.state.on_enter_state.listen(lambda _: settled.set())
    try:
        if encrypted.remote_key is None and encrypted.state.current_state is ConnectionState.OPEN:
            async with asyncio.timeout(max(timeout_s, 0)):
                await settled.wait()
    except TimeoutError:
        pass
    finally:
        unlisten_confirmed()
        unlisten_state()
    return encrypted.remote_key is not None


async def _until_closed(connection: Connection) -> None:
    """Wait for the end of a connection that is closing: only then its reason is known."""
    closed = asyncio.Event()
    unlisten = connection.state.on_enter_state.listen(lambda _: closed.set())
    try:
        if connection.state.current_state is not ConnectionState.CLOSED:
            await closed.wait()
    finally:
        unlisten()


@asynccontextmanager
async def _owning(connection: Connection) -> AsyncGenerator[None]:
    """Close `connection`, in the words of base profile 5, if what is inside fails."""
    is_settled = False
    try:
        yield
        is_settled = True
    except HandshakeFailed as error:
        if error.fault in ("timeout", "unconfirmed"):
            connection.terminate(str(error))
        else:
            connection.close(f"Error: {error}")
        is_settled = True
        raise
    finally:
        if not is_settled:
            connection.terminate("the handshake was given up")


@asynccontextmanager
async def _patience(timeout_s: float) -> AsyncGenerator[None]:
    patience = asyncio.timeout(timeout_s)
    try:
        async with patience:
            yield
    except TimeoutError as error:
        if not patience.expired():
            raise
        raise HandshakeFailed(f"No key was agreed on in {timeout_s:g} s", "timeout") from error


async def _next(connection: Connection) -> Message:
    message = await next_message(connection)
    if message is None:
        raise _closed(connection, "closed")
    return message


def _send(connection: Connection, message: Message) -> None:
    try:
        connection.send(message)
    except ConnectionClosed as error:
        raise _closed(connection, "closed") from error


def _closed(connection: Connection, fault: HandshakeFault) -> HandshakeFailed:
    # The words of base profile 5.
    why = connection.close_reason or f"No reason was given (close code {connection.close_code})"
    failed = HandshakeFailed(f"The connection was closed. {why}", fault)
    failed.__cause__ = connection.failure
    return failed


def _fresh_ephemeral(connection: Connection, identity: Identity) -> KeyPair:
    return own_ephemerals.make(identity.public_key, connection)


def _own_ephemerals_of(identity: Identity) -> Callable[[bytes], bool]:
    return lambda ephemeral: own_ephemerals.has(identity.public_key, ephemeral)
