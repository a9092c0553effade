"""What the connections of a thread share."""

from duologue.connection.event_loop import RandomStock


def test_random_bytes_are_given_once_whatever_is_asked_for() -> None:
    stock = RandomStock()
    sizes = [0, 1, 63, 4096, 64, 5000, 4033, 62, *range(200)]
    taken = [stock.take(size) for size in sizes]
    assert [len(each) for each in taken] == sizes
    long_ones = [each for each in taken if len(each) >= 16]
    assert len(set(long_ones)) == len(long_ones)
