"""How many connections there may be, where the system allows only so many descriptors."""

import logging
import sys
from typing import Final, NamedTuple

from duologue.limits import DESCRIPTOR_RESERVE

if sys.platform != "win32":
    import resource

NEWCOMERS_PART: Final = 8
"""Where there is not enough for all, newcomers have one part in so many."""

_log: Final = logging.getLogger("duologue")


class Room(NamedTuple):
    """Connections that fit."""

    connections: int
    """Of those that are known."""
    newcomers: int
    """Beside them, of those that have not shown anything."""


def descriptor_limit() -> int | None:
    """Descriptors that this process may have open at once (`ulimit -n`); None: any number."""
    if sys.platform == "win32":
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def room_for(wanted: Room, descriptors: int | None) -> Room:
    """What of `wanted` fits, with `DESCRIPTOR_RESERVE` left to the rest of the program."""
    if descriptors is None or sum(wanted) + DESCRIPTOR_RESERVE <= descriptors:
        return wanted
    usable = max(2, descriptors - DESCRIPTOR_RESERVE)
    newcomers = min(wanted.newcomers, max(1, usable // NEWCOMERS_PART))
    return Room(min(wanted.connections, usable - newcomers), newcomers)


def room_here(wanted: Room, descriptors: int | None) -> Room:
    """As `room_for`, with a warning in the log if that is less."""
    room = room_for(wanted, descriptors)
    if room != wanted:
        _log.warning(
            "this process may have %s descriptors, so there is room for %d connections and %d "
            "newcomers, not for %d and %d; for all of them allow %d (ulimit -n, LimitNOFILE)",
            *(descriptors, *room, *wanted, sum(wanted) + DESCRIPTOR_RESERVE),
        )
    return room
