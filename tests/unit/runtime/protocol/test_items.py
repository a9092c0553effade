"""Messages about items, to two sessions and to one that is spoken to by hand."""

import json
from typing import Any

import pytest

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol.codec import route
from duologue.protocol.credit import Credit
from duologue.protocol.items import Batch, ItemsOfCall, cut, read_list, read_totals
from duologue.protocol.messages import Refused
from duologue.protocol.parcels import Parcel
from duologue.protocol.session import Session
from duologue.protocol.stream_kinds import binary_prefix, read_sender_id, sender_prefix


def new_session(**limits: int) -> Session[str]:
    session: Session[str] = Session(Limits(**limits))
    session.allow_control()
    return session


def caller(*, takes_items: bool = True) -> tuple[Session[str], ItemsOfCall]:
    session = new_session()
    session.own.open(route(3), b"[]", "call")
    return session, session.own.items.open(0, takes_items=takes_items)


def server() -> tuple[Session[str], ItemsOfCall]:
    session = new_session()
    session.receive('{"requestId":5,"type":"request","serviceId":3,"args":[]}')
    return session, session.served.items.open(5, takes_items=True)


def hear(session: Session[str], **fields: Any) -> Any:
    return session.receive(json.dumps(fields))


def test_items_come_as_lists_and_wait_for_their_reader() -> None:
    session, items = caller()
    hear(session, responseId=0, type="items", data=[1, 2])
    hear(session, responseId=0, type="items", data=[3])
    assert items.incoming.take() == Batch(b"[1, 2]", 2, 6)
    assert items.incoming.take() == Batch(b"[3]", 1, 3)
    assert items.incoming.take() is None
    assert session.own.is_open(0)


def test_a_list_is_read_as_far_as_its_sender_waits_for_and_then_the_rest() -> None:
    session, items = caller()
    hear(session, responseId=0, type="items", data=[0] * 64)
    hear(session, responseId=0, type="blocked", items=65, bytes=300)
    sizes: list[int] = []
    granted: list[Credit | None] = []
    while (batch := items.incoming.take()) is not None:
        sizes.append(batch.items)
        assert json.loads(bytes(batch.data)) == [0] * batch.items  # type: ignore[arg-type]
        granted.append(items.incoming.read(batch))
    assert sizes == [32, 32]
    # Half is granted anew; then the reader has everything, and its window doubles.
    assert [each and each.items for each in granted] == [32 + 64, 64 + 128]


def test_a_list_is_cut_where_half_of_the_bytes_are_read() -> None:
    session, items = caller()
    hear(session, responseId=0, type="items", data=["x" * 1000] * 8)
    first, rest = items.incoming.take(), items.incoming.take()
    assert first is not None
    assert rest is not None
    assert (first.items, rest.items) == (5, 3)
    assert first.size + rest.size == len(json.dumps(["x" * 1000] * 8))


@pytest.mark.parametrize(
    ("before", "items"), [((1, 99), 1), ((2, 99), 2), ((99, 1), 1), ((99, 3), 2), ((-5, -5), 1)]
)
def test_a_list_is_cut_behind_one_item_at_least(before: tuple[int, int], items: int) -> None:
    first, rest = cut(Batch(b"[1, 2,3]", 3, 8), Credit(*before))
    assert rest is not None
    assert (first.items, rest.items, first.size + rest.size) == (items, 3 - items, 8)
    assert json.loads(first.data) + json.loads(rest.data) == [1, 2, 3]  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [(3, 8), (99, 99), (99, 5), (3, 5)])
def test_a_list_that_is_wanted_to_its_last_item_is_not_cut(before: tuple[int, int]) -> None:
    whole = Batch(b"[1, 2,3]", 3, 8)
    assert cut(whole, Credit(*before)) == (whole, None)


def test_items_with_parts_are_not_cut() -> None:
    batch = Batch(Parcel(b"[0,1]", [b"x", b"y"]), 2, 7)
    assert cut(batch, Credit(1, 1)) == (batch, None)


def test_whoever_has_ended_is_granted_nothing_more() -> None:
    session, items = server()
    hear(session, requestId=5, type="items", data=[0] * 64)
    hear(session, requestId=5, type="items-end")
    while (batch := items.incoming.take()) is not None:
        assert items.incoming.read(batch) is None


def test_items_of_the_caller_come_to_the_request_before_anybody_serves_it() -> None:
    session = new_session()
    session.receive('{"requestId":5,"type":"request","serviceId":3,"args":[]}')
    hear(session, requestId=5, type="items", data=[1])
    hear(session, requestId=5, type="items-end")
    items = session.served.items.open(5, takes_items=True)
    assert items.incoming.take() == Batch(b"[1]", 1, 3)
    assert items.incoming.has_ended


def test_an_answer_ends_the_items_and_what_follows_is_dropped_and_counted() -> None:
    session, items = caller()
    hear(session, responseId=0, type="data", data=1)
    session.own.items.close(0)
    hear(session, responseId=0, type="items", data=[1])
    hear(session, responseId=0, type="credit", items=100, bytes=10_000)
    hear(session, responseId=0, type="blocked", items=100, bytes=10_000)
    assert items.incoming.take() is None
    assert session.counters.messages_dropped == 3
    assert session.counters.requests_received_invalid == 0


def test_items_after_the_end_and_a_second_end_are_dropped_and_counted() -> None:
    session, items = server()
    for _ in range(2):
        hear(session, requestId=5, type="items-end")
    hear(session, requestId=5, type="items", data=[1])
    assert session.counters.messages_dropped == 2
    assert items.incoming.take() is None


def test_items_for_a_call_that_takes_none_are_dropped_and_counted() -> None:
    session, items = caller(takes_items=False)
    hear(session, responseId=0, type="items", data=[1])
    assert items.incoming.take() is None
    assert session.counters.messages_dropped == 1


