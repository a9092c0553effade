"""A node that asks too much loses its own questions, and not those of the others."""

import pytest

from duologue.relay.cluster.question_rates import QuestionRates
from duologue.relay.cluster.subjects import Subjects
from duologue.relay.cluster_limits import ClusterLimits

RATES = ClusterLimits(answers_per_s=10, answers_per_s_per_node=4)


def ask(rates: QuestionRates, asker: str, times: int, now_s: float = 0.0) -> list[str | None]:
    return [rates.exceeded(asker, now_s) for _ in range(times)]


def test_a_node_may_ask_up_to_its_rate_and_the_next_question_is_dropped() -> None:
    assert ask(QuestionRates(RATES), "a", 5) == [None] * 4 + ["answers_per_s_per_node"]


def test_what_an_ill_node_asks_in_vain_is_not_counted_against_the_others() -> None:
    rates = QuestionRates(RATES)
    assert ask(rates, "ill", 1_000).count(None) == 4
    assert ask(rates, "b", 4) == [None] * 4


def test_all_nodes_together_are_bounded_too() -> None:
    rates = QuestionRates(RATES)
    told = [each for asker in "abc" for each in ask(rates, asker, 4)]
    assert told == [None] * 10 + ["answers_per_s"] * 2


def test_after_a_second_everybody_may_ask_as_before() -> None:
    rates = QuestionRates(RATES)
    ask(rates, "a", 100)
    assert ask(rates, "a", 5, now_s=1.0) == [None] * 4 + ["answers_per_s_per_node"]


def test_names_that_somebody_makes_up_stay_bounded_and_gain_nothing() -> None:
    rates = QuestionRates(RATES)
    told = [rates.exceeded(f"n{number}", 0.0) for number in range(5_000)]
    assert told.count(None) == 10


@pytest.mark.parametrize(
    ("subject", "asker"),
    [
        ("dl.eu.1.re.eu-a.17", "eu-a"),
        ("dl.eu.1.re.eu-a.", None),
        ("dl.eu.1.re.eu-a.x", None),
        ("dl.eu.1.re.eu-a.1.2", None),
        ("dl.eu.1.re..1", None),
        ("dl.eu.1.re.EU.1", None),
        ("dl.eu.1.re.eu-a\n.1", None),
        (f"dl.eu.1.re.{'a' * 33}.1", None),
        ("dl.us.1.re.us-a.1", None),
        ("dl.eu.1.nodes", None),
        ("", None),
    ],
)
def test_who_asks_is_told_by_where_the_answer_goes(subject: str, asker: str | None) -> None:
    assert Subjects("eu", "eu-b").asker_of(subject) == asker
