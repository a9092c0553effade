"""The sealed channel between two nodes: a hello that proves the secret, then messages. Pure.

Both sides make a fresh key pair for each connection, so that nothing that was recorded can be used
again. The accepting side chooses which secret is used, while there are several.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from nacl.bindings import (
    crypto_scalarmult,
    crypto_scalarmult_base,
    crypto_secretbox,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError

from duologue.relay.cluster import control
from duologue.relay.cluster.cluster_keys import ClusterKeys
from duologue.relay.cluster.control import Hello

BEGINNING: Final = b"DLND1\n"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
LENGTH_BYTES: Final = 4


class BadNode(Exception):
    """The other side is no node of this cluster, or one that cannot be spoken with."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(text)
        self.why = why
        """One word, for counting."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What this node says of itself, and holds against others."""

    keys: Sequence[ClusterKeys]
    """The first are used, all are accepted."""
    hello: Hello

    def judge(self, other: Hello) -> None:
        """Look at what the other side says of itself.

        Raises:
            BadNode: it cannot be in one cluster with this one.
        """
        own = self.hello
        if own.run == other.run:
            raise BadNode("itself", f"node {own.node} reaches itself at this address")
        if min(own.v[1], other.v[1]) < max(own.v[0], other.v[0]):
            raise BadNode("version", f"node {other.node} speaks versions {other.v}, we {own.v}")
        theirs, ours = {other.relay_key, other.next_key}, {own.relay_key, own.next_key}
        if other.relay_key not in ours and own.relay_key not in theirs:
            raise BadNode("relay_key", f"node {other.node} has another relay key (key_file)")


class Channel:
    """One connection between two nodes. Bytes in, `next_message` out; `take_outgoing` is sent.

    Invariant: nothing is said or believed before the other side has proved the secret, but a public
    key. The first thing that does not open ends it, without a word.
    """

    def __init__(self, introduction: Introduction, *, is_dialling: bool, secret: bytes) -> None:
        """`secret` is 32 random bytes, for this connection only."""
        self.other: Hello | None = None
        """The other side, once it has proved to be one of us."""
        self._introduction = introduction
        self._is_dialling = is_dialling
        self._secret = secret
        self._first = BEGINNING + crypto_scalarmult_base(secret) if is_dialling else b""
        """Step 1, once it is known."""
        self._key = b""
        self._candidates: list[bytes] = []
        """Traffic keys, one of which the other side has; only while dialling."""
        self._sent = 1 if is_dialling else 0
        self._received = 0 if is_dialling else 1
        self._buffer = bytearray()
        self._outgoing = bytearray(self._first)

    @property
    def is_open(self) -> bool:
        """Whether both sides know each other."""
        return self.other is not None

    def take_outgoing(self) -> bytes:
        """What has to be sent."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def seal(self, message: control.Control) -> bytes:
        """A message, as it is sent; only when open."""
        nonce = self._sent.to_bytes(NONCE_BYTES, "big")
        self._sent += 2
        box = crypto_secretbox(control.encode(message), nonce, self._key)
        return len(box).to_bytes(LENGTH_BYTES, "big") + box

    def receive(self, data: bytes) -> None:
        """Take what has come. Call `next_message` until it gives None."""
        self._buffer += data

    def next_message(self) -> control.Message | None:
        """The next whole message, but no hello; None: more has to come.

        Raises:
            BadNode: end the connection.
        """
        if not self._key and not self._agree():
            return None
        while (message := self._take_message()) is not None:
            if self.other is not None:
                if isinstance(message, Hello):
                    raise BadNode("malformed", "a second hello")
                return message
            if not isinstance(message, Hello):
                raise BadNode("malformed", "no hello")
            self._introduction.judge(message)
            self.other = message
            if self._is_dialling:
                self._outgoing += self.seal(self._introduction.hello)
        return None

    def take_rest(self) -> bytes:
        """What has come behind the last message: bytes of the caller's connection."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    # -- inside ---------------------------------------------------------------------------------

    def _agree(self) -> bool:
        """Go through the two public keys; whether there is, or may be, a traffic key."""
        if self._candidates:
            return True
        wanted = KEY_BYTES if self._is_dialling else len(BEGINNING) + KEY_BYTES
        if not self._is_dialling and not BEGINNING.startswith(
            bytes(self._buffer[: len(BEGINNING)])
        ):
            raise BadNode("no_node", "somebody else than a node has come to the node port")
        if len(self._buffer) < wanted:
            return False
        taken = bytes(self._buffer[:wanted])
        del self._buffer[:wanted]
        their_key = taken[-KEY_BYTES:]
        own_key = crypto_scalarmult_base(self._secret)
        if not self._is_dialling:
            self._first = taken
        try:
            shared = crypto_scalarmult(self._secret, their_key)
        except RuntimeError:
            raise BadNode("bad_key", "a public key that leads nowhere") from None
        second = their_key if self._is_dialling else own_key
        material = shared + self._first + second
        self._candidates = [
            hashlib.blake2b(material, key=keys.link, digest_size=KEY_BYTES).digest()
            for keys in self._introduction.keys
        ]
        if not self._is_dialling:
            self._key = self._candidates[0]
            self._outgoing += own_key + self.seal(self._introduction.hello)
        return True

    def _take_message(self) -> control.Message | None:
        if len(self._buffer) < LENGTH_BYTES:
            return None
        size = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        if size > control.MAX_MESSAGE_BYTES:
            raise BadNode("malformed", f"a message of {size} bytes")
        end = LENGTH_BYTES + size
        if len(self._buffer) < end:
            return None
        box = bytes(self._buffer[LENGTH_BYTES:end])
        del self._buffer[:end]
        try:
            return control.decode(self._open(box))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadNode("malformed", "a message that cannot be read") from None

    def _open(self, box: bytes) -> bytes:
        nonce = self._received.to_bytes(NONCE_BYTES, "big")
        self._received += 2
        for key in [self._key] if self._key else self._candidates:
            try:
                plain = crypto_secretbox_open(box, nonce, key)
            except (CryptoError, ValueError):
                continue
            self._key = key
            return plain
        raise BadNode("not_proved", "the other side has another secret")
