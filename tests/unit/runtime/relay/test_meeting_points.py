"""Meeting points, as the older pairing relay had them (base profile 9.2)."""

import pytest

from duologue.connection.base import Message
from duologue.relay.meeting_points import MAX_NAME_CHARACTERS
from tests.relay_support import CALLER, PROVIDER, Relay, request_text

JOINED = '{"connected":true,"groupSize":2}'


def come(first: str, second: str) -> str:
    return f'{{"self":"{first}","other":"{second}"}}'


def test_two_with_the_same_names_are_joined() -> None:
    relay = Relay(meeting_points=True)
    one, other = relay.link(), relay.link()
    one.arrive(come("a", "b"))
    assert not one.sent
    other.arrive(come("b", "a"))
    assert one.sent.popleft() == other.sent.popleft() == JOINED
    one.arrive("text", b"\x00")
    other.arrive("é")
    assert list(other.sent) == ["text", b"\x00"]
    assert list(one.sent) == ["é"]


def test_both_may_call_themselves_self() -> None:
    relay = Relay(meeting_points=True)
    one, other = relay.link(), relay.link()
    one.arrive(come("self", "tea"))
    other.arrive(come("self", "tea"))
    assert list(one.sent) == list(other.sent) == [JOINED]


def test_what_comes_before_the_second_party_waits_for_it() -> None:
    relay = Relay(meeting_points=True)
    one, other = relay.link(), relay.link()
    one.arrive(come("self", "tea"), "early")
    other.arrive(come("self", "tea"))
    assert list(other.sent) == [JOINED, "early"]


def test_a_third_party_is_refused() -> None:
    relay = Relay(meeting_points=True)
    links = [relay.link() for _ in range(3)]
    for link in links:
        link.arrive(come("self", "tea"))
    assert (links[2].close_code, links[2].close_reason) == (4001, "Group full (2 members)")
    assert links[0].is_open


@pytest.mark.parametrize(
    ("first", "code", "reason"),
    [
        (b"{}", 4000, "Invalid message (expected a JSON string)"),
        ("{", 4001, "Invalid JSON"),
        ('{"other":"a"}', 4001, 'Expected "self" to be a string"'),
        ('{"self":"a","other":7}', 4001, 'Expected "other" to be a string"'),
    ],
)
def test_unfit_first_messages(first: Message, code: int, reason: str) -> None:
    relay = Relay(meeting_points=True)
    link = relay.link()
    link.arrive(first)
    assert (link.close_code, link.close_reason) == (code, reason)


def test_when_one_leaves_the_other_is_closed_with_4002_and_the_place_is_free() -> None:
    relay = Relay(meeting_points=True)
    one, other = relay.link(), relay.link()
    one.arrive(come("self", "tea"))
    other.arrive(come("self", "tea"))
    one.leave()
    assert (other.close_code, other.close_reason) == (4002, "")
    other.finish_closing()
    third, fourth = relay.link(), relay.link()
    third.arrive(come("self", "tea"))
    fourth.arrive(come("self", "tea"))
    assert list(third.sent) == [JOINED]
    assert third.is_open


def test_one_that_leaves_alone_leaves_no_trace() -> None:
    relay = Relay(meeting_points=True)
    one, other = relay.link(), relay.link()
    one.arrive(come("self", "tea"))
    one.leave()
    other.arrive(come("self", "tea"))
    assert not other.sent


def test_parties_are_pinged_and_dropped_when_silent() -> None:
    relay = Relay(meeting_points=True)
    silent, lively = relay.link(), relay.link()
    silent.arrive(come("self", "tea"))
    lively.arrive(come("self", "coffee"))
    relay.pass_time(10)
    assert (silent.ping_frames, lively.ping_frames) == (1, 1)
    lively.received_bytes += 6
    relay.pass_time(10)
    assert not silent.is_open
    assert lively.is_open


def test_registering_and_asking_work_beside_them() -> None:
    relay = Relay(meeting_points=True)
    spare = relay.spare()
    relay.link().arrive(request_text(CALLER, PROVIDER))
    assert spare.take() == {"command": "connection_handover"}


def test_they_are_served_only_where_that_is_wanted() -> None:
    relay = Relay()
    link = relay.link()
    link.arrive(come("self", "tea"))
    assert link.close_code == 1000


def test_spawn_is_never_honoured() -> None:
    relay = Relay(meeting_points=True)
    link = relay.link()
    link.arrive('{"self":"a","other":"b","spawn":"program"}')
    assert link.is_open
    assert not link.sent


def test_a_name_may_have_so_many_characters_and_no_more() -> None:
    relay = Relay(meeting_points=True)
    good, bad = relay.link(), relay.link()
    good.arrive(come("self", "x" * MAX_NAME_CHARACTERS))
    bad.arrive(come("self", "x" * (MAX_NAME_CHARACTERS + 1)))
    assert good.is_open
    assert bad.close_reason == 'Expected "other" to be a string"'
