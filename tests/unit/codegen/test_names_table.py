"""Every word that means something elsewhere, at every place of a contract where a name can stand.

Each is refused with a finding, or it works: generated, imported, built, called, emitted, raised.
Many words share a contract, so that a place costs one generation.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from duologue.testing import linked
from duologue_codegen.build import build
from duologue_codegen.checks import check
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.reading.project import load_project
from tests.generated_code import check_types, run_python
from tests.unit.codegen.packages import made_package
from tests.unit.codegen.words import (
    REFUSALS,
    filled,
    random_names,
    type_words,
    without_refused,
    words,
)

WORDS: Final = words()
TYPE_WORDS: Final = type_words()

FREE: Final = {"type", "id", "list", "register", "mro", "super", "date", "k8s", "json", "object"}
"""Words that contracts use, so that the table is known to hold more than refusals."""

IMPORTED: Final = {
    *("ABC", "Client", "Codec", "Field", "Model", "Reply", "Service", "StrEnum", "Type", "Url"),
    *("ValueError", "MISSING"),
}
"""The same for names of types."""


FIELDS: Final = """
duologue: 1
package: names.v1
types:
  Bag:
    fields:
      WORD: {type: list of string, default: []}
  Plain:
    fields:
      WORD: int
"""


def test_words_as_fields(tmp_path: Path) -> None:
    free = without_refused(FIELDS, WORDS, tmp_path)
    assert set(free) >= FREE
    with made_package(filled(FIELDS, free)[0], "names.v1", tmp_path) as made:
        assert made.Bag() == made.Bag(**{word: [] for word in free})
        for cls, values in (
            (made.Bag, {word: [word] for word in free}),
            (made.Plain, {word: index for index, word in enumerate(free)}),
        ):
            value = cls(**values)
            assert {word: getattr(value, word) for word in free} == values
            assert json.loads(value.model_dump_json()) == values
            assert cls.model_validate_json(json.dumps(values)) == value


SERVICES: Final = """
duologue: 1
package: names.v1
errors:
  Refused:
    fields:
      WORD: int
    message: >
      {WORD}
services:
  Words:
    methods:
      take:
        id: 1
        params:
          WORD: {type: optional string, doc: A word.}
        returns: int
        errors: [Refused]
    events:
      said:
        id: 2
        fields:
          WORD: optional string
"""


async def test_words_as_params_and_as_fields_of_errors_and_events(tmp_path: Path) -> None:
    free = without_refused(SERVICES, WORDS, tmp_path)
    assert set(free) >= FREE
    values = {word: word.upper() for word in free}
    numbers = {word: index for index, word in enumerate(free)}
    with made_package(filled(SERVICES, free)[0], "names.v1", tmp_path) as made:

        class Words(made.WordsService):  # type: ignore[misc, name-defined]
            def take(self, params: Any, ctx: object) -> int:
                if params.model_dump() != values:
                    raise made.Refused(**numbers)
                return len(free)

        service = Words()
        async with linked(service, made.WordsClient) as client:
            assert await client.take(**values) == len(free)
            with pytest.raises(made.Refused) as refused:
                await client.take()
            assert refused.value.data.model_dump() == numbers
            # The message is a block of YAML, which ends with a line end; errors are one line.
            shown = str(refused.value).removesuffix("\\n")
            assert shown.split() == [str(number) for number in numbers.values()]
            async with client.on_said() as said:
                service.emit_said(**values)
                async for event in said:
                    assert event.model_dump() == values
                    break


METHODS: Final = """
duologue: 1
package: names.v1
services:
  Words:
    methods:
      WORD: {id: NUMBER, params: {a: {type: list of string, default: []}}, returns: list of string}
"""


async def test_words_as_methods(tmp_path: Path) -> None:
    free = without_refused(METHODS, WORDS, tmp_path)
    assert set(free) >= FREE
    with made_package(filled(METHODS, free)[0], "names.v1", tmp_path) as made:

        def saying(word: str) -> Any:
            def method(_self: object, params: Any, _ctx: object) -> list[str]:
                return [word, *params.a]

            return method

        implemented = type("Words", (made.WordsService,), {word: saying(word) for word in free})
        async with linked(implemented(), made.WordsClient) as client:
            for word in free:
                assert await getattr(client, word)(a=["x"]) == [word, "x"]


EVENTS: Final = """
duologue: 1
package: names.v1
services:
  Words:
    events:
      WORD: {id: NUMBER, fields: {a: int}}
