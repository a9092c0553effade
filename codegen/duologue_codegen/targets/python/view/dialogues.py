"""What stands of each dialogue in dialogues.py: a class for each of its two sides."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import Contract, Dialogue, Role
from ....names import DIALOGUE_WORDS, KEYWORDS, snake
from .models import free_name
from .wording import with_deprecation


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A service that this side offers."""

    keyword: str
    """The argument under which it is given."""
    service_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A service that the other side offers."""

    attribute: str
    client_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideView:
    """One side of a dialogue."""

    class_name: str
    role: str
    other_role: str
    doc: str
    offered: tuple[Offered, ...]
    called: tuple[Called, ...]


def side_views(contract: Contract) -> tuple[SideView, ...]:
    """Both sides of every dialogue."""
    return tuple(
        _side(dialogue, role) for dialogue in contract.dialogues.values() for role in dialogue.roles
    )


def _side(dialogue: Dialogue, role: Role) -> SideView:
    other = dialogue.other(role)
    doc = dialogue.doc or f"The dialogue `{dialogue.name}`."
    return SideView(
        class_name=dialogue.side_class(role),
        role=role.name,
        other_role=other.name,
        doc=with_deprecation(doc, dialogue.deprecated),
        offered=tuple(
            Offered(keyword=_word(each.name), service_class=f"{each.name}Service")
            for each in role.services
        ),
        called=tuple(
            Called(attribute=_word(each.name), client_class=f"{each.name}Client")
            for each in other.services
        ),
    )


def _word(service: str) -> str:
    return free_name(snake(service), DIALOGUE_WORDS | KEYWORDS)
