import pytest

from duologue_codegen.targets.python.view import (
    AliasModel,
    ClassModel,
    EnumModel,
    FieldModel,
    TypeModel,
)
from duologue_codegen.targets.python.view.models import EndlessAlias, in_reading_order


def a_class(name: str, *mentioned: str) -> ClassModel:
    field = FieldModel(name="it", annotation="?", needs=frozenset(mentioned))
    return ClassModel(name=name, fields=(field,))


def an_alias(name: str, *mentioned: str) -> AliasModel:
    return AliasModel(name=name, annotation="?", needs=frozenset(mentioned))


def order_of(*types: TypeModel) -> list[str]:
    return [each.name for each in in_reading_order(list(types))]


def test_types_stay_in_the_order_of_the_file_where_they_can() -> None:
    assert order_of(a_class("B"), a_class("A"), a_class("C", "B")) == ["B", "A", "C"]


def test_a_type_comes_after_what_it_mentions() -> None:
    types = (an_alias("List", "Item"), a_class("Item", "Kind"), EnumModel(name="Kind", members=()))
    assert order_of(*types) == ["Kind", "Item", "List"]


def test_a_class_may_mention_itself() -> None:
    assert order_of(a_class("Tree", "Tree")) == ["Tree"]


def test_in_a_circle_the_class_comes_before_the_alias() -> None:
    types = (an_alias("Shape", "Circle"), a_class("Circle", "Shape"))
    assert order_of(*types) == ["Circle", "Shape"]


def test_what_only_leads_into_a_circle_waits_for_it() -> None:
    types = (a_class("Start", "Left"), a_class("Left", "Right"), a_class("Right", "Left"))
    assert order_of(*types) == ["Left", "Right", "Start"]


def test_aliases_that_mean_each_other_are_refused() -> None:
    with pytest.raises(EndlessAlias):
        order_of(an_alias("A", "B"), an_alias("B", "A"))
