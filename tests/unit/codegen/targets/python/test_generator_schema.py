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


def test_a_class_is_an_object_of_placeholders() -> None:
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
        "Type0": {
            "type": "object",
            "description": "Doc 1.",
            "properties": {
                "field_1": {
                    "type": "number",
                    "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0",
                },
                "field_2": {
                    "type": "number",
                    "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_1",
                    "minimum": 0,
                    "exclusiveMaximum": 9,
                    "default": None,
                    "deprecated": True,
                    "description": "Doc 0.",
                },
            },
            "required": ["field_1"],
        }
    }
    assert made.annotations == {"Annotation_0": "str", "Annotation_1": "SafeInt"}
    assert made.names == {"Type0": "A", "field_1": "text", "field_2": "size"}
    assert made.fields == {"field_1": fields[0], "field_2": fields[1]}
    assert made.docs == {"Doc 0.": "How many.", "Doc 1.": "An A."}


def test_lengths_are_bounds_of_a_string_whatever_has_them() -> None:
    bounds = Bounds(measure="length", minimum=1, maximum=2, pattern="^a$")
    alias = AliasModel(name="A", annotation="list[str]", needs=frozenset(), bounds=bounds)
    assert definitions(alias)["Type0"] == {
        "type": "string",
        "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0",
        "minLength": 1,
        "maxLength": 2,
        "pattern": "^a$",
    }


def test_an_enum_states_placeholders_for_values_names_and_docs() -> None:
    members = (EnumMember(name="A_B", value="a-b", doc="Both."), EnumMember(name="C", value="c"))
    view = ModelsView(
        types=(EnumModel(name="E", members=members, doc="An E."),),
        imports=(),
    )
    made = models_schema(view)
    assert made.schema["$defs"] == {
        "Type0": {
            "type": "string",
            "description": "Doc 0.",
            "enum": ["value 0", "value 1"],
            "x-enum-varnames": ["MEMBER_1", "MEMBER_2"],
            "x-enum-descriptions": ["Doc 1.", ""],
        }
    }
    assert made.values == {"value 0": "a-b", "value 1": "c"}
    assert made.names == {"Type0": "E", "MEMBER_1": "A_B", "MEMBER_2": "C"}
    assert made.docs == {"Doc 0.": "An E.", "Doc 1.": "Both."}


def test_a_field_that_may_be_absent_is_neither_required_nor_has_a_default() -> None:
    field = FieldModel(name="a", annotation="str", needs=frozenset(), may_be_absent=True)
    made = definitions(ClassModel(name="A", fields=(field,)))["Type0"]
    assert isinstance(made, dict)
    assert "required" not in made
    assert made["properties"] == {
        "field_1": {"type": "number", "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0"}
    }


def test_a_null_default_is_stated() -> None:
    field = FieldModel(
        name="a",
        annotation="str | None",
        needs=frozenset(),
        default=Default(data=None, text="None"),
    )
    made = definitions(ClassModel(name="A", fields=(field,)))["Type0"]
    assert isinstance(made, dict)
    assert "required" not in made
    assert isinstance(made["properties"], dict)
    stated = made["properties"]["field_1"]
    assert isinstance(stated, dict)
    assert stated["default"] is None


def test_types_keep_their_order() -> None:
    view = ModelsView(
        types=tuple(ClassModel(name=name, fields=()) for name in ("C", "A", "B")), imports=()
    )
    made = models_schema(view)
    stated = made.schema["$defs"]
    assert isinstance(stated, dict)
    assert [made.names[name] for name in stated] == ["C", "A", "B"]
