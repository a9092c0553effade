"""Public keys have one form; everything else is refused by type (catalogue row 41)."""

from collections.abc import Callable

import pytest

from duologue.errors import UnsafeKey
from duologue.protocol.keys import (
    SMALL_ORDER,
    KeyPair,
    canonical_public_key,
    public_key_from_hex,
    public_key_of,
    shared_key,
)

PRIME = 2**255 - 19
ANN = KeyPair.from_secret(bytes(range(32)))
BEN = KeyPair.from_secret(bytes(range(32, 64)))

UNUSUAL = [
    *SMALL_ORDER,
    *(PRIME + each for each in range(19)),
    *(2**255 + each for each in SMALL_ORDER),
    2**256 - 1,
]
"""Numbers of 32 bytes that X25519 reads as some key, and that are no form to build on."""


def as_key(number: int) -> bytes:
    return number.to_bytes(32, "little")


@pytest.mark.parametrize("number", UNUSUAL)
def test_small_order_and_unusual_forms_are_refused_by_type(number: int) -> None:
    key = as_key(number)
    with pytest.raises(UnsafeKey):
        canonical_public_key(key)
    with pytest.raises(UnsafeKey):
        shared_key(key, ANN.secret)
    with pytest.raises(UnsafeKey):
        public_key_from_hex(key.hex())


def test_a_set_top_bit_names_the_same_key_and_is_refused() -> None:
    flipped = ANN.public[:31] + bytes((ANN.public[31] | 0x80,))
    with pytest.raises(UnsafeKey):
        canonical_public_key(flipped)


def test_the_largest_number_below_the_prime_that_is_not_of_small_order_is_taken() -> None:
    assert canonical_public_key(as_key(PRIME - 2)) == as_key(PRIME - 2)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(UnsafeKey, match=f"32 bytes, this has {length}"):
        canonical_public_key(b"\x07" * length)
    with pytest.raises(UnsafeKey, match=f"32 bytes, this has {length}"):
        KeyPair.from_secret(b"\x07" * length)


@pytest.mark.parametrize("write", [str.lower, str.upper])
def test_hex_of_either_case_is_the_key(write: Callable[[str], str]) -> None:
    assert public_key_from_hex(write(ANN.public.hex())) == ANN.public


@pytest.mark.parametrize(
    "text",
    [
        "",
        "07" * 31,
        "07" * 33,
        "0g" * 32,
        " " + "07" * 31 + " ",
        "07 " * 21 + "0",
        "٠" * 64,
        "-1" * 32,
        "\x00" * 64,
    ],
)
def test_other_texts_are_no_keys(text: str) -> None:
    with pytest.raises(UnsafeKey):
        public_key_from_hex(text)


def test_keys_are_taken_as_bytes_and_as_hex() -> None:
    assert public_key_of(ANN.public) == public_key_of(ANN.public.hex()) == ANN.public


def test_both_sides_agree_and_a_third_does_not() -> None:
    agreed = shared_key(ANN.public, BEN.secret)
    assert agreed == shared_key(BEN.public, ANN.secret)
    assert agreed != shared_key(ANN.public, bytes(32))


def test_a_pair_shows_its_public_key_only() -> None:
    assert repr(ANN) == f"KeyPair(public={ANN.public.hex()})"
    assert ANN.secret.hex() not in f"{ANN!r} {ANN}"
