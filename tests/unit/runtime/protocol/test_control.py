"""Control calls about events, and what tells of them (PROTOCOL 14)."""

import pytest

from duologue.errors import BadFrame
from duologue.protocol.control import (
    Describe,
    Described,
    End,
    Notified,
    Subscribe,
    Subscribed,
    Unsubscribe,
    canonical_key,
    describe_args,
    described_text,
    end_text,
    names_text,
    notify_text,
    read_control,
    read_described,
    read_method_names,
    read_names,
    read_notify,
    read_subscribed,
    subscribe_args,
    subscribed_text,
    unsubscribe_args,
)
from duologue.protocol.replay import Cursor, KeptEvent

WISHES = [
    (Subscribe(120, None, 0, None), b'[{"subscribe":120}]'),
    (Subscribe(120, b'"lobby"', 10, None), b'[{"subscribe":120,"key":"lobby","replay":10}]'),
    (
        Subscribe(120, b"5", 0, Cursor("9f3c", 41)),
        b'[{"subscribe":120,"key":5,"after":{"epoch":"9f3c","seq":41}}]',
    ),
]


@pytest.mark.parametrize(("wish", "args"), WISHES)
def test_a_subscription_is_asked_for(wish: Subscribe, args: bytes) -> None:
    assert subscribe_args(wish) == args
    assert read_control(args[1:-1]) == wish


def test_it_is_ended() -> None:
    assert unsubscribe_args(7) == b'[{"unsubscribe":7}]'
    assert read_control(b'{"unsubscribe":7}') == Unsubscribe(7)


def test_null_is_no_key() -> None:
    assert read_control(b'{"subscribe":1,"key":null}') == Subscribe(1, None, 0, None)


def test_what_is_not_known_is_told_apart_from_what_is_misshapen() -> None:
    assert read_control(b'{"dance":1}') is None


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"{",
        b'{"subscribe":"all"}',
        b'{"subscribe":1.5}',
        b'{"subscribe":1,"replay":-1}',
        b'{"subscribe":1,"replay":9007199254740992}',
        b'{"subscribe":1,"after":{"epoch":"e"}}',
        b'{"subscribe":1,"key":"%b"}' % (b"k" * 255),
        b'{"subscribe":1,"key":"\\ud800"}',
        b'{"unsubscribe":"x"}',
        b'{"subscribe":\xff}',
    ],
)
def test_what_is_misshapen_is_refused(text: bytes) -> None:
    with pytest.raises(BadFrame):
        read_control(text)


def test_a_key_has_at_most_256_bytes() -> None:
    key = b'"%b"' % (b"k" * 254)
    assert read_control(b'{"subscribe":1,"key":%b}' % key) == Subscribe(1, key, 0, None)


def test_a_key_is_the_same_however_it_is_written() -> None:
    assert canonical_key(b'"\\u00e9"') == canonical_key('"é"'.encode()) == '"é"'.encode()


def test_the_answer_tells_where_it_begins() -> None:
    answer = Subscribed(7, Cursor("9f3c", 31), gap=False)
    assert subscribed_text(answer) == b'{"subscription":7,"epoch":"9f3c","seq":31}'
    assert read_subscribed(subscribed_text(answer)) == answer
    gap = answer._replace(gap=True)
    assert subscribed_text(gap) == b'{"subscription":7,"epoch":"9f3c","seq":31,"gap":true}'
    assert read_subscribed(subscribed_text(gap)) == gap


@pytest.mark.parametrize("text", [b"", b"null", b"{}", b'{"subscription":"7"}', b"\xff"])
def test_another_answer_is_refused(text: bytes) -> None:
    with pytest.raises(BadFrame):
        read_subscribed(text)


def test_an_event_is_told() -> None:
    event = KeptEvent(42, b'"lobby"', b'{"n":1}')
    text = notify_text(7, event, 0, with_key=False)
    assert text == b'{"type":"notify","subscription":7,"seq":42,"data":{"n":1}}'
    assert read_notify(text.decode()) == Notified(7, 42, b'{"n":1}', 0, None)
    text = notify_text(7, event, 3, with_key=True)
    assert text == (
        b'{"type":"notify","subscription":7,"seq":42,"missed":3,"key":"lobby","data":{"n":1}}'
    )
    assert read_notify(text.decode()) == Notified(7, 42, b'{"n":1}', 3, None)


def test_an_end_is_told() -> None:
    text = end_text(7, End("TOO_SLOW", "why"))
    assert text == (b'{"type":"notify","subscription":7,"end":{"code":"TOO_SLOW","message":"why"}}')
    assert read_notify(text.decode()) == Notified(7, 0, b"", 0, End("TOO_SLOW", "why"))


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"notify"}',
        '{"type":"notify","subscription":7,"seq":1}',
        '{"type":"notify","subscription":7,"data":{}}',
        '{"type":"notify","subscription":7,"seq":0,"data":{}}',
        '{"type":"notify","subscription":7,"seq":1,"missed":-1,"data":{}}',
        '{"type":"notify","subscription":7,"seq":1.5,"data":{}}',
        '{"type":"notify","subscription":7,"end":5}',
        '{"type":"notify","subscription":7,"seq":1,"data":"\ud800"}',
    ],
)
def test_what_tells_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadFrame):
        read_notify(text)


def test_a_contract_is_asked_for_and_all_names_are() -> None:
    for wish, args in (
        (Describe("chat.v1.Rooms"), b'[{"describe":"chat.v1.Rooms"}]'),
        (Describe(None), b'[{"describe":null}]'),
    ):
        assert describe_args(wish.service) == args
        assert read_control(args[1:-1]) == wish
    with pytest.raises(BadFrame):
        read_control(b'{"describe":5}')


def test_a_description_comes_back_as_it_was() -> None:
    described = Described("sha256:1", b'{"services":{}}', {"a.v1": b'{"types":{}}'})
    text = described_text(described)
    assert text == (
        b'{"digest":"sha256:1","contract":{"services":{}},"imports":{"a.v1":{"types":{}}}}'
    )
    assert read_described(text) == described
    assert read_described(b'{"digest":"","contract":1}') == Described("", b"1", {})


def test_names_of_services_come_back_as_they_were() -> None:
    assert names_text(["a", "b"]) == b'{"services":["a","b"]}'
    assert read_names(b'{"services":["a","b"]}') == ["a", "b"]


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"services":[1]}', b'{"digest":1}', b"\xff"])
def test_what_is_no_description_is_refused(text: bytes) -> None:
    with pytest.raises(BadFrame):
        read_described(text)
    with pytest.raises(BadFrame):
        read_names(text)
    assert read_method_names(text, "a.v1.A") == []


def test_methods_are_found_by_the_name_of_their_service() -> None:
    text = b'{"contract":{"services":{"A":{"methods":{"x":{"id":1},"y":1}},"B":{}}}}'
    assert read_method_names(text, "a.v1.A") == ["x", "y"]
    assert read_method_names(text, "a.v1.B") == []
    assert read_method_names(text, "a.v1.C") == []


def test_the_largest_replay_is_the_largest_safe_integer() -> None:
    wish = read_control(b'{"subscribe":1,"replay":9007199254740991}')
    assert wish == Subscribe(1, None, 9007199254740991, None)
