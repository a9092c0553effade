"""The agreement on one connection's key, as steps without I/O (PROTOCOL 3).

Each `receive_*` judges one message of the other side and returns what to send, or what was learnt.
Randomness comes in as arguments. After an error the connection must be closed.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from duologue.errors import DecryptionFailed, HandshakeFailed, UnsafeKey
from duologue.foreign_text import shown
from duologue.limits import MAX_HANDSHAKE_TEXT
from duologue.protocol.boxes import BOX_OVERHEAD_BYTES, NONCE_BYTES, open_box, seal_box
from duologue.protocol.closing import NOT_A_MESSAGE
from duologue.protocol.keys import (
    KEY_BYTES,
    KeyPair,
    canonical_public_key,
    public_key_from_hex,
    shared_key,
)

KEY_FLIGHT_BYTES: Final = BOX_OVERHEAD_BYTES + KEY_BYTES
"""72: the only length of a message that carries an ephemeral key."""

REQUEST: Final = "communication_request"
READY: Final = "communication_ready"

ANOTHER_TARGET: Final = "We do not accept connections for this target public key"
"""What a connector is told that wants somebody else."""

MAX_SHOWN: Final = 40
"""Characters of a foreign word that an error text repeats."""

Agree = Callable[[bytes], bytes]
"""Our long-term secret with a public key: the shared key. Raises `UnsafeKey`."""


class Claim(NamedTuple):
    """Who a connector says it is. Its box has opened; that it is here now is not proved yet."""

    key: bytes
    flight_nonce: bytes
    """The nonce of its first flight, by which a repeated one is known."""


class _Command(msgspec.Struct):
    command: str
    sourcePublicKey: str = ""
    targetPublicKey: str = ""


def request_text(source: bytes, target: bytes) -> str:
    """The message that asks for a conversation of `source` with `target`."""
    return (
        f'{{"command":"{REQUEST}","sourcePublicKey":"{source.hex()}",'
        f'"targetPublicKey":"{target.hex()}"}}'
    )


READY_TEXT: Final = f'{{"command":"{READY}"}}'


class ConnectorHandshake:
    """The side that asks: `request`, `receive_ready`, `receive_key`, in this order."""

    def __init__(
        self,
        *,
        own_key: bytes,
        agree: Agree,
        target: bytes,
        ephemeral: KeyPair,
        nonce: bytes,
        is_own_ephemeral: Callable[[bytes], bool],
        loopback: bool = False,
    ) -> None:
        """`target` is canonical; `is_own_ephemeral` knows the keys this side has in use.

        Raises:
            HandshakeFailed: the target is ourselves and `loopback` was not asked for.
            UnsafeKey: the target agrees with everybody.
        """
        _check_loopback(own_key, target, loopback)
        self._own_key = own_key
        self._target = target
        self._static_key = agree(target)
        self._ephemeral = ephemeral
        self._nonce = nonce
        self._is_own_ephemeral = is_own_ephemeral

    def request(self) -> str:
        """The first message."""
        return request_text(self._own_key, self._target)

    def receive_ready(self, message: str | bytes) -> bytes:
        """Take the acceptor's consent; returns our ephemeral key, sealed.

        Raises:
            HandshakeFailed: it is no consent.
        """
        _read_command(message, READY)
        return seal_box(self._ephemeral.public, self._static_key, self._nonce)

    def receive_key(self, message: str | bytes) -> bytes:
        """Take the acceptor's ephemeral key; returns the key of the connection.

        Raises:
            HandshakeFailed: it does not open, is no key, or is one of ours.
        """
        theirs = _open_flight(_flight(message), self._static_key)
        _check_reflection(
            theirs, self._ephemeral, self._is_own_ephemeral, self._own_key == self._target
        )
        return _session_key(theirs, self._ephemeral)


class AcceptorHandshake:
    """The side that is asked: `receive_request`, `receive_key`, `answer`, `session_key`."""

    def __init__(
        self,
        *,
        own_key: bytes,
        agree: Agree,
        ephemeral: KeyPair,
        nonce: bytes,
        is_own_ephemeral: Callable[[bytes], bool],
        loopback: bool = False,
    ) -> None:
        """`is_own_ephemeral` knows the keys this side has in use."""
        self._own_key = own_key
        self._agree = agree
        self._ephemeral = ephemeral
        self._nonce = nonce
        self._is_own_ephemeral = is_own_ephemeral
        self._loopback = loopback
        self._source = b""
        self._static_key = b""
        self._theirs = b""

    def receive_request(self, message: str | bytes) -> str:
        """Take the request; returns the consent.

        Raises:
            HandshakeFailed: it is no request, its keys are no keys, or it is for somebody else.
        """
        command = _read_command(message, REQUEST)
        try:
            target = public_key_from_hex(command.targetPublicKey)
            self._source = public_key_from_hex(command.sourcePublicKey)
        except UnsafeKey as error:
            raise HandshakeFailed(str(error), "key") from error
        if target != self._own_key:
            raise HandshakeFailed(ANOTHER_TARGET, "target")
        _check_loopback(self._own_key, self._source, self._loopback)
        return READY_TEXT

    def receive_key(self, message: str | bytes) -> Claim:
        """Take the connector's ephemeral key; returns who it claims to be.

        Raises:
            HandshakeFailed: it does not open, is no key, or is one of ours.
        """
        flight = _flight(message)
        try:
            self._static_key = self._agree(self._source)
        except UnsafeKey as error:
            raise HandshakeFailed(str(error), "key") from error
        theirs = _open_flight(flight, self._static_key)
        _check_reflection(
            theirs, self._ephemeral, self._is_own_ephemeral, self._own_key == self._source
        )
        self._theirs = theirs
        return Claim(self._source, flight[:NONCE_BYTES])

    def answer(self) -> bytes:
        """Our ephemeral key, sealed: the last message, for a claim that shall be heard."""
        return seal_box(self._ephemeral.public, self._static_key, self._nonce)

    def session_key(self) -> bytes:
        """The key of the connection."""
        return _session_key(self._theirs, self._ephemeral)


def _read_command(message: str | bytes, expected: str) -> _Command:
    if isinstance(message, bytes):
        raise HandshakeFailed("Received message that is not a string message.", "unexpected")
    if len(message) > MAX_HANDSHAKE_TEXT:
        raise HandshakeFailed(f"A handshake message of {len(message)} characters", "unexpected")
    try:
        command = msgspec.json.decode(message, type=_Command)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise HandshakeFailed(NOT_A_MESSAGE, "unexpected") from error
    if command.command != expected:
        # It becomes a close reason, which others show.
        met = shown(command.command[:MAX_SHOWN])
        raise HandshakeFailed(
            f"Received unexpected type '{met}'. Expected type '{expected}'.", "unexpected"
        )
    return command


def _flight(message: str | bytes) -> bytes:
    if isinstance(message, str):
        raise HandshakeFailed("Received message that is not a binary message.", "unexpected")
    if len(message) != KEY_FLIGHT_BYTES:
        raise HandshakeFailed("bad public key size", "box")
    return message


def _open_flight(flight: bytes, static_key: bytes) -> bytes:
    try:
        return canonical_public_key(open_box(flight, static_key))
    except DecryptionFailed as error:
        raise HandshakeFailed(str(error), "box") from error
    except UnsafeKey as error:
        raise HandshakeFailed(str(error), "key") from error


def _check_loopback(own_key: bytes, other: bytes, loopback: bool) -> None:
    if own_key == other and not loopback:
        raise HandshakeFailed(
            "Both sides have the same key; pass loopback=True if that is intended", "loopback"
        )


def _check_reflection(
    theirs: bytes, ours: KeyPair, is_own: Callable[[bytes], bool], is_loopback: bool
) -> None:
    """Boxes have no direction: our own may come back to us, as if the other side had made them."""
    # Who speaks to itself on purpose meets its own keys, and cannot be taken for somebody else.
    if theirs == ours.public or (is_own(theirs) and not is_loopback):
        raise HandshakeFailed("This key is our own: it has been sent back to us", "reflection")


def _session_key(theirs: bytes, ours: KeyPair) -> bytes:
    try:
        return shared_key(theirs, ours.secret)
    except UnsafeKey as error:
        raise HandshakeFailed(str(error), "key") from error
