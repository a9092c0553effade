"""Forms of unions, whoever declares them."""

from duologue_codegen.model import ObjectType, UnionType
from duologue_codegen.model.forms import Tag, class_of_form, forms_of, needs_own_class, own_tag_of
from tests.unit.codegen.contract_text import contract_of

CONTRACT = contract_of("""
    types:
      A: {fields: {}}
      B: {fields: {}}
      C: {fields: {}}
      Inner: {union: {b: B, c: C}, tag: kind, open: false}
      Outer: {union: {a: A, inner: Inner}, tag: kind, open: false}
      Loop: {union: {a: A, loop: Loop}, tag: kind, open: false}
      Lone: {fields: {}}
    """)


def union(name: str) -> UnionType:
    type_ = CONTRACT.types[name]
    assert isinstance(type_, UnionType)
    return type_


def test_forms_of_a_union_within_a_union_are_forms_of_both() -> None:
    forms = list(forms_of(union("Outer"), CONTRACT))
    assert [(form.tag_value, form.type.name, form.union.name) for form in forms] == [
        ("a", "A", "Outer"),
        ("b", "B", "Inner"),
        ("c", "C", "Inner"),
    ]
    assert [class_of_form(form) for form in forms] == ["A", "B", "C"]
    assert not any(map(needs_own_class, forms))


def test_union_that_holds_itself_ends() -> None:
    assert [form.tag_value for form in forms_of(union("Loop"), CONTRACT)] == ["a"]


def test_object_has_the_tag_of_the_union_that_names_it() -> None:
    c, lone = CONTRACT.types["C"], CONTRACT.types["Lone"]
    assert isinstance(c, ObjectType)
    assert isinstance(lone, ObjectType)
    assert (own_tag_of(c, CONTRACT), own_tag_of(lone, CONTRACT)) == (Tag("kind", "kind", "c"), None)
