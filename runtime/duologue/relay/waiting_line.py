"""Requests that wait: for a spare, or for a pair to end. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from duologue.relay.events import Leg


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller wants, and who it is to the relay."""

    caller: Leg
    source: bytes
    target: bytes
    address: str
    had: float
    """How much its address had been granted of the target before: see `Shares.had`."""


class WaitingLine:
    """Who waits for which key.

    Served first is whose address has fewest pairs with it now, of these who has had least, and of
    these who came first.
    """

    def __init__(self, held: Callable[[str, bytes], int]) -> None:
        """`held` tells how many pairs with a key an address has."""
        self._held = held
        self._requests: dict[Leg, tuple[Request, int]] = {}
        """With the tick of its deadline."""
        self._of: dict[bytes, list[Request]] = {}
        """By target, in the order in which they came."""

    def __len__(self) -> int:
        return len(self._requests)

    def __contains__(self, caller: Leg) -> bool:
        return caller in self._requests

    def callers(self) -> list[Leg]:
        """All that wait."""
        return list(self._requests)

    def count_for(self, target: bytes) -> int:
        """How many wait for this key."""
        return len(self._of.get(target, ()))

    def add(self, request: Request, tick: int) -> None:
        """Wait, until the deadline that is filed under `tick`."""
        self._requests[request.caller] = request, tick
        self._of.setdefault(request.target, []).append(request)

    def remove(self, caller: Leg) -> tuple[Request, int] | None:
        """Wait no longer; what was given to `add`, or None if it did not wait."""
        found = self._requests.pop(caller, None)
        if found is not None:
            target = found[0].target
            self._of[target].remove(found[0])
            if not self._of[target]:
                del self._of[target]
        return found

    def find_next(self, target: bytes, may_have: Callable[[str], bool]) -> Request | None:
        """Whose turn it is, of those whose address may have one more pair."""
        able = [each for each in self._of.get(target, ()) if may_have(each.address)]
        return min(able, key=self._had, default=None)

    def find_greediest(self, request: Request) -> Request:
        """Whose turn is last: one that waits for the same key, or the one that comes now."""
        latest_first = (request, *reversed(self._of.get(request.target, ())))
        return max(latest_first, key=self._had)

    def _had(self, request: Request) -> tuple[int, float]:
        return self._held(request.address, request.target), request.had
