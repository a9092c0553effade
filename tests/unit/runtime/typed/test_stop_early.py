"""Lists give up at their first bad item, wherever they are."""

import pytest
from pydantic import ValidationError
from typing_extensions import TypeAliasType

from duologue import Model
from duologue.typed import Codec

Numbers = TypeAliasType("Numbers", list[int])


class Inner(Model):
    numbers: list[int]


class Named(Model):
    numbers: Numbers
    more: Numbers = []  # noqa: RUF012


class Outer(Model):
    inner: list[Inner]
    by_name: dict[str, list[int]]


def problems(codec: Codec[object], text: bytes) -> int:
    with pytest.raises(ValidationError) as caught:
        codec.decode(text)
    return caught.value.error_count()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Inner, b'{"numbers":["a","b","c"]}'),
        (list[Inner], b"[{},{},{}]"),
        (list[int] | None, b'["a","b","c"]'),
        (Named, b'{"numbers":["a","b","c"]}'),
        (Numbers, b'["a","b"]'),
        (dict[str, Numbers], b'{"x":["a","b"]}'),
        (Outer, b'{"inner":[{},{},{}],"by_name":{}}'),
        (Outer, b'{"inner":[{"numbers":["a","b"]}],"by_name":{}}'),
        (Outer, b'{"inner":[],"by_name":{"x":["a","b"]}}'),
        (dict[str, list[Inner]], b'{"x":[{},{}]}'),
    ],
)
def test_a_list_reports_its_first_bad_item_only(form: object, text: bytes) -> None:
    assert problems(Codec[object](form), text) == 1


def test_good_lists_are_read_to_their_end() -> None:
    assert Codec(list[Inner]).decode(b'[{"numbers":[1]},{"numbers":[2,3]}]') == [
        Inner(numbers=[1]),
        Inner(numbers=[2, 3]),
    ]
