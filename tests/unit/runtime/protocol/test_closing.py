"""The texts of close frames, against the recorded ones and at their limits."""

import json
from pathlib import Path
from typing import Any

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import MAX_CLOSE_REASON_BYTES
from duologue.protocol.closing import close_text, refusal_text, shorten, terminate_text

VECTORS = Path(__file__).parents[3] / "vectors" / "base_profile.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text())["closeReasons"]["cases"]


HALF_AN_EMOJI = "\ufffd"
"""What the original leaves where it cuts a pair of UTF-16 units; we cut at whole characters."""


@pytest.mark.parametrize("case", CASES)
def test_close_reason_is_the_recorded_one(case: dict[str, Any]) -> None:
    text = terminate_text(case["reason"]) if case["terminate"] else close_text(case["reason"])
    recorded = bytes.fromhex(case["closeReasonUtf8"]).decode()
    assert text == recorded.removesuffix(HALF_AN_EMOJI)
    assert len(text.encode()) <= case["length"] <= MAX_CLOSE_REASON_BYTES


def test_one_recorded_reason_ends_in_half_an_emoji() -> None:
    recorded = [bytes.fromhex(case["closeReasonUtf8"]).decode() for case in CASES]
    assert sum(text.endswith(HALF_AN_EMOJI) for text in recorded) == 1


def test_no_reason_and_an_empty_one_are_told_apart() -> None:
    assert close_text(None) == "Close called."
    assert close_text("") == "Close called: "


def test_a_reason_of_109_bytes_is_kept_whole() -> None:
    assert close_text("x" * 109) == "Close called: " + "x" * 109


def test_a_reason_of_110_bytes_loses_one() -> None:
    assert close_text("x" * 110) == "Close called: " + "x" * 109


def test_a_character_is_never_cut_in_two() -> None:
    assert shorten("aé€😀", 10) == "aé€😀"
    assert shorten("aé€😀", 9) == "aé€"
    assert shorten("aé€😀", 5) == "aé"
    assert shorten("aé€😀", 2) == "a"


def test_a_lone_surrogate_does_not_stop_a_close() -> None:
    assert close_text("\ud800!") == "Close called: ?!"


def test_terminate_has_its_own_prefix() -> None:
    assert terminate_text("no answer") == "Terminate called: no answer"


def test_a_refusal_says_the_limit_and_what_was_met_if_that_is_known() -> None:
    late = LimitExceeded("fragment_timeout_s", 30.0)
    assert refusal_text(late) == "Message refused: fragment_timeout_s is 30.0"
    large = LimitExceeded("max_message_bytes", 10, 11)
    assert refusal_text(large) == "Message refused: max_message_bytes is 10, met 11"
