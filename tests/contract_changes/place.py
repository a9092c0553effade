"""Where a change happens, and how changes are listed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.contract_changes.contracts import Plain


@dataclass(frozen=True)
class Place:
    """Where a change happens, and what decides it."""

    pick: random.Random
    old: Plain
    new: Plain
    family: str

    @property
    def types(self) -> Plain:
        """The types of the new contract."""
        found: Plain = self.new["types"]
        return found

    def type(self, name: str) -> Plain:
        """One that goes this family's way."""
        found: Plain = self.types[f"{name}{self.family}"]
        return found

    @property
    def methods(self) -> Plain:
        """The methods of the new contract's service."""
        found: Plain = self.new["services"]["Things"]["methods"]
        return found

    def fields(self) -> Plain:
        """The fields of an object that goes this family's way."""
        found: Plain = self.type(self.pick.choice(["Thing", "Part"]))["fields"]
        return found

    def field(self) -> tuple[Plain, str, Plain]:
        """One of them, in its long form."""
        fields = self.fields()
        name = self.pick.choice([each for each in fields if each not in {"e", "u"}])
        if isinstance(fields[name], str):
            fields[name] = {"type": fields[name]}
        return fields, name, fields[name]


Changer: TypeAlias = Callable[[Place], None]


class NotHere(Exception):
    """The change cannot be made at this place."""


def noted_in(table: dict[str, Changer]) -> Callable[[Changer], Changer]:
    """A decorator that puts changes into a table, by their names."""

    def note(function: Changer) -> Changer:
        table[function.__name__] = function
        return function

    return note
