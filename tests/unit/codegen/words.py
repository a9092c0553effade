"""Words that mean something to Python, to what generated code stands on, or to its generator; and
contracts that use them all."""

import ast
import builtins
import enum
import keyword
import random
import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import datamodel_code_generator
import pydantic

from duologue.errors import ContractError
from duologue.typed import Client, Service
from duologue.typed.model import Model
from duologue_codegen.checks import check
from duologue_codegen.names import pascal
from duologue_codegen.reading.project import load_project

_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_OWNERS: Final[tuple[object, ...]] = (
    *(builtins, enum.StrEnum, enum.IntEnum, Model, type(Model), pydantic.BaseModel),
    *(ContractError, Client, Service, str, dict, object),
)
"""Whose attributes a name could hide, or be hidden by."""

_OTHERS: Final = (
    *("self", "cls", "params", "ctx", "items", "out", "peer", "handler", "c", "e", "m", "data"),
    *("abstractmethod", "deprecated", "unimplemented", "annotations", "i2c", "k8s", "utf8mb4"),
    *("models", "client", "service", "errors", "datetime", "date", "time", "timedelta", "uuid"),
    *("decimal", "typing", "pydantic", "duologue", "types", "root", "model", "class_vars"),
)
"""What generated modules call their parts, arguments and imports."""


def _of_the_generator() -> Iterator[str]:
    """Every word in a set or table of datamodel-code-generator's own that decides names."""
    top = Path(datamodel_code_generator.__file__).parent
    for file in (top / "reference.py", top / "types.py", *sorted((top / "model").rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Set(elts=texts):
                    pass
                case ast.Dict(keys=texts):
                    pass
                case _:
                    continue
            yield from (
                text.value
                for text in texts
                if isinstance(text, ast.Constant) and isinstance(text.value, str)
            )


def words() -> list[str]:
    """All of them that could be names of fields, methods and the like, in order."""
    found = {*keyword.kwlist, *keyword.softkwlist, *_OTHERS, *_of_the_generator()}
    for owner in _OWNERS:
        found.update(dir(owner))
    lower = {word.strip("_").lower() for word in found}
    return sorted(word for word in lower if _SNAKE.fullmatch(word) and len(word) <= 40)


def type_words() -> list[str]:
    """The same, as names of types; and what has such a name already."""
    named = {name for owner in (builtins, pydantic) for name in dir(owner)}
    imported = {"ABC", "UUID", "StrEnum", "TypeAliasType", "Unary", "Params", "Reply", "MISSING"}
    found = {pascal(word) for word in words()} | named | imported
    return sorted(word for word in found if re.fullmatch(r"[A-Z][A-Za-z0-9]{0,40}", word))


def random_names(seed: int, count: int) -> list[str]:
    """Names in which letters and digits meet in every way."""
    generator = random.Random(seed)
    letters = string.ascii_lowercase + string.digits * 2

    def part() -> str:
        return "".join(generator.choice(letters) for _ in range(generator.randint(1, 5)))

    found: set[str] = set()
    while len(found) < count:
        name = "_".join(part() for _ in range(generator.randint(1, 3)))
        found.add(generator.choice(string.ascii_lowercase) + name)
    return sorted(found)


# ---- contracts that say them all --------------------------------------------------------------

REFUSALS: Final = {
    *("name-not-reserved-by-python", "generated-name-taken", "error-code-unique"),
    "package-name-taken",
}
"""What may be said of a word. Anything else found, and anything that breaks later, is a fault."""


def filled(template: str, candidates: Sequence[str]) -> tuple[str, list[str]]:
    """`template` with each line that says WORD once for every candidate, and what each line of the
    result is about: a candidate, or nothing."""
    lines: list[str] = []
    about: list[str] = []
    for line in template.strip().split("\n"):
        repeated = candidates if "WORD" in line else [""]
        for number, word in enumerate(repeated, 1):
            lines.append(line.replace("WORD", word).replace("NUMBER", str(number)))
            about.append(word)
    return "\n".join([*lines, ""]), about


def without_refused(template: str, candidates: Sequence[str], folder: Path) -> list[str]:
    """The candidates that can stand in `template`; what is said of the others is asserted."""
    file = folder / "schema" / "names" / "v1.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    free = list(candidates)
    while True:
        text, about = filled(template, free)
        file.write_text(text, "utf-8")
        found = [one for one in check(load_project(folder / "schema")) if one.level == "error"]
        if not found:
            return free
        refused = {about[one.at.line - 1] for one in found if one.rule in REFUSALS}
        others = (one for one in found if about[one.at.line - 1] not in refused)
        assert [f"{one.rule}: {one.message}" for one in others] == []
        assert "" not in refused
        free = [word for word in free if word not in refused]
