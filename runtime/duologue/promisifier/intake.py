"""Whether a connection is read."""

from collections.abc import Callable
from enum import IntFlag, auto


class Hold(IntFlag):
    """Why a connection is not read; it is read again when no reason is left."""

    NONE = 0
    STREAMS = auto()
    """Too much of incoming streams has not been read by the application."""
    CALLS = auto()
    """Too much waits to be served, and the other side does not take our answers."""
    REPLAY = auto()
    """The other side has wished for many past events. Ends by itself, within a second."""


class Intake:
    """Stops and starts the reading of a connection, for whoever has reason to.

    The base profile has no flow control between peers: not to read is the only way to slow the
    other side (base profile 7.5). That holds up answers too, so nobody may hold for long while an
    own call waits for one: two sides that did so would wait for each other.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self.held = Hold.NONE
        """Why nothing is read at present."""
        self._pause = pause
        self._resume = resume

    def hold(self, reason: Hold) -> None:
        """Do not read, for this reason too."""
        was_held, self.held = self.held, self.held | reason
        if not was_held:
            self._pause()

    def release(self, reason: Hold) -> None:
        """This is no reason any more."""
        was_held, self.held = self.held, self.held & ~reason
        if was_held and not self.held:
            self._resume()

    def end(self) -> None:
        """The connection is closed: there is nothing to read, and nobody to tell."""
        self.held = Hold.NONE
        self._pause = self._resume = _ignore


def _ignore() -> None:
    pass
