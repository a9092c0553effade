"""Two versions of the dialogues of a contract: who speaks in them, and what each side offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..diagnostics import quoted
from ..model import Contract, Dialogue
from .changes import Change


@dataclass(frozen=True, kw_only=True)
class DialogueGone(Change):
    """A dialogue, or one of its roles, is not there any more."""

    what: str
    sides: tuple[str, ...]
    """The generated classes that go with it."""


@dataclass(frozen=True, kw_only=True)
class RoleChanged(Change):
    """One side of a dialogue offers other services."""

    what: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


def dialogue_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """The differences between all dialogues."""
    for name, dialogue in old.dialogues.items():
        heir = new.dialogues.get(name)
        if heir is None:
            yield DialogueGone(
                package=new.package,
                at=new.package_at,
                was=dialogue.at,
                what=f"dialogue {quoted(name)}",
                sides=tuple(dialogue.side_class(role) for role in dialogue.roles),
            )
        else:
            yield from _role_changes(dialogue, heir, new.package)


def _role_changes(old: Dialogue, new: Dialogue, package: str) -> Iterator[Change]:
    after = {role.name: role for role in new.roles}
    for role in old.roles:
        heir = after.get(role.name)
        if heir is None:
            yield DialogueGone(
                package=package,
                at=new.at,
                was=role.at,
                what=f"role {quoted(role.name)} of dialogue {quoted(new.name)}",
                sides=(old.side_class(role),),
            )
            continue
        before = {each.name for each in role.services}
        now = {each.name for each in heir.services}
        if before != now:
            yield RoleChanged(
                package=package,
                at=heir.at,
                was=role.at,
                what=quoted(f"{new.name}.{role.name}"),
                added=tuple(sorted(now - before)),
                removed=tuple(sorted(before - now)),
            )
