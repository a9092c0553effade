"""The spare connections of listeners: whose they are, and which of them to hand out. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from duologue.relay.actions import KeyWatcher
from duologue.relay.events import Leg


@dataclass(slots=True)
class Spare:
    """A connection that waits for a caller."""

    key: bytes
    address: str
    registered_s: float
    tick: int = -1
    """Where its next deadline stands."""
    is_pinged: bool = False


class Spares:
    """By their legs, and by the keys that they are of. A key without any has no entry."""

    def __init__(self) -> None:
        self.watcher: KeyWatcher | None = None
        """Told which keys have any."""
        self._spares: dict[Leg, Spare] = {}
        self._legs_of: dict[bytes, list[Leg]] = {}
        """Oldest first. The newest is handed out first: it is the likeliest to be alive."""

    def __len__(self) -> int:
        return len(self._spares)

    def __getitem__(self, leg: Leg) -> Spare:
        return self._spares[leg]

    def get(self, leg: Leg) -> Spare | None:
        """The spare over this connection, if it is one."""
        return self._spares.get(leg)

    def legs(self) -> Iterator[tuple[Leg, bytes]]:
        """Every spare and its key."""
        return ((leg, spare.key) for leg, spare in self._spares.items())

    @property
    def keys(self) -> int:
        """How many keys have a spare."""
        return len(self._legs_of)

    def has(self, key: bytes) -> bool:
        """Whether a key has any."""
        return key in self._legs_of

    def count(self, key: bytes) -> int:
        """How many a key has."""
        return len(self._legs_of.get(key, ()))

    def count_keys(self) -> Counter[int]:
        """How many keys have one spare, how many two, and so on."""
        return Counter(map(len, self._legs_of.values()))

    def count_free(self, key: bytes) -> int:
        """How many of a key could be taken now."""
        return sum(not self._spares[leg].is_pinged for leg in self._legs_of.get(key, ()))

    def newest(self, key: bytes) -> Leg | None:
        """The one of a key that is to be handed out next."""
        # One with a ping out may be dead, and its pong would be taken for the listener's answer.
        legs = reversed(self._legs_of.get(key, []))
        return next((leg for leg in legs if not self._spares[leg].is_pinged), None)

    def add(self, leg: Leg, spare: Spare) -> None:
        """A listener has registered."""
        self._spares[leg] = spare
        legs = self._legs_of.setdefault(spare.key, [])
        legs.append(leg)
        if self.watcher is not None and len(legs) == 1:
            self.watcher.note_gained(spare.key)

    def remove(self, leg: Leg, *, comes_back: bool) -> Spare | None:
        """It is none any more; `comes_back`: its listener is likely to register again at once."""
        spare = self._spares.pop(leg, None)
        if spare is None:
            return None
        legs = self._legs_of[spare.key]
        legs.remove(leg)
        if not legs:
            del self._legs_of[spare.key]
            if self.watcher is not None:
                self.watcher.note_lost(spare.key, comes_back=comes_back)
        return spare
