"""The tree of errors: who is whose kin, and what each one says."""

import re
import traceback
from pathlib import Path

import pytest

from duologue import errors
from duologue.errors import (
    CallError,
    ConnectionClosed,
    ContractError,
    DeadlineExceeded,
    DuologueError,
    InternalError,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    Problem,
    RefusedService,
    RefusedValue,
    RelayUnreachable,
    RemoteCause,
    RemoteError,
    ServiceIdTaken,
)

ALL = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, DuologueError)
]


class RoomFull(ContractError[int]):
    code = "room_full"

    def __init__(self, *, capacity: int) -> None:
        super().__init__(capacity)

    def __str__(self) -> str:
        return f"room holds {self.data} members"


def test_every_error_has_the_one_root() -> None:
    assert len(ALL) > 20
    assert all(issubclass(each, DuologueError) for each in ALL)


@pytest.mark.parametrize(
    ("error", "kin"),
    [
        (DeadlineExceeded, TimeoutError),
        (ConnectionClosed, ConnectionError),
        (RefusedValue, ValueError),
        (RefusedService, ValueError),
        (ContractError, CallError),
        (RemoteError, CallError),
        (InvalidParams, CallError),
    ],
)
def test_errors_are_caught_as_their_kin(error: type, kin: type) -> None:
    assert issubclass(error, kin)


SAID: list[tuple[DuologueError, str]] = [
    (CallError("no"), "no"),
    (CallError("no", code="NO"), "NO: no"),
    (CallError(code="NO"), "NO"),
    (RoomFull(capacity=7), "room holds 7 members"),
    (InternalError(incident="ab"), "INTERNAL: the handler failed"),
    (
        InvalidParams("not called", [Problem("a.b", "missing"), Problem("", "odd")]),
        "INVALID_PARAMS: not called\n  a.b: missing\n  odd",
    ),
    (
        RemoteError(RemoteCause("N", "M", "C")),
        'WSRQ-JRMH1: Remote websocket function returned an error (see "cause" property): N [C]: M',
    ),
    (
        RemoteError(RemoteCause("N", "M", None)),
        'WSRQ-JRMH1: Remote websocket function returned an error (see "cause" property): N: M',
    ),
    (ConnectionClosed(1006, ""), "Connection closed with code 1006: no reason given"),
    (
        ConnectionClosed(1001, "bye", pending=(3, 4)),
        "WSP-ONCL1: Connection closed with 2 requests still pending ([3, 4]); code 1001: bye",
    ),
    (
        ConnectionClosed("WSP-ONCL0", "bye", close_code=1000, sent="yes"),
        "WSP-ONCL0: Aborted: Connection closed (close code 1000: bye); request sent: yes",
    ),
    (
        ConnectionClosed("WSP-ONCL0", "", sent="no"),
        "WSP-ONCL0: Aborted: Connection closed; request sent: no",
    ),
    (
        LimitExceeded("max_open_calls", 5, 6),
        "max_open_calls is 5, met 6; raise it in Limits if that is intended",
    ),
    (
        LimitExceeded("max_open_calls", 5),
        "max_open_calls is 5; raise it in Limits if that is intended",
    ),
    (RefusedValue("0", 'NaN ("number")'), 'WSP-ESV: Key "0" value NaN ("number") is not allowed'),
    (RefusedService(1.5), 'WSP-SN3: "type" must be a number > 0 but is 1.5 (float)'),
    (
        ServiceIdTaken(101, "a.Rooms/join", "b.Lamps/on"),
        "service id 101 belongs to a.Rooms/join; b.Lamps/on cannot have it too. "
        "Give one of them another `base` in its contract.",
    ),
]


