"""Sealed boxes between two long-term keys: a nonce, then what it seals (PROTOCOL 2.5)."""

from typing import Final

from nacl.bindings import crypto_box_afternm, crypto_box_open_afternm
from nacl.exceptions import CryptoError

from duologue.errors import DecryptionFailed

NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
BOX_OVERHEAD_BYTES: Final = NONCE_BYTES + TAG_BYTES


def seal_box(data: bytes, key: bytes, nonce: bytes) -> bytes:
    """`data`, sealed under the shared key of two pairs. `nonce` is random, 24 bytes, never reused.

    The key has no direction: the maker of a box can open it too. Say in `data`, or by its length,
    what it is for.
    """
    return nonce + crypto_box_afternm(data, nonce, key)


def open_box(box: bytes, key: bytes) -> bytes:
    """What `seal_box` sealed under the same key.

    Raises:
        DecryptionFailed: it was changed, was sealed under another key, or is no box.
    """
    if len(box) < BOX_OVERHEAD_BYTES:
        raise DecryptionFailed(f"a box has at least {BOX_OVERHEAD_BYTES} bytes, this {len(box)}")
    try:
        return crypto_box_open_afternm(box[NONCE_BYTES:], box[:NONCE_BYTES], key)
    except CryptoError:
        # The text of the original, which people search for.
        raise DecryptionFailed("CYENC-SYMDEC: Decryption with symmetric key failed") from None
