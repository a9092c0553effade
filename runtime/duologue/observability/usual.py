"""Observers that a program has without a word in its code: by its environment and its log."""

import os
from functools import cache

from duologue.observability.frames import VARIABLE, FrameLog
from duologue.observability.lines import Lines
from duologue.observer import Observer


def usual_observers() -> list[Observer]:
    """What `DUOLOGUE_FRAMES` and the level of the log ask for, now."""
    found: list[Observer] = []
    path = os.environ.get(VARIABLE)
    if path:
        found.append(_frame_log(path))
    if Lines.is_wanted():
        found.append(Lines())
    return found


@cache
def _frame_log(path: str) -> FrameLog:
    # One for the program: two would write into each other's lines.
    return FrameLog(path)
