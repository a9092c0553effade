"""The longest of many queues, without looking at all of them."""

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.longest_first import LongestFirst


class Lengths:
    """Queues by number."""

    def __init__(self, count: int) -> None:
        self.now = dict.fromkeys(range(count), 0)
        self.looks = 0

    def of(self, number: int) -> int:
        self.looks += 1
        return self.now.get(number, 0)


@given(
    st.lists(st.tuples(st.integers(0, 7), st.one_of(st.integers(-30, 30), st.none())), max_size=400)
)
def test_it_is_always_one_of_the_longest(changes: list[tuple[int, int | None]]) -> None:
    lengths = Lengths(8)
    longest = LongestFirst(list(lengths.now), lengths.of)
    for number, change in changes:
        if change is None:
            lengths.now.pop(number, None)
        else:
            before = lengths.now.get(number, 0)
            lengths.now[number] = max(0, before + change)
            if lengths.now[number] > before:
                longest.note_longer(number, list(lengths.now))
        most = max(lengths.now.values(), default=0)
        if most > 0:
            assert lengths.now[longest.longest()] == most


def test_one_that_grows_and_is_cut_again_and_again_costs_the_same_among_many() -> None:
    looks = list[int]()
    for count in (10, 1000):
        lengths = Lengths(count)
        lengths.now = dict.fromkeys(range(count), 100)
        longest = LongestFirst(list(lengths.now), lengths.of)
        lengths.looks = 0
        for number in range(2000):
            chosen = number % count
            lengths.now[chosen] += 1
            longest.note_longer(chosen, lengths.now)
            lengths.now[longest.longest()] -= 1
        looks.append(lengths.looks)
    few, many = looks
    assert many < few * 3
