"""What `generate` tells of how far it has come."""

import io

from duologue_codegen.command_line.progress import EVERY_S, PATIENCE_S, PackageProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def told(to: io.StringIO, pause_s: float, count: int) -> str:
    """What is said of so many packages that take so long each."""
    clock = Clock()
    with PackageProgress(to, clock) as progress:
        for number in range(1, count + 1):
            progress.tell(number, count, f"p.v{number}")
            clock.now_s += pause_s
    return to.getvalue()


def test_what_takes_long_is_told_of_in_one_line_that_is_gone_at_the_end() -> None:
    assert told(Terminal(), PATIENCE_S, 3) == ("\r\033[K2 of 3: p.v2\r\033[K3 of 3: p.v3\r\033[K")


def test_what_is_soon_over_says_nothing() -> None:
    assert told(Terminal(), PATIENCE_S / 10, 5) == ""


def test_packages_that_follow_fast_are_not_told_one_by_one() -> None:
    said = told(Terminal(), EVERY_S / 4, 40)
    assert 3 <= said.count(" of 40") <= 6


def test_where_there_is_no_terminal_nothing_is_said() -> None:
    assert told(io.StringIO(), 10, 5) == ""
