"""The proof that a listener holds the key it registers (base profile 4.1). Pure.

Also, as an addition, how a relay announces the key that it will have: it seals it with the key it
has, so that whoever trusts the one may trust the other.
"""

import hashlib
import hmac
from typing import Final

from duologue.errors import DecryptionFailed, ProtocolError
from duologue.protocol.boxes import BOX_OVERHEAD_BYTES, open_box, seal_box
from duologue.protocol.keys import KEY_BYTES

CHALLENGE_BYTES: Final = 64
CHALLENGE_BOX_BYTES: Final = BOX_OVERHEAD_BYTES + CHALLENGE_BYTES

_INVERTED: Final = bytes(range(255, -1, -1))

_NEXT_KEY_LABEL: Final = b"relay next key 1"
_DIGEST_BYTES: Final = 32
_ANNOUNCEMENT_BYTES: Final = len(_NEXT_KEY_LABEL) + _DIGEST_BYTES + KEY_BYTES
NEXT_KEY_BOX_BYTES: Final = BOX_OVERHEAD_BYTES + _ANNOUNCEMENT_BYTES


def pose_challenge(challenge: bytes, shared_key: bytes, nonce: bytes) -> bytes:
    """The box in which the relay sends `challenge`, 64 random bytes."""
    return seal_box(challenge, shared_key, nonce)


def answer_challenge(box: bytes, shared_key: bytes, nonce: bytes) -> bytes:
    """The listener's answer: the challenge with every bit inverted.

    Raises:
        ProtocolError: the box does not hold exactly 64 bytes. Other boxes are never opened for a
            relay: a listener that opened any would be a tool for whoever has one (4.1).
        DecryptionFailed: the box does not open.
    """
    if len(box) != CHALLENGE_BOX_BYTES:
        raise ProtocolError(f"a challenge has {CHALLENGE_BOX_BYTES} bytes, this has {len(box)}")
    return seal_box(_inverted(open_box(box, shared_key)), shared_key, nonce)


def is_right_answer(response: bytes, challenge: bytes, shared_key: bytes) -> bool:
    """Whether `response` proves the key. A challenge sent back as it came does not."""
    try:
        answer = open_box(response, shared_key)
    except DecryptionFailed:
        return False
    return hmac.compare_digest(answer, _inverted(challenge))


def announce_next_key(next_key: bytes, response: bytes, shared_key: bytes, nonce: bytes) -> bytes:
    """The box in which a relay tells a listener, which has just answered `response`, its next key.

    Boxes have no purpose in their key, so this one has it inside, and a length that no other box
    has: challenges hold 64 bytes, handshakes 32. It also holds a digest of the answer, in which
    there is a nonce of the listener's: an announcement of some other day is none of today.
    """
    return seal_box(_announcement(response) + next_key, shared_key, nonce)


def read_next_key(box: bytes, response: bytes, shared_key: bytes) -> bytes:
    """The key that the relay announces, in the form in which it was sent.

    Raises:
        DecryptionFailed: somebody else than the relay has made it, or it is no announcement made
            for this answer.
    """
    announcement = open_box(box, shared_key)
    head, next_key = announcement[:-KEY_BYTES], announcement[-KEY_BYTES:]
    if head != _announcement(response):
        raise DecryptionFailed("an announcement of another key that was not made for us, now")
    return next_key


def _announcement(response: bytes) -> bytes:
    return _NEXT_KEY_LABEL + hashlib.blake2b(response, digest_size=_DIGEST_BYTES).digest()


def _inverted(data: bytes) -> bytes:
    return data.translate(_INVERTED)
