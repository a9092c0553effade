"""What is said before a side closes: its form, and what other forms are."""

import pytest

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol.backoff import MAX_WISHED_PAUSE_S, obeyed_s
from duologue.protocol.goaway import GoAway, goaway_text, read_goaway, spread_ms
from duologue.protocol.session import Session


def test_it_has_words_and_milliseconds() -> None:
    text = goaway_text(GoAway('a "new" version', 7_250))
    assert text == rb'{"type":"goaway","reason":"a \"new\" version","reconnectAfterMs":7250}'
    assert read_goaway(text.decode()) == GoAway('a "new" version', 7_250)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("", GoAway("", 0)),
        (',"reason":"bye"', GoAway("bye", 0)),
        (',"reconnectAfterMs":0', GoAway("", 0)),
        (',"reconnectAfterMs":9007199254740991', GoAway("", MAX_SAFE_INTEGER)),
        (',"more":[1]', GoAway("", 0)),
    ],
)
def test_each_field_may_be_missing_and_others_are_ignored(fields: str, said: GoAway) -> None:
    assert read_goaway('{"type":"goaway"%s}' % fields) == said


UNREADABLE = [
    '"reason":5',
    '"reason":null',
    '"reason":"\ud800"',
    '"reconnectAfterMs":-1',
    '"reconnectAfterMs":1.5',
    '"reconnectAfterMs":"7"',
    '"reconnectAfterMs":true',
    '"reconnectAfterMs":null',
    '"reconnectAfterMs":[]',
    '"reconnectAfterMs":9007199254740992',
    '"reconnectAfterMs":1e300',
]


@pytest.mark.parametrize("field", UNREADABLE)
def test_any_other_form_is_unreadable(field: str) -> None:
    with pytest.raises(BadFrame, match="`goaway` that cannot be read"):
        read_goaway('{"type":"goaway",%s}' % field)


@pytest.mark.parametrize("field", UNREADABLE)
def test_what_is_unreadable_is_counted_and_ends_a_conversation_in_the_end(field: str) -> None:
    session: Session[str] = Session(Limits(max_invalid_messages=1))
    session.allow_control()
    assert session.receive('{"type":"goaway",%s}' % field) is None
    assert session.counters.requests_received_invalid == 1
    with pytest.raises(LimitExceeded, match="max_invalid_messages"):
        session.receive('{"type":"goaway",%s}' % field)


def test_in_the_base_profile_it_is_a_type_like_any_other_that_is_not_known() -> None:
    session: Session[str] = Session(Limits())
    assert session.receive('{"type":"goaway","reason":"bye","reconnectAfterMs":5}') is None
    assert session.counters.requests_received_invalid == 1
    session.allow_control()
    assert session.receive('{"type":"goaway","reason":"bye","reconnectAfterMs":5}') == ("bye", 5)
    assert session.counters.requests_received_invalid == 1


@pytest.mark.parametrize(
    ("drain_timeout_s", "chance", "ms"),
    [
        (10.0, 0.0, 0),
        (10.0, 0.5, 7_500),
        (10.0, 1.0, 15_000),
        (0.0, 1.0, 5_000),
        (55.0, 1.0, 60_000),
        (56.0, 1.0, 60_000),
        (86_400.0, 0.5, 30_000),
    ],
)
def test_peers_are_spread_over_the_drain_and_five_seconds_more_up_to_a_minute(
    drain_timeout_s: float, chance: float, ms: int
) -> None:
    assert spread_ms(drain_timeout_s, lambda: chance) == ms


def test_a_wish_is_obeyed_up_to_a_minute() -> None:
    assert [obeyed_s(wish) for wish in (0.0, 59.9, 60.0, 60.1, 9e12)] == [0.0, 59.9, 60, 60, 60]
    assert MAX_WISHED_PAUSE_S == 60
