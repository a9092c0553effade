"""Both tables of legal moves, walked whole against the classes that keep to them."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from duologue.limits import Limits
from duologue.protocol.call_states import (
    NEXT_OWN,
    NEXT_SERVED,
    OwnMove,
    OwnState,
    ServedMove,
    ServedState,
)
from duologue.protocol.codec import route
from duologue.protocol.messages import Failure, Refused
from duologue.protocol.session import Session

Walker = Callable[[Session[str]], object]


def heard(session: Session[str], **fields: Any) -> None:
    session.receive(json.dumps(fields))


# -- own calls ----------------------------------------------------------------------------------


def opened() -> Session[str]:
    session: Session[str] = Session(Limits())
    session.own.open(route(3), b"[]", "call")
    return session


def own_session(state: OwnState) -> Session[str]:
    session = opened()
    if state is OwnState.OVER:
        session.own.give_up(0)
    elif state is not OwnState.OPEN:
        heard(session, responseId=0, type="stream", chunk="x", encoding="utf8")
        if state is OwnState.STOPPING:
            session.own.stop_stream(0)
    assert session.own.state_of(0) is state
    return session


OWN_MOVES: dict[OwnMove, list[Walker]] = {
    OwnMove.ANSWER: [
        lambda session: heard(session, responseId=0, type="data", data=1),
        lambda session: heard(session, responseId=0, type="error", error={}),
    ],
    OwnMove.CHUNK: [
        lambda session: heard(session, responseId=0, type="stream", chunk="y", encoding="utf8"),
    ],
    OwnMove.CLOSE: [
        lambda session: heard(session, responseId=0, type="stream-end"),
        lambda session: heard(session, responseId=0, type="stream-error", error="x"),
    ],
    OwnMove.GIVE_UP: [lambda session: session.own.give_up(0)],
    OwnMove.STOP: [lambda session: session.own.stop_stream(0)],
}

OWN_WALKS = [
    (state, move, number)
    for state, move in itertools.product(OwnState, OwnMove)
    # Only a chunk that cannot be read stops an open call; that is the next test.
    if (state, move) != (OwnState.OPEN, OwnMove.STOP)
    for number in range(len(OWN_MOVES[move]))
]


@pytest.mark.parametrize(("state", "move", "number"), OWN_WALKS)
def test_an_own_call_goes_where_the_table_says(state: OwnState, move: OwnMove, number: int) -> None:
    session = own_session(state)
    OWN_MOVES[move][number](session)
    assert session.own.state_of(0) is NEXT_OWN.get((state, move), state)


@pytest.mark.parametrize("state", [OwnState.OPEN, OwnState.STREAMING])
def test_a_chunk_that_cannot_be_read_stops_the_call(state: OwnState) -> None:
    session = own_session(state)
    heard(session, responseId=0, type="stream", chunk=5, encoding="utf8")
    assert session.own.state_of(0) is NEXT_OWN[state, OwnMove.STOP]


@pytest.mark.parametrize(("state", "move"), list(itertools.product(OwnState, OwnMove)))
def test_what_the_table_does_not_know_settles_nothing(state: OwnState, move: OwnMove) -> None:
    """What came is dropped and counted; nobody is handed an answer that is not theirs."""
    if (state, move) in NEXT_OWN or move in (OwnMove.GIVE_UP, OwnMove.STOP):
        return
    for walk in OWN_MOVES[move]:
        session = own_session(state)
        counters = session.counters
        before = counters.messages_dropped + counters.answers_dropped_late
        walk(session)
        assert counters.messages_dropped + counters.answers_dropped_late == before + 1


# -- served calls -------------------------------------------------------------------------------


def served_session(state: ServedState) -> Session[str]:
    session: Session[str] = Session(Limits())
    session.allow_control()
    if state is not ServedState.OVER:
        heard(session, requestId=7, type="request", serviceId=3, args=[])
        if state is ServedState.SENDING:
            session.served.start_stream(7)
    assert session.served.state_of(7) is state
    return session


SERVED_MOVES: dict[ServedMove, list[Walker]] = {
    ServedMove.REQUEST: [
        lambda session: heard(session, requestId=7, type="request", serviceId=3, args=[]),
    ],
    ServedMove.CANCEL: [lambda session: heard(session, requestId=7, type="cancel")],
    ServedMove.STOP: [lambda session: heard(session, requestId=7, type="write-stream-error")],
    ServedMove.STREAM: [lambda session: session.served.start_stream(7)],
    ServedMove.ANSWER: [
        lambda session: session.served.answer(7, b"1"),
        lambda session: session.served.fail(7, Failure(None, None, None)),
        lambda session: session.served.end_stream(7),
        lambda session: session.served.fail_stream(7),
        lambda session: session.served.forget(7),
    ],
}

SERVED_WALKS = [
    (state, move, number)
    for (state, move) in NEXT_SERVED
    for number in range(len(SERVED_MOVES[move]))
]


@pytest.mark.parametrize(("state", "move", "number"), SERVED_WALKS)
def test_a_served_call_goes_where_the_table_says(
    state: ServedState, move: ServedMove, number: int
) -> None:
    session = served_session(state)
    SERVED_MOVES[move][number](session)
    assert session.served.state_of(7) is NEXT_SERVED[state, move]


@pytest.mark.parametrize("state", [ServedState.ACCEPTED, ServedState.SENDING])
def test_a_request_id_in_use_is_refused_and_the_call_goes_on(state: ServedState) -> None:
    assert (state, ServedMove.REQUEST) not in NEXT_SERVED
    session = served_session(state)
    event = session.receive('{"requestId":7,"type":"request","serviceId":3,"args":[]}')
    assert isinstance(event, Refused)
    assert session.served.state_of(7) is state


@pytest.mark.parametrize(
    ("state", "move"),
    [
        (ServedState.OVER, ServedMove.CANCEL),
        (ServedState.OVER, ServedMove.STOP),
        (ServedState.ACCEPTED, ServedMove.STOP),
    ],
)
def test_what_the_table_does_not_know_is_dropped_and_counted(
    state: ServedState, move: ServedMove
) -> None:
    assert (state, move) not in NEXT_SERVED
    session = served_session(state)
    SERVED_MOVES[move][0](session)
    assert session.counters.messages_dropped == 1
    assert session.served.state_of(7) is state
