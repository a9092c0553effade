"""What a cluster needs of its bus: questions that are answered, or that nobody hears.

Nothing that is lost, late, doubled or made up on it changes anything but the time a request takes.
"""

from collections.abc import Sequence
from typing import Protocol


class BusListener(Protocol):
    """Who is told what comes."""

    def on_bus_message(self, server: int, subject: str, reply: str, data: bytes) -> None:
        """Something has come on a subject that was subscribed to."""

    def on_nobody(self, server: int, subject: str) -> None:
        """Nobody has subscribed to what was asked, with this reply subject."""

    def on_dropped(self) -> None:
        """One message was lost here, because too many had come before it."""

    def on_bus_changed(self) -> None:
        """A server came or went."""


class Bus(Protocol):
    """Some servers that know nothing of each other, by their number in the configuration."""

    listener: BusListener | None
    count: int
    """How many servers there are, up or not."""

    def servers(self) -> Sequence[int]:
        """Those that are up, the one that is up longest first."""
        ...

    def is_in_doubt(self) -> bool:
        """Whether one came back lately, so that it may not know all keys yet."""
        ...

    def have(self, subject: str) -> None:
        """Subscribe at every server, and at those that come back."""

    def lose(self, subject: str) -> None:
        """Do so no more."""

    def send(self, server: int, subject: str, data: bytes, reply: str = "") -> None:
        """Send; nobody is told if that fails."""

    async def close(self) -> None:
        """Leave every server."""
