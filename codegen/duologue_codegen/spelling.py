"""Spelling: the known word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

from .names import MAX_NAME_LENGTH


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` most probably should have been, or None when none is near.

    Near is one slip in three letters: a letter added, left out, changed, or two exchanged.
    """
    if len(word) > MAX_NAME_LENGTH:
        return None
    best: tuple[int, str] | None = None
    for candidate in candidates:
        if candidate.lower() == word.lower() and candidate != word:
            return candidate
        allowed = max(1, max(len(word), len(candidate)) // 3)
        if abs(len(word) - len(candidate)) > allowed:
            continue
        slips = edit_distance(word, candidate)
        if slips <= allowed and (best is None or (slips, candidate) < best):
            best = slips, candidate
    return None if best is None else best[1]


def edit_distance(left: str, right: str) -> int:
    """Slips between two words, an exchange of neighbours counted once (optimal alignment)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, above, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if above and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
