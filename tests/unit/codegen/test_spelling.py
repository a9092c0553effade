import pytest

from duologue_codegen.names import MAX_NAME_LENGTH
from duologue_codegen.spelling import edit_distance, nearest


@pytest.mark.parametrize(
    ("left", "right", "slips"),
    [("", "", 0), ("a", "", 1), ("mesage", "message", 1), ("form", "from", 1), ("ab", "ba", 1)],
)
def test_distance_counts_slips(left: str, right: str, slips: int) -> None:
    assert edit_distance(left, right) == slips
    assert edit_distance(right, left) == slips


def test_nearest_name_is_suggested() -> None:
    assert nearest("Mesage", ["Member", "Message", "Text"]) == "Message"


def test_other_case_is_as_near_as_can_be() -> None:
    assert nearest("message", ["Massage", "Message"]) == "Message"


def test_nothing_near_is_no_suggestion() -> None:
    assert nearest("Nonsense", ["Member", "Message"]) is None


def test_endless_word_is_not_compared() -> None:
    assert nearest("a" * (MAX_NAME_LENGTH + 1), ["a" * MAX_NAME_LENGTH]) is None
