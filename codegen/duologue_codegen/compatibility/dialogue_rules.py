"""What changes of dialogues mean: one function a rule."""

from __future__ import annotations

from ..diagnostics import quoted
from .dialogues import DialogueGone, RoleChanged
from .registry import Judgement, Judgements, change_rule, in_source, note
from .ways import Pair


@change_rule("dialogue-gone", DialogueGone)
def dialogue_gone(change: DialogueGone) -> Judgements:
    """A dialogue and its roles keep their names, which are those of classes."""
    names = " and ".join(map(quoted, change.sides))
    hint = "keep it, and put what is new into a dialogue of its own"
    yield in_source(f"there is no {change.what} any more, and so no {names}", hint)


@change_rule("role-changed", RoleChanged)
def role_changed(change: RoleChanged) -> Judgements:
    """Each side of a dialogue goes on offering what it does."""
    for name in map(quoted, change.removed):
        hint = "keep it, or begin another dialogue"
        yield Judgement("wire", f"{change.what} does not offer {name}", Pair.OLD_CALLER, hint)
        yield in_source(f"{change.what} does not offer {name} any more", hint)
    for name in map(quoted, change.added):
        text = f"{change.what} does not offer {name} there: its calls are UNIMPLEMENTED"
        yield note("wire", text, Pair.OLD_PROVIDER)
        hint = "begin another dialogue, or change every program that speaks as this side"
        yield in_source(f"who speaks as {change.what} must offer {name} now", hint)