"""


async def test_words_as_events(tmp_path: Path) -> None:
    free = without_refused(EVENTS, WORDS, tmp_path)
    assert set(free) >= FREE
    with made_package(filled(EVENTS, free)[0], "names.v1", tmp_path) as made:
        service = made.WordsService()
        async with linked(service, made.WordsClient) as client:
            for word in free[::10]:
                async with getattr(client, f"on_{word}")() as events:
                    getattr(service, f"emit_{word}")(a=1)
                    async for event in events:
                        assert event.a == 1
                        break


VALUES: Final = """
duologue: 1
package: names.v1
types:
  Word:
    open: false
    enum:
      WORD: ""
  Choice:
    fields:
      a_NUMBER_WORD: {type: Word, default: "WORD"}
"""


def test_words_as_values_of_enums(tmp_path: Path) -> None:
    short = [word for word in WORDS if len(word) < 50]
    free = without_refused(VALUES, short, tmp_path)
    assert free == short
    with made_package(filled(VALUES, free)[0], "names.v1", tmp_path) as made:
        assert {member.name: member.value for member in made.Word} == {
            word.upper(): word for word in free
        }
        assert list(made.Choice().model_dump().values()) == free


TAGS: Final = """
duologue: 1
package: names.v1
types:
  UnionNUMBER: {union: {a: FormNUMBER, b: OtherNUMBER}, tag: WORD, open: true}
  FormNUMBER: {doc: "WORD", fields: {x_x: optional int}}
  OtherNUMBER: {doc: "WORD", fields: {x_x: int}}
  Holder:
    fields:
      u_NUMBER: {type: optional UnionNUMBER, doc: "WORD"}
"""


def tags_work(candidates: Sequence[str], folder: Path) -> None:
    free = without_refused(TAGS, candidates, folder)
    assert set(free) >= FREE & set(candidates)
    with made_package(filled(TAGS, free)[0], "names.v1", folder) as made:
        for number, word in enumerate(free, 1):
            form = getattr(made, f"Form{number}")(x_x=number)
            assert form.model_dump() == {word: "a", "x_x": number}
        whole = made.Holder.model_validate_json(
            json.dumps({f"u_{number}": {word: "a"} for number, word in enumerate(free, 1)})
        )
        assert all(
            type(getattr(whole, f"u_{number}")).__name__ == f"Form{number}"
            for number in range(1, len(free) + 1)
        )


def test_words_as_tags(tmp_path: Path) -> None:
    tags_work(sorted({*FREE, *WORDS[::12]}), tmp_path)


@pytest.mark.slow
def test_all_words_as_tags(tmp_path: Path) -> None:
    tags_work(WORDS, tmp_path)


TYPES: Final = """
duologue: 1
package: names.v1
types:
  WORD: {fields: {x: {type: list of optional int, max: 3}, y: {type: json, presence: explicit}}}
  AllOfThem:
    fields:
      f_NUMBER: {type: optional WORD}
services:
  Lone:
    methods:
      get_NUMBER: {id: NUMBER, params: {a: WORD}, returns: optional WORD}
"""


async def types_work(candidates: Sequence[str], folder: Path) -> None:
    free = without_refused(TYPES, candidates, folder)
    assert set(free) >= IMPORTED & set(candidates)
    with made_package(filled(TYPES, free)[0], "names.v1", folder) as made:
        for number, word in enumerate(free, 1):
            value = made.AllOfThem(**{f"f_{number}": getattr(made, word)(x=[number])})
            assert made.AllOfThem.model_validate_json(value.model_dump_json()) == value

        class Lone(made.LoneServicePartial):  # type: ignore[misc, name-defined]
            def get_1(self, params: Any, ctx: object) -> Any:
                return params.a

        async with linked(Lone(), made.LoneClient) as client:
            value = getattr(made, free[0])(x=[1])
            assert await client.get_1(a=value) == value


async def test_words_as_types(tmp_path: Path) -> None:
    await types_work(sorted({*IMPORTED, *TYPE_WORDS[::8]}), tmp_path)


@pytest.mark.slow
async def test_all_words_as_types(tmp_path: Path) -> None:
    await types_work(sorted({*IMPORTED, *TYPE_WORDS}), tmp_path)


ERRORS: Final = """
duologue: 1
package: names.v1
errors:
  WORD: {fields: {x: int}, message: "{x}"}
