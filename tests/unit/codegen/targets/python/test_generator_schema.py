from duologue_codegen.targets.python.generator_schema import (
    DIALECT,
    PLACEHOLDER_MODULE,
    models_schema,
)
from duologue_codegen.targets.python.view.models import (
    AliasModel,
    Bounds,
    ClassModel,
    Default,
    EnumMember,
    EnumModel,
    FieldModel,
    ModelsView,
    TypeModel,
)
from duologue_codegen.text.tree import Data


def definitions(*types: TypeModel) -> dict[str, Data]:
    schema = models_schema(ModelsView(types=types, imports=())).schema
    assert schema["$schema"] == DIALECT
    stated = schema["$defs"]
    assert isinstance(stated, dict)
    return stated


def test_a_class_is_an_object_whose_types_are_placeholders() -> None:
    fields = (
        FieldModel(name="text", annotation="str", needs=frozenset()),
        FieldModel(
            name="size",
            annotation="SafeInt",
            needs=frozenset(),
            default=Default(data=3, text="3"),
            bounds=Bounds(minimum=0, below=9),
            deprecated="Use text.",
            doc="How many.",
        ),
    )
    view = ModelsView(types=(ClassModel(name="A", fields=fields, doc="An A."),), imports=())
    made = models_schema(view)
    assert made.schema["$defs"] == {
        "A": {
            "type": "object",
            "description": "An A.",
            "properties": {
                "text": {"type": "number", "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0"},
                "size": {
                    "type": "number",
                    "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_1",
                    "minimum": 0,
                    "exclusiveMaximum": 9,
                    "default": 3,
                    "deprecated": True,
                    "description": "How many.",
                },
            },
            "required": ["text"],
        }
    }
    assert made.annotations == {"Annotation_0": "str", "Annotation_1": "SafeInt"}


def test_lengths_are_bounds_of_a_string_whatever_has_them() -> None:
    bounds = Bounds(measure="length", minimum=1, maximum=2, pattern="^a$")
    alias = AliasModel(name="A", annotation="list[str]", needs=frozenset(), bounds=bounds)
    assert definitions(alias)["A"] == {
        "type": "string",
        "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0",
        "minLength": 1,
        "maxLength": 2,
        "pattern": "^a$",
    }


def test_an_enum_states_wire_values_names_and_docs() -> None:
    members = (EnumMember(name="A_B", value="a-b", doc="Both."), EnumMember(name="C", value="c"))
    assert definitions(EnumModel(name="E", members=members, doc="An E."))["E"] == {
        "type": "string",
        "description": "An E.",
        "enum": ["a-b", "c"],
        "x-enum-varnames": ["A_B", "C"],
        "x-enum-descriptions": ["Both.", ""],
    }


def test_a_field_that_may_be_absent_is_neither_required_nor_has_a_default() -> None:
    field = FieldModel(name="a", annotation="str", needs=frozenset(), may_be_absent=True)
    made = definitions(ClassModel(name="A", fields=(field,)))["A"]
    assert isinstance(made, dict)
    assert "required" not in made
    assert made["properties"] == {
        "a": {"type": "number", "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0"}
    }


def test_a_null_default_is_stated() -> None:
    field = FieldModel(
        name="a",
        annotation="str | None",
        needs=frozenset(),
        default=Default(data=None, text="None"),
    )
    made = definitions(ClassModel(name="A", fields=(field,)))["A"]
    assert isinstance(made, dict)
    assert "required" not in made
    assert isinstance(made["properties"], dict)
    stated = made["properties"]["a"]
    assert isinstance(stated, dict)
    assert stated["default"] is None


def test_types_keep_their_order() -> None:
    names = ["C", "A", "B"]
    assert list(definitions(*(ClassModel(name=name, fields=()) for name in names))) == names
