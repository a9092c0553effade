"""Places for those who have shown nothing yet: few, and few for each group of addresses."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Newcomers(Generic[T]):
    """Who has a place, and who gives his up for one more.

    Nobody is refused. When all places are taken, the group that has most of them gives one up, of
    several such groups the one that has had so many longest; when a group has all that it may have,
    that group does. Of the group it is the one that has been silent longest. So whoever takes many
    places takes them from himself. Every step costs the same, however many there are.
    """

    def __init__(self, most: int, most_of_group: int) -> None:
        """`most` places in all, `most_of_group` for one group; both at least 1."""
        self._most = most
        self.most_of_group = most_of_group
        self._group_of: dict[T, str] = {}
        self._members: dict[str, dict[T, None]] = {}
        """Of each group; who has been silent longest comes first."""
        self._groups_of_size: dict[int, dict[str, None]] = {}
        self._largest = 0

    def __len__(self) -> int:
        return len(self._group_of)

    def __contains__(self, who: T) -> bool:
        return who in self._group_of

    @property
    def is_full(self) -> bool:
        """Whether one more takes the place of another, whatever its group."""
        return len(self._group_of) >= self._most

    def number_of(self, group: str) -> int:
        """Places that one group has."""
        return len(self._members.get(group, ()))

    def enter(self, who: T, group: str, *, is_group_bounded: bool = True) -> T | None:
        """Take a place; returns who had to give his up, and has it no more.

        Without `is_group_bounded` the group may have any number: nobody knows yet who is behind it.
        """
        loser = None
        if is_group_bounded and self.number_of(group) >= self.most_of_group:
            loser = self._silent_longest(group)
        elif self.is_full:
            loser = self._silent_longest(next(iter(self._groups_of_size[self._largest])))
        if loser is not None:
            self.leave(loser)
        self._group_of[who] = group
        members = self._members.setdefault(group, {})
        members[who] = None
        self._note_size(group, len(members) - 1, len(members))
        return loser

    def leave(self, who: T) -> bool:
        """Give a place back; False if it had none."""
        group = self._group_of.pop(who, None)
        if group is None:
            return False
        members = self._members[group]
        del members[who]
        if not members:
            del self._members[group]
        self._note_size(group, len(members) + 1, len(members))
        return True

    def note_sign(self, who: T) -> None:
        """It has come a step further: of its group it is now the last to be silent longest."""
        group = self._group_of.get(who)
        if group is not None:
            members = self._members[group]
            del members[who]
            members[who] = None

    def _silent_longest(self, group: str) -> T:
        return next(iter(self._members[group]))

    def _note_size(self, group: str, before: int, now: int) -> None:
        if before:
            same = self._groups_of_size[before]
            del same[group]
            if not same:
                del self._groups_of_size[before]
        if now:
            self._groups_of_size.setdefault(now, {})[group] = None
        # A size changes by one: if the largest is gone, the group that had it is one below.
        self._largest = max(now, self._largest - (self._largest not in self._groups_of_size))
