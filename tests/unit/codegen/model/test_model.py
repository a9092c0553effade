from pathlib import Path

import pytest

from duologue_codegen.model import (
    NO_CONSTRAINTS,
    Constraints,
    InlineParams,
    InlinePayload,
    ObjectType,
    OptionalOf,
    Ref,
    Scalar,
    without_optional,
)
from tests.unit.codegen.contract_text import contract_of, project_of


@pytest.mark.parametrize(
    ("field", "required"),
    [
        ("string", True),
        ("optional string", False),
        ("{type: string, default: ''}", False),
        ("{type: string, presence: explicit}", False),
        ("{type: list of string}", True),
    ],
)
def test_field_is_required_unless_it_may_be_absent(field: str, required: bool) -> None:
    type_ = contract_of(f"types: {{T: {{fields: {{f: {field}}}}}}}").types["T"]
    assert isinstance(type_, ObjectType)
    assert type_.fields["f"].required is required


def test_errors_of_a_method_are_those_of_its_service_first_and_each_once() -> None:
    contract = contract_of("""
        errors: {A: {doc: a}, B: {doc: b}, C: {doc: c}}
        services:
          S:
            errors: [B]
            methods: {m: {id: 1, errors: [A, B]}}
        """)
    service = contract.services["S"]
    found = contract.errors_of(service, service.methods["m"])
    assert [error.name for error in found] == ["B", "A"]


def test_methods_and_events_are_numbered_in_the_order_of_the_file() -> None:
    service = contract_of("""
        services:
          S:
            events: {e: {id: 9, fields: {}}}
            methods: {m: {id: 2}, n: {id: 1}}
        """).services["S"]
    assert [one.name for one in service.numbered] == ["e", "m", "n"]


def test_fields_of_params_and_payloads_are_found_with_the_contract_that_has_them(
    tmp_path: Path,
) -> None:
    demo = """
        imports: {c: common/v1.yaml}
        types: {Plain: {is: string}}
        services:
          S:
            methods: {m: {id: 1, params: c.User}, n: {id: 2, params: Plain}, o: {id: 3}}
            events: {e: {id: 4, fields: {a: int}}, f: {id: 5, fields: {}}}
        """
    files = {"common/v1.yaml": "types: {User: {fields: {id: string}}}\n", "demo/v1.yaml": demo}
    common, contract = project_of(tmp_path, files).contracts
    service = contract.services["S"]
    stated: list[InlineParams | InlinePayload | Ref | None] = []
    stated += (one.params for one in service.methods.values())
    stated += (one.payload for one in service.events.values())
    assert isinstance(stated[3], InlinePayload)
    assert [([*contract.fields_of(one)[0]], contract.fields_of(one)[1]) for one in stated] == [
        (["id"], common),
        ([], contract),
        ([], contract),
        (["a"], contract),
        ([], contract),
    ]


def test_names_resolve_in_the_contract_that_declares_them(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        {
            "common/v1.yaml": "types: {Id: {is: string}, User: {fields: {id: Id}}}\n",
            "demo/v1.yaml": "imports: {c: common/v1.yaml}\ntypes: {U: {is: c.User}}\n",
        },
    )
    common, demo = project.contracts
    alias = demo.types["U"]
    ref = getattr(alias, "type", None)
    assert isinstance(ref, Ref)
    assert (ref.package, ref.name, ref.alias) == ("common.v1", "User", "c")
    user = demo.resolve(ref)
    assert user is common.types["User"]
    assert demo.home_of(ref) is common
    assert isinstance(user, ObjectType)
    inner = user.fields["id"].type
    assert isinstance(inner, Ref)
    assert demo.resolve(inner) is None
    assert common.resolve(inner) is common.types["Id"]


def test_optional_is_taken_off() -> None:
    type_ = contract_of("types: {T: {fields: {f: optional int}}}").types["T"]
    assert isinstance(type_, ObjectType)
    expression = type_.fields["f"].type
    assert isinstance(expression, OptionalOf)
    assert isinstance(without_optional(expression), Scalar)
    assert without_optional(expression.of) is expression.of


def test_constraints_are_true_when_any_is_stated() -> None:
    assert not NO_CONSTRAINTS
    assert Constraints(min=0)


def test_contracts_compare_by_meaning_and_not_by_layout() -> None:
    spread = contract_of("types:\n  T:\n    fields:\n      f: string\n")
    assert spread == contract_of("types: {T: {fields: {f: string}}}")
