"""What is measured of conversations, by the same names whatever takes it."""

from typing import Final

from duologue.observer import OTHER, CallSeen, ConnectionSeen, Observer

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bounds of the durations, as the RPC conventions advise."""

MAX_CODES: Final = 32
"""Different codes that are told apart for one method; further ones are `_OTHER`. They come from the
other side, which could make up ever new ones."""


class Codes:
    """Keeps the number of label values within bounds."""

    def __init__(self) -> None:
        self._seen: dict[tuple[bool, str], set[str]] = {}

    def label(self, call: CallSeen, code: str) -> str:
        """What `code` of this call is called in a label: empty if the call succeeded."""
        if code == "ok":
            return ""
        seen = self._seen.setdefault((call.is_own, call.method), set())
        if code in seen:
            return code
        if len(seen) >= MAX_CODES or len(code) > MAX_CODES * 2:
            return OTHER
        seen.add(code)
        return code


class OpenNow(Observer):
    """Counts what is open at present. Whoever is told of the end of a call takes it out."""

    def __init__(self) -> None:
        self._open = 0
        """Connections."""
        self._active = {True: 0, False: 0}
        """Calls without an answer, own ones and served ones."""

    def connection_opened(self, connection: ConnectionSeen) -> None:
        """See `Observer`."""
        self._open += 1

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """See `Observer`."""
        self._open -= 1

    def call_started(self, call: CallSeen) -> None:
        """See `Observer`."""
        self._active[call.is_own] += 1
