"""The RPC layer against vectors recorded from the original (base profile 7 and 8.1).

Where we deviate on purpose, the case is named in one of the tables of exceptions below.
"""

import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from duologue.errors import CallError, DuologueError, RefusedService, RefusedValue
from duologue.protocol.codec import read_envelope
from duologue.protocol.values import UNDEFINED, decode_value, is_list, is_object
from tests.support import Conversation, echo, itself, square, turns

VECTORS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "base_profile.json").read_text()
)

REQUESTS_WE_REFUSE: Final = {
    "a string equal to the sentinel": "the other side would read undefined",
    "number forms": "holds integers beyond 2^53-1",
    "date, map, set, bytes": "JSON has no form for them; the original guesses one",
}

REFUSALS_WE_DO_NOT_SHARE: Final = {
    "big integer": "Python has one kind of integer; a small one is no big integer here",
}

ANSWERS_WE_GIVE_OTHERWISE: Final = {
    # Nothing is told of an exception that is not meant for callers.
    "a thrown string": ("InternalError", "INTERNAL", "the handler failed; incident"),
    # Not spread into characters, but refused as null is.
    "args a string": ("TypeError", "$__undefined$", "args must be a list"),
}


class NamedError(CallError):
    """An error meant for callers, with a name of its own."""

    def __init__(self, name: str, message: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.name = name


def cases(*path: str) -> list[Any]:
    group: Any = VECTORS
    for name in path:
        group = group[name]
    return [pytest.param(case, id=case["name"]) for case in group["cases"]]


STAND_INS: Final[dict[str, Callable[[Any], Any]]] = {
    "$undefined": lambda _: UNDEFINED,
    "$nan": lambda _: math.nan,
    "$infinity": lambda _: math.inf,
    "$function": lambda _: len,
    "$symbol": lambda _: object(),  # Python has no symbols
    "$bigint": int,
    "$date": lambda _: date(1970, 1, 1),
    "$map": dict,
    "$set": set,
    "$bytes": bytes.fromhex,
}


def value_of(node: Any) -> Any:
    """The Python value that a node of the vectors stands for."""
    if is_list(node):
        return [value_of(item) for item in node]
    if is_object(node):
        for name, make in STAND_INS.items():
            if name in node:
                return make(node[name])
        return {name: value_of(member) for name, member in node.items()}
    return node


def without_undefined(value: Any) -> Any:
    """As the other side reads it: members that are undefined are gone."""
    if is_list(value):
        return [without_undefined(item) for item in value]
    if is_object(value):
        return {
            name: without_undefined(member)
            for name, member in value.items()
            if member is not UNDEFINED
        }
    return value


# -- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("requests"))
async def test_a_request_has_the_recorded_text(case: Any) -> None:
    async with Conversation() as talk:
        call = talk.peer.send(case["service"], *value_of(case["args"]))
        await turns()
        if case["name"] in REQUESTS_WE_REFUSE:
            with pytest.raises(RefusedValue):
                await call
            assert talk.said == []
            return
        recorded = json.loads(case["text"])
        # Each case has a connection of its own here.
        assert talk.said == [recorded | {"requestId": 0}]


@pytest.mark.parametrize("case", cases("requests"))
def test_the_recorded_text_gives_the_arguments_back(case: Any) -> None:
    args = decode_value(bytes(read_envelope(case["text"]).args))
    if case["name"] == "a string equal to the sentinel":
        assert args == [UNDEFINED]
    elif case["name"] == "date, map, set, bytes":
        assert args == ["1970-01-01T00:00:00.000Z", {}, {}, {"0": 1, "1": 2}]
    else:
        assert args == without_undefined(value_of(case["args"]))


@pytest.mark.parametrize("case", cases("requests", "refused"))
async def test_a_refused_call_sends_nothing_and_uses_no_id(case: Any) -> None:
    async with Conversation() as talk:
        call = talk.peer.send(case["service"], *value_of(case["args"]))
        await turns()
        if case["name"] in REFUSALS_WE_DO_NOT_SHARE:
            assert talk.said[0]["args"] == [5]
            return
        assert len(talk.said) == case["sent"] == 0
        with pytest.raises(DuologueError) as refused:
            await call
        assert isinstance(refused.value, RefusedValue | RefusedService)
        assert refused.value.code == case["error"]["code"]
        assert talk.peer.stats.requests_sent_total == 0


# -- answers ------------------------------------------------------------------------------------


def fail(name: str, message: str, code: str | None = None) -> None:
    raise NamedError(name, message, code)


def unrecognized(number: int) -> None:
    fail("TypeError", f"Unrecognized id: {number}")


def throw_a_string() -> None:
    raise RuntimeError("a string")


def add_services(talk: Conversation) -> None:
    """Those that the vectors describe."""
    peer = talk.peer
    peer.add_service(3, square)
    peer.add_service(4, lambda: None)
    peer.add_service(6, lambda: fail("Error", "Something is very wrong"))
    peer.add_service(9, lambda: fail("CustomError", "Custom error creation", "CE-CODE-TEST"))
    peer.add_service(10, unrecognized)
    peer.add_service(11, echo)
    peer.add_service(14, lambda: b"\x01\x02")
    peer.add_service(16, lambda: math.nan)
    peer.add_service(17, throw_a_string)
    peer.add_service(18, lambda: {"a": UNDEFINED, "b": [UNDEFINED], "c": None})


@pytest.mark.parametrize("case", cases("answers"))
async def test_a_request_has_the_recorded_answer(case: Any) -> None:
    recorded = [json.loads(text) for text in case["answers"]]
    async with Conversation() as talk:
        add_services(talk)
        said = await talk.hear(case["request"])
        assert [answer["responseId"] for answer in said] == [
            answer["responseId"] for answer in recorded
        ]
        if case["name"] in ANSWERS_WE_GIVE_OTHERWISE:
            name, code, told = ANSWERS_WE_GIVE_OTHERWISE[case["name"]]
            error = said[0]["error"]
            assert (error["name"], error["code"]) == (name, code)
            assert told in error["message"]
        else:
            assert [answer["type"] for answer in said] == [answer["type"] for answer in recorded]
            for ours, theirs in zip(said, recorded, strict=True):
                if ours["type"] == "data":
                    assert ours == theirs
                else:
                    compare_errors(ours["error"], theirs["error"], case["name"])


def compare_errors(ours: dict[str, Any], theirs: dict[str, Any], name: str) -> None:
    assert ours["name"] == theirs["name"]
    assert ours["code"] == theirs.get("code", "$__undefined$")
    if name != "args null":  # the base profile allows a better text
        assert ours["message"] == theirs["message"]


async def test_all_recorded_requests_are_answered_on_one_connection() -> None:
    async with Conversation() as talk:
        add_services(talk)
        for case in VECTORS["answers"]["cases"]:
            said = await talk.hear(case["request"])
            assert len(said) == len(case["answers"]), case["name"]


# -- counters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("counting"))
async def test_an_incoming_frame_raises_the_recorded_counters(case: Any) -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, itself)
        await talk.hear(case["text"] if "text" in case else bytes.fromhex(case["bytes"]))
        stats = talk.peer.stats
        assert stats.requests_received_total == case["received"]
        assert stats.requests_received_invalid == case["invalid"]
        assert talk.peer.promise.done() == case["closes"]


def test_every_exception_is_a_case_of_the_vectors() -> None:
    def names(*path: str) -> set[str]:
        return {case.values[0]["name"] for case in cases(*path)}

    assert set(REQUESTS_WE_REFUSE) <= names("requests")
    assert set(REFUSALS_WE_DO_NOT_SHARE) <= names("requests", "refused")
    assert set(ANSWERS_WE_GIVE_OTHERWISE) <= names("answers")
