"""What `duologue bench` says while it measures."""

import io

import pytest

from duologue.bench.comparison import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_what_is_done_stands_in_the_place_of_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    to = Terminal()
    monkeypatch.setattr("sys.stderr", to)
    progress("starting one")
    progress("")
    assert to.getvalue() == "\r\033[Kstarting one\r\033[K"


def test_elsewhere_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    to = io.StringIO()
    monkeypatch.setattr("sys.stderr", to)
    progress("starting one")
    progress("")
    assert to.getvalue() == ""
