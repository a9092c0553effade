"""Random bytes in stock: none is given twice."""

from duologue.connection.random_stocks import RandomStock, mask_keys_of


def test_mask_keys_are_cut_from_blocks_and_never_given_twice() -> None:
    asked: list[int] = []

    def count_up(number: int) -> bytes:
        asked.append(number)
        start = len(asked) * 10_000
        return b"".join((start + step).to_bytes(4, "big") for step in range(number // 4))

    keys = mask_keys_of(count_up)
    assert asked == []
    given = [next(keys) for _ in range(1025)]
    assert asked == [4096, 4096]
    assert all(len(key) == 4 for key in given)
    assert len(set(given)) == 1025


def test_random_bytes_are_given_once_whatever_is_asked_for() -> None:
    stock = RandomStock()
    sizes = [0, 1, 63, 4096, 64, 5000, 4033, 62, *range(200)]
    taken = [stock.take(size) for size in sizes]
    assert [len(each) for each in taken] == sizes
    long_ones = [each for each in taken if len(each) >= 16]
    assert len(set(long_ones)) == len(long_ones)
