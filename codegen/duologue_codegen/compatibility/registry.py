"""What a rule about changes is, and how its function becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar

from .changes import Change
from .ways import Pair, Refusal

Kind: TypeAlias = Literal["wire", "source"]
C = TypeVar("C", bound=Change)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a change does, in the eyes of one rule."""

    kind: Kind
    """Whether it concerns programs that run, or code of one's own."""
    text: str
    """What goes wrong, as the rest of a sentence that begins with the pair."""
    pair: Pair | None = None
    """The two sides between which it goes wrong; None when that is no matter of these two."""
    hint: str = ""
    breaks: bool = True
    """Otherwise it is a note: nothing fails, and one should know it."""


Judgements: TypeAlias = Iterator[Judgement]


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """A name, a purpose in one line, and a function that judges one kind of change."""

    id: str
    purpose: str
    of: type[Change]
    judge: Callable[[Any], Judgements]


CHANGE_RULES: Final[dict[str, ChangeRule]] = {}
"""Every rule about changes, by id."""


def change_rule(
    id_: str, of: type[C]
) -> Callable[[Callable[[C], Judgements]], Callable[[C], Judgements]]:
    """Make a rule of a function that judges one kind of change; its docstring tells the purpose."""

    def register(judge: Callable[[C], Judgements]) -> Callable[[C], Judgements]:
        if id_ in CHANGE_RULES or not judge.__doc__:
            raise ValueError(f"rule {id_!r} exists already, or has no purpose")
        CHANGE_RULES[id_] = ChangeRule(id_, judge.__doc__.splitlines()[0], of, judge)
        return judge

    return register


def on_wire(refused: Iterable[Refusal], text: str, hint: str = "") -> Judgements:
    """One break for each pair in which a value is refused; `text` says what the receiver meets."""
    for each in refused:
        # What names the call already need not say again where it is.
        told = all(f"`{name}`" in text for name in each.where.split("`")[1::2])
        yield Judgement(
            "wire", text.rstrip(",") if told else f"{text} in {each.where}", each.pair, hint
        )


def between(pairs: Iterable[Pair], text: str, hint: str = "") -> Judgements:
    """One break for each of these pairs."""
    for pair in pairs:
        yield Judgement("wire", text, pair, hint)


def in_source(text: str, hint: str = "") -> Judgement:
    """A break of code that uses the generated package."""
    return Judgement("source", text, None, hint)


def note(kind: Kind, text: str, pair: Pair | None = None, hint: str = "") -> Judgement:
    """What breaks nothing."""
    return Judgement(kind, text, pair, hint, breaks=False)
