"""What `call` tells of the bytes that come and go."""

import io

from duologue.commands.byte_progress import EVERY_S, ByteProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def told(to: io.StringIO, pause_s: float, sizes: list[int], whole: int | None = None) -> str:
    """What is said while pieces of these sizes come, so long after one another."""
    clock = Clock()
    progress = ByteProgress(whole, to=to, clock=clock)
    for size in sizes:
        clock.now_s += pause_s
        progress.add(size)
    progress.end()
    return to.getvalue()


def test_amount_share_and_rate_stand_in_one_line_that_is_written_anew() -> None:
    assert told(Terminal(), 0.5, [400, 1600], 4000) == (
        "\r\033[K400 B of 4.0 kB, 800 B/s"
        "\r\033[K2.0 kB of 4.0 kB, 2.0 kB/s"
        "\r\033[K2.0 kB of 4.0 kB, 2.0 kB/s\n"
    )


def test_nothing_is_said_of_a_whole_that_is_not_known() -> None:
    assert told(Terminal(), 1, [3_000_000]) == (
        "\r\033[K3.0 MB, 3.0 MB/s\r\033[K3.0 MB, 3.0 MB/s\n"
    )


def test_pieces_that_follow_fast_are_not_told_one_by_one() -> None:
    said = told(Terminal(), EVERY_S / 4, [1] * 40)
    assert 8 <= said.count("\r") <= 11


def test_a_stream_without_bytes_leaves_no_line() -> None:
    assert told(Terminal(), 1, []) == ""


def test_where_there_is_no_terminal_nothing_is_said() -> None:
    assert told(io.StringIO(), 10, [1, 2, 3]) == ""


def test_a_stream_that_begins_at_once_has_no_rate_and_divides_by_nothing() -> None:
    assert told(Terminal(), 0, [7]) == "\r\033[K7 B\n"
