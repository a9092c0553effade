"""The frames of an encrypted connection: padded, numbered, sealed (PROTOCOL 4)."""

from collections.abc import Callable, Sequence
from typing import Final

from nacl.bindings import crypto_box_afternm, crypto_box_open_afternm
from nacl.exceptions import CryptoError

from duologue.errors import BadFrame, DecryptionFailed, LimitExceeded, NonceExhausted
from duologue.limits import MAX_SEALED_MESSAGE_BYTES
from duologue.protocol import batches
from duologue.protocol.boxes import TAG_BYTES
from duologue.protocol.padding import BATCH_FLAG, TEXT_FLAG, bucket_extra, pad, unpad

CONNECTOR_START: Final = 1
ACCEPTOR_START: Final = 0
STEP: Final = 2
"""Each side has every other number, so that no two frames of a key share a nonce."""

FIRST_UNUSABLE_COUNTER: Final = 2**53 - 2
"""From here on a JavaScript peer could not tell two counters apart."""

RandomBytes = Callable[[int], bytes]
ExtraFor = Callable[[int, int], int]
"""How many bytes to add to a message of a length, given the largest length."""


def nonce_of(counter: int) -> bytes:
    """The nonce that stands for a counter: big-endian in the last 8 of 24 bytes.

    Raises:
        NonceExhausted: the counter must not be used any more.
    """
    if counter >= FIRST_UNUSABLE_COUNTER:
        raise NonceExhausted(f"counter {counter} of this connection's key cannot be used")
    return counter.to_bytes(24, "big")


class Sealer:
    """Seals the messages of one side, each with the next nonce of that side.

    Invariant: no counter is used twice.
    """

    def __init__(
        self,
        key: bytes,
        random_bytes: RandomBytes,
        *,
        is_connector: bool,
        max_message_bytes: int = MAX_SEALED_MESSAGE_BYTES,
        extra_for: ExtraFor = bucket_extra,
        counter: int | None = None,
    ) -> None:
        self._key = key
        self._random_bytes = random_bytes
        self._max_message_bytes = max_message_bytes
        self._extra_for = extra_for
        start = CONNECTOR_START if is_connector else ACCEPTOR_START
        self.counter = start if counter is None else counter
        """Of the next frame."""

    def seal(self, message: bytes, *, is_text: bool) -> bytes:
        """The frame for a message; a text is given as UTF-8.

        Raises:
            LimitExceeded: the message is above `max_message_bytes`; no nonce was used.
            NonceExhausted: the key may seal no more.
        """
        return self._seal(message, TEXT_FLAG if is_text else 0)

    def seal_batch(self, texts: Sequence[bytes]) -> bytes:
        """The one frame for several texts, given as UTF-8, for who has said that it reads such.

        Raises:
            LimitExceeded, NonceExhausted: as `seal`.
        """
        return self._seal(batches.join(texts), TEXT_FLAG | BATCH_FLAG)

    def _seal(self, message: bytes, flags: int) -> bytes:
        if len(message) > self._max_message_bytes:
            raise LimitExceeded("max_message_bytes", self._max_message_bytes, len(message))
        nonce = nonce_of(self.counter)
        extra = self._extra_for(len(message), self._max_message_bytes)
        filler = self._random_bytes(extra) if extra else b""
        padded = pad(message, flags, extra, filler)
        self.counter += STEP
        return crypto_box_afternm(padded, nonce, self._key)


class Opener:
    """Opens the frames of the other side, each with exactly the next nonce of that side.

    Invariant: after the first refusal nothing opens any more; the connection must be closed.
    """

    def __init__(
        self,
        key: bytes,
        *,
        is_connector: bool,
        max_message_bytes: int = MAX_SEALED_MESSAGE_BYTES,
        counter: int | None = None,
    ) -> None:
        """`is_connector` tells what *this* side is, as for `Sealer`."""
        self._key = key
        # Twice: 128 KiB in use. Others may pad more than we do.
        self._max_frame_bytes = 2 * max_message_bytes
        start = ACCEPTOR_START if is_connector else CONNECTOR_START
        self.counter = start if counter is None else counter
        """Of the next frame."""
        self.reads_batches = False
        """Whether the other side may send several texts in one frame; else that flag is ignored."""
        self._has_refused = False

    def open(self, frame: bytes) -> str | bytes | list[str]:
        """The message in a frame, text as `str`; or the texts of a batch.

        Raises:
            DecryptionFailed: changed, repeated, out of order, under another key, or too short.
            BadFrame: it opens, but its padding, its UTF-8 or its batch is wrong.
            LimitExceeded: the frame is too large to be looked at.
            NonceExhausted: the key may open no more.
        """
        if self._has_refused:
            raise DecryptionFailed("Decryption of message failed.")
        self._has_refused = True
        nonce = nonce_of(self.counter)
        if len(frame) > self._max_frame_bytes:
            raise LimitExceeded("max_frame_bytes", self._max_frame_bytes, len(frame))
        if len(frame) < TAG_BYTES:
            raise DecryptionFailed("Decryption of message failed.")
        try:
            padded = crypto_box_open_afternm(frame, nonce, self._key)
        except CryptoError:
            raise DecryptionFailed("Decryption of message failed.") from None
        message, flags = unpad(padded)
        opened: str | bytes | list[str] = message
        if flags & BATCH_FLAG and self.reads_batches:
            if not flags & TEXT_FLAG:
                raise BadFrame("a batch of bytes")
            opened = batches.split(message)
        elif flags & TEXT_FLAG:
            try:
                opened = message.decode()
            except UnicodeDecodeError:
                raise BadFrame("a sealed text that is not UTF-8") from None
        self.counter += STEP
        self._has_refused = False
        return opened
