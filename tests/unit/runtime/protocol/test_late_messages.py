"""What comes for calls, streams and subscriptions that are over: so much, and no more."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import MAX_LATE_MESSAGES, Limits
from duologue.protocol import late_messages
from duologue.protocol.codec import route
from duologue.protocol.late_messages import LateMessages
from duologue.protocol.session import Session
from duologue.protocol.stream_kinds import binary_prefix, sender_prefix

MOST = 3


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few may be late that each test can send them all."""
    monkeypatch.setattr(late_messages, "MAX_LATE_MESSAGES", MOST)


def new_session() -> Session[str]:
    session: Session[str] = Session(Limits())
    session.allow_control()
    return session


def with_stopped_stream() -> Session[str]:
    session = new_session()
    session.own.open(route(3), b"[]", "call")
    session.receive_bytes(bytes(8) + b"x")
    session.own.stop_stream(0)
    return session


def with_call_over() -> Session[str]:
    """Of ours 0, of the other side 5; both had items."""
    session = new_session()
    session.own.open(route(3), b"[]", "call")
    session.own.items.open(0, takes_items=True)
    session.receive('{"requestId":5,"type":"request","serviceId":3,"args":[]}')
    session.served.items.open(5, takes_items=True)
    session.receive('{"responseId":0,"type":"data","data":1}')
    session.own.items.close(0)
    session.served.answer(5, b"1")
    return session


def text(**fields: Any) -> Callable[[Session[str]], object]:
    said = json.dumps(fields)
    return lambda session: session.receive(said)


LATE: dict[str, Callable[[Session[str]], object]] = {
    "a chunk": lambda session: session.receive_bytes(binary_prefix(0) + b"x"),
    "items of an own call": text(responseId=0, type="items", data=[1]),
    "items of a call that was served": text(requestId=5, type="items", data=[1]),
    "an item that is bytes": lambda session: session.receive_bytes(sender_prefix(5) + b"x"),
    "an end of items": text(requestId=5, type="items-end"),
    "credit": text(responseId=0, type="credit", items=100, bytes=100),
    "blocked": text(responseId=0, type="blocked", items=100, bytes=100),
    "items too deep to be read": text(
        requestId=5, type="items", data=json.loads("[" * 300 + "]" * 300)
    ),
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_so_many_may_be_late_and_no_more(few: None, late: Callable[[Session[str]], object]) -> None:
    session = with_call_over()
    for _ in range(MOST):
        late(session)
    with pytest.raises(LimitExceeded, match=f"MAX_LATE_MESSAGES is {MOST}, met {MOST + 1}$"):
        late(session)


def test_those_of_all_calls_count_together(few: None) -> None:
    session = with_call_over()
    for each in list(LATE.values())[:MOST]:
        each(session)
    with pytest.raises(LimitExceeded, match="MAX_LATE_MESSAGES"):
        LATE["credit"](session)


def test_what_comes_after_its_own_end_is_late(few: None) -> None:
    session = new_session()
    session.receive('{"requestId":5,"type":"request","serviceId":3,"args":[]}')
    hear = text(requestId=5, type="items-end")
    hear(session)
    for each in (hear, LATE["items of a call that was served"], LATE["an item that is bytes"]):
        each(session)
    with pytest.raises(LimitExceeded, match="MAX_LATE_MESSAGES"):
        hear(session)


def test_whoever_reads_no_more_of_an_open_call_is_sent_what_was_granted_and_no_more() -> None:
    session = new_session()
    session.receive('{"requestId":5,"type":"request","serviceId":3,"args":[]}')
    session.served.items.open(5, takes_items=True).incoming.close()
    hear = LATE["items of a call that was served"]
    for _ in range(64):
        hear(session)
    with pytest.raises(LimitExceeded, match="granted items is 64, met 65"):
        hear(session)


ENDS: dict[str, Callable[[Session[str]], object]] = {
    "a call given up": lambda session: session.own.give_up(
        session.own.open(route(3), b"[]", "x")[0]
    ),
    "a control call": lambda session: session.own.open(route(0), b"[]", "x"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_whatever_this_side_ends_lets_as_much_be_late_again(
    few: None, end: Callable[[Session[str]], object]
) -> None:
    session = with_call_over()
    for _ in range(MOST):
        LATE["credit"](session)
    end(session)
    for _ in range(MOST):
        LATE["credit"](session)
    with pytest.raises(LimitExceeded, match="MAX_LATE_MESSAGES"):
        LATE["credit"](session)


def test_a_stream_that_is_stopped_does_so_once(few: None) -> None:
    session = with_stopped_stream()
    for _ in range(MOST):
        LATE["a chunk"](session)
    session.own.stop_stream(0)
    session.own.give_up(0)
    with pytest.raises(LimitExceeded, match="MAX_LATE_MESSAGES"):
        LATE["a chunk"](session)


def test_calls_that_the_other_side_answers_give_it_nothing(few: None) -> None:
    session = with_call_over()
    for number in range(1, MOST + 1):
        LATE["credit"](session)
        session.own.open(route(3), b"[]", "call")
        text(responseId=number, type="data", data=1)(session)
    with pytest.raises(LimitExceeded, match="MAX_LATE_MESSAGES"):
        LATE["credit"](session)


def test_the_number_itself_is_counted() -> None:
    late = LateMessages()
    for _ in range(MAX_LATE_MESSAGES):
        late.count()
    with pytest.raises(LimitExceeded, match=r"MAX_LATE_MESSAGES is 131072, met 131073$"):
        late.count()