services:
  Lone:
    methods:
      fail_NUMBER: {id: NUMBER, errors: [WORD]}
"""


async def test_words_as_errors(tmp_path: Path) -> None:
    free = without_refused(ERRORS, TYPE_WORDS[::4], tmp_path)
    with made_package(filled(ERRORS, free)[0], "names.v1", tmp_path) as made:

        def failing(word: str) -> Any:
            def method(_self: object, _ctx: object) -> None:
                raise getattr(made, word)(x=len(word))

            return method

        methods = {f"fail_{number}": failing(word) for number, word in enumerate(free, 1)}
        service = type("Lone", (made.LoneService,), methods)
        async with linked(service(), made.LoneClient) as client:
            for number, word in enumerate(free, 1):
                with pytest.raises(getattr(made, word), match=f"^{len(word)}$"):
                    await getattr(client, f"fail_{number}")()


OF_SERVICES: Final = """
duologue: 1
package: names.v1
types: {Note: {fields: {x: int}}}
services:
  WORD: {base: NUMBER00, methods: {get: {id: 1, returns: Note}}}
"""


async def test_words_as_services(tmp_path: Path) -> None:
    free = without_refused(OF_SERVICES, TYPE_WORDS[::6], tmp_path)
    with made_package(filled(OF_SERVICES, free)[0], "names.v1", tmp_path) as made:

        def get(_self: object, _ctx: object) -> Any:
            return made.Note(x=7)

        for word in free[::20]:
            service = type(word, (getattr(made, f"{word}Service"),), {"get": get})
            async with linked(service(), getattr(made, f"{word}Client")) as client:
                assert (await client.get()).x == 7


FOLDER: Final = """
duologue: 1
package: {word}.v1
services: {{Lone: {{base: {number}00, methods: {{get: {{id: 1, returns: string}}}}}}}}
"""


def folders_work(candidates: Sequence[str], folder: Path) -> None:
    def write(word: str, number: int) -> None:
        file = folder / "schema" / word / "v1.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(FOLDER.format(word=word, number=number).strip(), "utf-8")

    for number, word in enumerate(candidates):
        write(word, number)
    found = [one for one in check(load_project(folder / "schema")) if one.level == "error"]
    assert {one.rule for one in found} <= REFUSALS
    for one in found:
        shutil.rmtree(Path(one.at.file).parent)
    result = build(folder / "schema", folder / "made", targets=TARGETS, import_root="made")
    assert result.ok
    assert len(result.packages) >= len(candidates) // 2
    imports = "\n".join(f"import made.{package}" for package in result.packages)
    run_python(folder, "-W", "error", "-c", imports)


def test_words_as_folders(tmp_path: Path) -> None:
    candidates = {*FREE, "async", "class", "match", "duologue", "pydantic", "typing", "models"}
    folders_work(sorted(candidates), tmp_path)


@pytest.mark.slow
def test_all_words_as_folders(tmp_path: Path) -> None:
    folders_work(WORDS, tmp_path)


@pytest.mark.parametrize("template", [FIELDS, METHODS, VALUES], ids=["fields", "methods", "values"])
def test_random_names_with_digits_work_or_are_refused(template: str, tmp_path: Path) -> None:
    names = random_names(1, 300)
    free = without_refused(template, names, tmp_path)
    assert len(free) > 200
    with made_package(filled(template, free)[0], "names.v1", tmp_path) as made:
        if template is FIELDS:
            assert list(made.Bag.model_fields) == free
        elif template is VALUES:
            assert [member.name for member in made.Word] == [name.upper() for name in free]
            assert list(made.Choice().model_dump().values()) == free
        else:
            assert all(callable(getattr(made.WordsClient, name)) for name in free)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "candidates"),
    [
        *((template, WORDS) for template in (FIELDS, SERVICES, METHODS, EVENTS, VALUES, TAGS)),
        *((template, TYPE_WORDS) for template in (TYPES, ERRORS, OF_SERVICES)),
    ],
)
def test_packages_of_all_words_are_clean_for_both_checkers(
    template: str, candidates: Sequence[str], tmp_path: Path
) -> None:
    free = without_refused(template, candidates, tmp_path)
    (tmp_path / "schema" / "names" / "v1.yaml").write_text(filled(template, free)[0], "utf-8")
    result = build(tmp_path / "schema", tmp_path / "made", targets=TARGETS, import_root="made")
    assert result.ok
    check_types(tmp_path, "made")
