"""The counters, for reading."""

import pytest

from duologue.promisifier.stats import Stats
from duologue.protocol.counters import Counters


def test_the_view_is_live() -> None:
    counters = Counters()
    stats = Stats(counters)
    counters.requests_sent_total += 2
    assert stats.requests_sent_total == 2
    assert stats["requests_sent_total"] == 2


def test_a_snapshot_stands_still() -> None:
    counters = Counters(bytes_sent=5)
    snapshot = Stats(counters).snapshot()
    counters.bytes_sent += 1
    assert snapshot.bytes_sent == 5


def test_it_is_a_mapping_of_every_counter() -> None:
    stats = Stats(Counters(requests_received_invalid=3))
    assert dict(stats)["requests_received_invalid"] == 3
    assert len(stats) == len(list(stats))
    assert {"requests_sent_total", "requests_received_total", "bytes_received"} <= set(stats)
    assert "nothing" not in stats


def test_it_shows_its_numbers() -> None:
    assert repr(Stats(Counters(bytes_sent=7))).startswith("Stats(requests_sent_total=0, ")
    assert "bytes_sent=7" in repr(Stats(Counters(bytes_sent=7)))


def test_a_counter_that_is_not_there_is_named_with_those_that_are() -> None:
    stats = Stats(Counters())
    with pytest.raises(AttributeError, match=r"'byte_sent'; there are requests_sent_total"):
        stats.byte_sent  # noqa: B018
    with pytest.raises(KeyError):
        stats["byte_sent"]


@pytest.mark.parametrize("name", ["bytes_sent", "anything"])
def test_it_cannot_be_written(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(Stats(Counters()), name, 1)
