"""The relay without sockets: what pairs may do, and what ends them."""

import json

from duologue.relay.events import Cause, Parted
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Hold
from tests.relay_support import CALLER, PROVIDER, Relay, answer_text, register_text, request_text


def test_what_a_caller_sends_too_early_comes_after_the_handover() -> None:
    relay = Relay()
    listener = relay.spare()
    relay.link().arrive(request_text(CALLER, PROVIDER), "early", b"\x01")
    assert [listener.take()["command"], listener.take()["command"], *listener.sent] == [
        "connection_handover",
        "communication_request",
        "early",
        b"\x01",
    ]


def test_of_a_pair_the_spare_is_told_as_taken_and_nobody_else() -> None:
    relay = Relay()
    _, listener = relay.pair()
    relay.link().arrive(request_text(CALLER, PROVIDER))
    assert relay.taken == [listener]


def test_what_a_waiting_caller_sends_is_kept_for_the_listener() -> None:
    relay = Relay()
    relay.pair()
    waiting = relay.link()
    waiting.arrive(request_text(CALLER, PROVIDER), "early")
    waiting.arrive(b"\x01")
    listener = relay.link()
    listener.arrive(register_text(PROVIDER))
    listener.arrive(answer_text(PROVIDER, listener.sent.popleft()))
    assert [json.loads(listener.sent.popleft())["command"] for _ in range(3)] == [
        "authentication_success",
        "connection_handover",
        "communication_request",
    ]
    assert list(listener.sent) == ["early", b"\x01"]


def test_closing_passes_on_the_text_but_code_1000() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    caller.leave("Close called: enough")
    assert (listener.close_code, listener.close_reason) == (1000, "Close called: enough")
    [parted] = relay.of_kind(Parted)
    assert parted.cause is Cause.PEER_LEFT


def test_a_lost_side_closes_the_other_with_an_empty_text() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    listener.be_lost()
    assert (caller.close_code, caller.close_reason) == (1000, "")


def test_a_full_sink_holds_its_source_and_nobody_else() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    listener.be_full(300_000)
    caller.arrive(b"1", b"2")
    listener.arrive(b"3")
    assert caller.holds == Hold.SINK_IS_FULL
    assert not listener.sent
    assert list(caller.sent) == [b"3"]
    listener.be_full(0)
    assert list(listener.sent) == [b"1", b"2"]


def test_a_reader_without_progress_is_cut_after_thirty_seconds() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    caller.arrive(b"x" * 1000)
    listener.be_full(1000)
    for _ in range(29):
        relay.pass_time(1)
    assert caller.is_open
    relay.pass_time(2)
    assert caller.close_reason == "Close called: slow_reader"
    assert listener.close_reason == "Terminate called: slow_reader"
    assert relay.of_kind(Parted)[0].cause is Cause.SLOW_READER


def test_a_reader_is_cut_when_the_time_is_full_and_not_before() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    caller.arrive(b"x" * 1000)
    listener.be_full(1000)
    relay.pass_time(0)
    relay.pass_time(RelayLimits().write_timeout_s - 0.5)
    assert caller.is_open
    relay.pass_time(0.5)
    assert caller.close_reason == "Close called: slow_reader"


def test_a_reader_with_a_little_progress_is_not_cut() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    caller.arrive(b"x" * 1000)
    for unsent_bytes in range(1000, 980, -1):
        listener.be_full(unsent_bytes)
        relay.pass_time(29)
    assert caller.is_open


def test_an_idle_pair_is_closed_after_ten_minutes() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    relay.pass_time(0)
    relay.pass_time(599)
    caller.arrive(b"x")
    relay.pass_time(1)
    relay.pass_time(599)
    assert caller.is_open
    relay.pass_time(1)
    assert caller.close_reason == listener.close_reason == "Close called: idle_pair"


def test_a_flood_of_small_frames_is_read_slowly() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    for _ in range(10_000):
        caller.arrive(b"x")
    assert len(listener.sent) == 5_001
    relay.pass_time(1)
    assert 9_500 <= len(listener.sent) <= 10_000
    relay.pass_time(1)
    assert len(listener.sent) == 10_000


def test_large_frames_are_not_counted_as_small_ones() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    for _ in range(10_000):
        caller.arrive(b"x" * 257)
    assert len(listener.sent) == 10_000


def test_only_joined_links_may_send_large_messages() -> None:
    relay = Relay()
    spare = relay.spare()
    assert spare.max_message_bytes == RelayLimits().max_first_message_bytes
    relay.link().arrive(request_text(CALLER, PROVIDER))
    assert spare.max_message_bytes == RelayLimits().max_frame_bytes
