"""Models are built when they are first used, their parts before them."""

import pickle
from types import GenericAlias
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, PydanticUserError, TypeAdapter, ValidationError
from typing_extensions import TypeAliasType

from duologue.typed.codec import Codec
from duologue.typed.model import Model
from duologue.typed.unions import OpenUnion, Unknown


class Leaf(Model):
    kind: Literal["leaf"] = "leaf"
    size: int


class Branch(Model):
    kind: Literal["branch"] = "branch"
    leaves: list[Leaf] = []  # noqa: RUF012
    above: "Tree | None" = None


Part = TypeAliasType("Part", Annotated[Leaf | Branch, Field(discriminator="kind")])
Growing = TypeAliasType("Growing", Annotated[Leaf | Branch | Unknown, OpenUnion("kind")])


class Tree(Model):
    parts: list[Part]
    more: dict[str, Growing] = {}  # noqa: RUF012


class Oak(Tree):
    age: int = 0


TREE = Tree(parts=[Leaf(size=1), Branch(leaves=[Leaf(size=2)])])


def chain(length: int) -> list[type[Model]]:
    """Models each of which is a part of the next."""
    models: list[type[Model]] = []
    for number in range(length):
        below = GenericAlias(list, (models[-1] if models else int,))
        namespace = {"__module__": __name__, "__annotations__": {"below": below}}
        models.append(type(f"Link{number}", (Model,), namespace))
    return models


def is_built(model: type[BaseModel]) -> bool:
    return model.__pydantic_complete__


def test_making_a_class_builds_nothing() -> None:
    class Fresh(Model):
        number: int

    assert not is_built(Fresh)
    assert Fresh(number=1).number == 1
    assert is_built(Fresh)


def test_a_model_is_built_with_its_parts_and_nothing_else() -> None:
    links = chain(4)
    links[2].model_rebuild()
    assert [is_built(link) for link in links] == [True, True, True, False]


def test_a_chain_that_pydantic_alone_could_not_build_from_its_end_is_built() -> None:
    last = chain(200)[-1]
    assert last.model_validate_json('{"below":[]}').model_dump() == {"below": []}


def test_a_codec_shares_what_its_class_has() -> None:
    links = chain(2)
    codec = Codec(links[1])
    codec.decode(b'{"below":[]}')
    assert codec.adapter.validator is links[1].__pydantic_validator__
    assert codec.adapter.core_schema is links[1].__pydantic_core_schema__


def test_a_codec_of_no_class_builds_the_parts_first() -> None:
    links = chain(120)
    codec = Codec[list[Model]](GenericAlias(list, (links[-1],)))
    assert codec.decode(b"[]") == []
    assert is_built(links[-2])


def test_models_in_a_circle_are_built_and_read() -> None:
    text = Branch(above=TREE, leaves=[Leaf(size=3)]).model_dump_json()
    assert Branch.model_validate_json(text).above == TREE
    assert Tree.model_validate_json(TREE.model_dump_json()) == TREE


def test_a_subclass_is_built_by_itself() -> None:
    oak = Oak.model_validate_json('{"parts":[{"kind":"leaf","size":1}],"age":5}')
    assert (oak.age, oak.parts) == (5, [Leaf(size=1)])


def test_every_other_use_of_a_model_builds_it() -> None:
    first, second, third, fourth = (chain(2)[-1] for _ in range(4))
    assert first.model_json_schema()["properties"]["below"]["type"] == "array"
    assert TypeAdapter[Model](second).validate_json('{"below":[]}') == second.model_construct(
        below=[]
    )
    assert third.model_validate({"below": []}).model_dump_json() == '{"below":[]}'
    with pytest.raises(ValidationError):
        fourth.model_validate({"below": 5})


def test_a_model_can_be_pickled_and_copied() -> None:
    assert pickle.loads(pickle.dumps(TREE)) == TREE
    assert TREE.model_copy(deep=True) == TREE


def test_a_name_that_nothing_defines_is_still_said_at_the_use() -> None:
    class Lost(Model):
        found: "Nowhere"  # type: ignore[name-defined]  # noqa: F821

    class Seeker(Model):
        lost: Lost

    with pytest.raises(PydanticUserError, match="`Seeker` is not fully defined"):
        Seeker.model_validate({"lost": None})
