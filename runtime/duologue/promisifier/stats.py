"""The counters of a conversation, for reading."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Final

from duologue.protocol.counters import Counters

_NAMES: Final = tuple(field.name for field in fields(Counters))

_numbers_of: Final = attrgetter(*_NAMES)


class Stats(Mapping[str, int]):
    """A read-only view: `stats.requests_sent_total` or `stats["requests_sent_total"]`.

    What `promisifier.stats` gives is live; `snapshot()` of it stands still. The names and their
    meaning are those of `Counters` (base profile 8.1).
    """

    __slots__ = ("_counters",)

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def snapshot(self) -> "Stats":
        """The same numbers as they are now."""
        return Stats(Counters(*_numbers_of(self._counters)))

    def __getattr__(self, name: str) -> int:
        if name in _NAMES:
            return self[name]
        raise AttributeError(f"no counter is called {name!r}; there are {', '.join(_NAMES)}")

    def __getitem__(self, name: str) -> int:
        if name not in _NAMES:
            raise KeyError(name)
        value: int = getattr(self._counters, name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)

    def __repr__(self) -> str:
        return f"Stats({', '.join(f'{name}={value}' for name, value in self.items())})"
