"""Has listeners prove the keys they register (base profile 4.1)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from duologue.identity import Identity
from duologue.protocol.boxes import NONCE_BYTES
from duologue.relay.challenge import (
    CHALLENGE_BYTES,
    announce_next_key,
    is_right_answer,
    pose_challenge,
)
from duologue.relay.messages import AuthenticationRequest, AuthenticationSuccess

KEPT_KEYS: Final = 1024
"""Listeners with whom the relay has agreed last: each comes again after each caller."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was asked of one listener, until it has answered."""

    plain: bytes = field(repr=False)
    shared_key: bytes = field(repr=False)


class Registrar:
    """Poses challenges with the relay's key, and judges the answers."""

    def __init__(
        self,
        identity: Identity,
        *,
        announces_key: bool,
        next_key: bytes | None,
        ping_interval_s: float,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._public_key = identity.public_key
        self._shared_key = lru_cache(maxsize=KEPT_KEYS)(identity.shared_key)
        self._announces_key = announces_key
        self._next_key = next_key
        self._ping_interval_s = ping_interval_s
        self._random_bytes = random_bytes

    def ask(self, key: bytes) -> tuple[Challenge, AuthenticationRequest]:
        """A challenge for who claims `key`; this costs a key agreement, unless it
        has come before.

        Raises:
            UnsafeKey: nobody can prove to have this one.
        """
        challenge = Challenge(self._random_bytes(CHALLENGE_BYTES), self._shared_key(key))
        nonce = self._random_bytes(NONCE_BYTES)
        box = pose_challenge(challenge.plain, challenge.shared_key, nonce)
        return challenge, AuthenticationRequest(self._public_key, box)

    def judge(self, challenge: Challenge, response: bytes) -> AuthenticationSuccess | None:
        """The relay's word to who has given the right answer; None for any other answer."""
        if not is_right_answer(response, challenge.plain, challenge.shared_key):
            return None
        announced = None
        if self._next_key is not None:
            nonce = self._random_bytes(NONCE_BYTES)
            announced = announce_next_key(self._next_key, response, challenge.shared_key, nonce)
        interval_ms = self._ping_interval_s * 1000
        return AuthenticationSuccess(interval_ms, self._announces_key, announced)
