"""Who is allowed, however it is said."""

from typing import Any, cast

import pytest

from duologue.connection.encrypted.allow import ANYONE, Allow, allow_rule
from duologue.errors import UnsafeKey
from duologue.protocol.keys import KeyPair

ANN = KeyPair.from_secret(bytes(range(32))).public
BEN = KeyPair.from_secret(bytes(range(32, 64))).public


@pytest.mark.parametrize("allow", [{ANN}, [ANN.hex()], (ANN.hex().upper(),), frozenset({ANN})])
def test_a_set_of_keys_allows_those_and_no_other(allow: Allow) -> None:
    rule = allow_rule(allow)
    assert rule(ANN)
    assert not rule(BEN)


def test_an_empty_set_allows_nobody() -> None:
    assert not allow_rule(())(ANN)


def test_anyone_allows_everybody() -> None:
    assert allow_rule(ANYONE)(ANN)


def test_a_function_is_asked_itself() -> None:
    def rule(key: bytes) -> bool:
        return key == BEN

    assert allow_rule(rule) is rule


@pytest.mark.parametrize("single", [ANN, ANN.hex()])
def test_a_single_key_is_refused_with_the_way_to_say_it(single: bytes | str) -> None:
    with pytest.raises(TypeError, match=r"allow=\{key\}"):
        allow_rule(cast(Any, single))


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(UnsafeKey):
        allow_rule([b"short"])
