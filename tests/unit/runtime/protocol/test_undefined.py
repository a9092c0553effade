"""The value that JSON has not."""

import copy
import pickle

from duologue.protocol.values import SENTINEL, UNDEFINED, UndefinedType


def test_there_is_one_undefined() -> None:
    assert UndefinedType() is UNDEFINED
    assert copy.deepcopy(UNDEFINED) is UNDEFINED
    assert pickle.loads(pickle.dumps(UNDEFINED)) is UNDEFINED


def test_undefined_is_neither_null_nor_its_sentinel() -> None:
    assert UNDEFINED is not None
    undefined: object = UNDEFINED
    assert undefined != SENTINEL
    assert not UNDEFINED
    assert repr(UNDEFINED) == "UNDEFINED"