@pytest.mark.parametrize(
    "about",
    [{"responseId": 7}, {"requestId": 7}, {"responseId": -1}, {"requestId": -1}],
    ids=str,
)
@pytest.mark.parametrize(
    "what",
    [
        {"type": "items", "data": [1]},
        {"type": "items-end"},
        {"type": "credit", "items": 1, "bytes": 1},
        {"type": "blocked", "items": 1, "bytes": 1},
    ],
    ids=lambda what: str(what["type"]),
)
def test_what_is_about_no_call_is_unasked(about: dict[str, int], what: dict[str, Any]) -> None:
    session, _ = caller()
    hear(session, **about, **what)
    assert session.counters.answers_dropped_unknown == 1


def test_too_much_that_nobody_asked_for_ends_the_connection() -> None:
    session = new_session(max_unasked_messages=2)
    for _ in range(2):
        hear(session, requestId=7, type="items", data=[1])
    with pytest.raises(LimitExceeded, match="max_unasked_messages"):
        hear(session, requestId=7, type="items", data=[1])


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "items"},
        {"type": "items", "data": []},
        {"type": "items", "data": {}},
        {"type": "items", "data": "x"},
        {"type": "items", "data": None},
        {"type": "credit"},
        {"type": "credit", "items": 1},
        {"type": "credit", "items": -1, "bytes": 1},
        {"type": "credit", "items": 1.5, "bytes": 1},
        {"type": "credit", "items": 1, "bytes": "1"},
        {"type": "credit", "items": 2**53, "bytes": 1},
        {"type": "credit", "items": True, "bytes": 1},
        {"type": "blocked", "items": 1, "bytes": 1e300},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_counted_and_the_call_goes_on(fields: dict[str, Any]) -> None:
    session, items = caller()
    hear(session, responseId=0, **fields)
    assert session.counters.requests_received_invalid == 1
    assert session.own.is_open(0)
    hear(session, responseId=0, type="items", data=[1])
    assert items.incoming.take() is not None


def test_more_than_was_granted_ends_the_connection() -> None:
    session, _ = caller()
    hear(session, responseId=0, type="items", data=[0] * 64)
    with pytest.raises(LimitExceeded, match="granted items is 64, met 65"):
        hear(session, responseId=0, type="items", data=[0])


def test_who_is_held_back_is_answered_with_credit() -> None:
    session, _ = caller()
    event = hear(session, responseId=0, type="blocked", items=1, bytes=20_000)
    assert isinstance(event, Refused)
    assert event.reply == b'{"requestId":0,"type":"credit","items":128,"bytes":20000}'
    session, _ = server()
    event = hear(session, requestId=5, type="blocked", items=1, bytes=20_000)
    assert isinstance(event, Refused)
    assert event.reply == b'{"responseId":5,"type":"credit","items":128,"bytes":20000}'


def test_credit_opens_the_way_out() -> None:
    session, items = caller()
    told: list[bool] = []
    items.outgoing.on_change = lambda: told.append(True)
    assert not items.outgoing.may_send(65, 1)
    hear(session, responseId=0, type="credit", items=100, bytes=9000)
    assert items.outgoing.may_send(100, 9000)
    hear(session, responseId=0, type="credit", items=50, bytes=1)
    assert told == [True]


def test_byte_items_of_both_sides_are_told_apart_by_the_sign_of_the_id() -> None:
    session, items = caller()
    session.receive_bytes(binary_prefix(0) + b"theirs")
    assert items.incoming.take() == Batch(b"theirs", 1, 6, is_bytes=True)
    session, items = server()
    session.receive_bytes(sender_prefix(5) + b"")
    assert items.incoming.take() == Batch(b"", 1, 0, is_bytes=True)


@pytest.mark.parametrize("request_id", [0, 1, 5, MAX_SAFE_INTEGER])
def test_an_id_of_the_sender_comes_back_from_its_prefix(request_id: int) -> None:
    assert read_sender_id(sender_prefix(request_id)) == request_id
    assert read_sender_id(binary_prefix(request_id)) is None


@pytest.mark.parametrize("number", [-0.5, -0.0, float("-inf"), float("nan"), -(2.0**54)])
def test_other_doubles_are_no_ids_of_the_sender(number: float) -> None:
    import struct

    assert read_sender_id(struct.pack("<d", number)) is None


def test_the_base_profile_knows_none_of_it() -> None:
    session: Session[str] = Session(Limits())
    session.own.open(route(3), b"[]", "call")
    hear(session, responseId=0, type="items", data=[1])
    session.receive_bytes(sender_prefix(0) + b"x")
    assert session.counters.requests_received_invalid == 1
    assert session.counters.answers_dropped_unknown == 1


def test_items_with_parts_count_with_them() -> None:
    session, items = caller()
    session.receive('{"responseId":0,"type":"items","data":[{"data":0}],"parts":[5000]}')
    session.receive_bytes(bytes(5000))
    batch = items.incoming.take()
    assert batch is not None
    assert (batch.items, batch.size) == (1, len(b'[{"data":0}]') + 5000)


def test_lists_and_totals_are_read_strictly() -> None:
    assert read_list(b"[[1],2]").items == 2
    assert read_totals('{"items":1.0,"bytes":0}') == Credit(1, 0)
    assert read_totals('{"items":0,"bytes":9007199254740991}') == Credit(0, MAX_SAFE_INTEGER)
    for beyond in ('{"items":-1,"bytes":0}', '{"items":0,"bytes":9007199254740992}'):
        with pytest.raises(BadFrame):
            read_totals(beyond)
    with pytest.raises(BadFrame):
        read_list(None)
