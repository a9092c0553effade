"""X25519 keys: their one form, their hex, what two of them agree on (PROTOCOL 2).

libsodium is loaded when the first key is made or used: whoever speaks in plain text needs none.
"""

from dataclasses import dataclass, field
from typing import Final

from duologue.errors import UnsafeKey

KEY_BYTES: Final = 32

_PRIME: Final = 2**255 - 19

SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)
"""The points whose product with any secret is zero, as coordinates below the prime (RFC 7748 6.1).
Whoever sends one agrees with everybody on the same key."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A secret key and its public key. Only the public one is ever shown."""

    secret: bytes = field(repr=False)
    public: bytes

    @classmethod
    def from_secret(cls, secret: bytes) -> "KeyPair":
        """The pair of a secret: any 32 bytes, best random ones.

        Raises:
            UnsafeKey: it is not 32 bytes.
        """
        if len(secret) != KEY_BYTES:
            raise UnsafeKey(f"a secret key has {KEY_BYTES} bytes, this has {len(secret)}")
        from nacl.bindings import crypto_scalarmult_base

        return cls(secret, crypto_scalarmult_base(secret))

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public.hex()})"


def canonical_public_key(key: bytes) -> bytes:
    """`key` itself, if it is the one form of a public key that can be built on.

    X25519 reads several byte strings as the same key. Only one of them is accepted, so that equal
    keys are equal bytes.

    Raises:
        UnsafeKey: not 32 bytes, not the smallest form, or of small order.
    """
    if len(key) != KEY_BYTES:
        raise UnsafeKey(f"a public key has {KEY_BYTES} bytes, this has {len(key)}")
    coordinate = int.from_bytes(key, "little")
    if coordinate >= _PRIME:
        raise UnsafeKey("a public key in an unusual form: its number is not below 2^255 - 19")
    if coordinate in SMALL_ORDER:
        raise UnsafeKey("a public key of small order: it agrees with everybody")
    return key


def public_key_from_hex(text: str) -> bytes:
    """The public key that 64 hex digits, of either case, stand for.

    Raises:
        UnsafeKey: other characters, another length, or no key to build on.
    """
    # `fromhex` alone would take spaces, and digits of other scripts are no hex for anybody else.
    if len(text) != 2 * KEY_BYTES or not text.isascii() or not text.isalnum():
        raise UnsafeKey(f"a public key in hex has {2 * KEY_BYTES} digits, this has {len(text)}")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise UnsafeKey("a public key in hex has the digits 0-9 and a-f only") from None
    return canonical_public_key(key)


def public_key_of(key: bytes | str) -> bytes:
    """The public key as bytes, from bytes or from hex.

    Raises:
        UnsafeKey: it is no key to build on.
    """
    return public_key_from_hex(key) if isinstance(key, str) else canonical_public_key(key)


def shared_key(public: bytes, secret: bytes) -> bytes:
    """What the holders of both pairs can work out, and nobody else: `beforenm` of NaCl.

    Raises:
        UnsafeKey: `public` is no key to build on.
    """
    from nacl.bindings import crypto_box_beforenm

    canonical_public_key(public)
    try:
        return crypto_box_beforenm(public, secret)
    except RuntimeError as error:  # libsodium's own word for small order
        raise UnsafeKey("a public key that agrees with everybody") from error