@pytest.mark.parametrize(("error", "text"), SAID, ids=lambda part: type(part).__name__)
def test_an_error_says_what_was_met_and_what_to_do(error: DuologueError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize("code", [1000, 1006])
def test_a_closed_conversation_has_the_close_code_as_its_code(code: int) -> None:
    error = ConnectionClosed(code, "why")
    assert (error.code, error.close_code, error.reason) == (code, code, "why")
    assert (error.stats, error.pending, error.sent) == ({}, (), "unknown")


def test_invalid_values_carry_their_problems_as_details_too() -> None:
    error = InvalidResult("unfit", [Problem("a", "missing")])
    assert error.problems == (Problem("a", "missing"),)
    assert error.details == [{"path": "a", "text": "missing"}]


def test_an_incident_is_in_the_details() -> None:
    assert InternalError(incident="ab12").details == {"incident": "ab12"}
    assert InternalError().details is None


def test_a_contract_error_has_its_fields_as_data_and_details() -> None:
    error = RoomFull(capacity=7)
    assert (error.data, error.details, error.message) == (7, 7, "room holds 7 members")
    assert RoomFull.retry == "never"


def test_a_contract_error_is_made_again_from_received_fields() -> None:
    error = RoomFull.from_data(7)
    assert type(error) is RoomFull
    assert (error.data, str(error)) == (7, "room holds 7 members")
    assert error.message == str(error)


def test_a_remote_cause_is_chained() -> None:
    cause = RemoteCause("N", "M", None)
    assert RemoteError(cause).__cause__ is cause


def test_errors_are_nobodys_business_until_they_come_out_of_an_own_call() -> None:
    assert not any(error.foreign for error, _ in SAID)


EVIL = "\x1b]0;PWNED\x07\n2026-01-01 ERROR forged\u202e\u2028\ud800"
SHOWN = r"\x1b]0;PWNED\x07\n2026-01-01 ERROR forged\u202e\u2028\ud800"


class Evil(ContractError[str]):
    code = "evil"

    def __str__(self) -> str:
        return f"this is {self.data}"


FOREIGN: list[DuologueError] = [
    DuologueError(EVIL),
    CallError(EVIL, code="X"),
    CallError("x", code=EVIL),
    Evil(EVIL),
    InvalidParams(EVIL),
    InvalidParams("x", [Problem(EVIL, "x"), Problem("x", EVIL)]),
    errors.StreamFailed(EVIL),
    RemoteError(RemoteCause(EVIL, "x", "x")),
    RemoteError(RemoteCause("x", EVIL, "x")),
    RemoteError(RemoteCause("x", "x", EVIL)),
    ConnectionClosed(1000, EVIL),
    ConnectionClosed("WSP-ONCL0", EVIL, close_code=1000),
    LimitExceeded(f"the other side's {EVIL}", 1),
    RelayUnreachable(EVIL),
    RefusedValue(EVIL, "x"),
]


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
def test_words_of_others_do_nothing_in_texts_and_tracebacks(error: DuologueError) -> None:
    printed = "".join(traceback.format_exception(error))
    for text in (str(error), printed):
        assert SHOWN in text
        assert EVIL[0] not in text
        assert "\n2026" not in text
        text.encode()


def test_the_words_themselves_stay_in_the_attributes() -> None:
    assert CallError(EVIL, code=EVIL).message == EVIL
    assert CallError(EVIL, code=EVIL).code == EVIL
    assert ConnectionClosed(1000, EVIL).reason == EVIL
    assert Evil(EVIL).data == EVIL
    assert InvalidParams("x", [Problem("a", EVIL)]).problems[0].text == EVIL
    assert RemoteError(RemoteCause("n", EVIL, None)).cause.message == EVIL


def test_problems_still_stand_on_lines_of_their_own() -> None:
    error = InvalidParams("no", [Problem("a\nb", "x")])
    assert str(error) == "INVALID_PARAMS: no\n  a\\nb: x"


def test_the_page_tells_of_every_error_and_of_no_other() -> None:
    page = (Path(__file__).parents[3] / "runtime" / "ERRORS.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    branches = set(re.findall(r"^## .*`(\w+)`$", page, re.MULTILINE))
    told = rows | branches | {"DuologueError"}
    assert told == {each.__name__ for each in ALL if not each.__name__.startswith("_")}
    assert rows & branches == {"ConnectionClosed", "ProtocolError"}


def test_the_tree_names_every_error() -> None:
    tree = set(re.findall(r"\w+", (errors.__doc__ or "").partition("A branch answers")[0]))
    assert {each.__name__ for each in ALL if not each.__name__.startswith("_")} <= tree
