"""The proof that a listener holds the key it registers (base profile 4.1). Pure."""

import hmac
from typing import Final

from duologue.errors import DecryptionFailed, ProtocolError
from duologue.protocol.boxes import BOX_OVERHEAD_BYTES, open_box, seal_box

CHALLENGE_BYTES: Final = 64
CHALLENGE_BOX_BYTES: Final = BOX_OVERHEAD_BYTES + CHALLENGE_BYTES


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


def _inverted(data: bytes) -> bytes:
    return bytes(each ^ 0xFF for each in data)
