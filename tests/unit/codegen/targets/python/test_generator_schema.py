from duologue_codegen.targets.python.generator_schema import (
    DIALECT,
    PLACEHOLDER_MODULE,
    WIRE,
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
    schema = models_schema(ModelsView(types=types, imports=(), taken=frozenset())).schema
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
    view = ModelsView(
        types=(ClassModel(name="A", fields=fields, doc="An A."),), imports=(), taken=frozenset()
    )
    made = models_schema(view)
    assert made.schema["$defs"] == {
        "Type0": {
            "type": "object",
            "description": "Doc 0.",
            "properties": {
                "field_0": {
                    "type": "number",
                    "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0",
                },
                "field_1": {
                    "type": "number",
                    "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_1",
                    "minimum": 0,
                    "exclusiveMaximum": 9,
                    "default": None,
                    "deprecated": True,
                    "description": "Doc 1.",
                },
            },
            "required": ["field_0"],
        }
    }
    assert made.annotations == {"Annotation_0": "str", "Annotation_1": "SafeInt"}
    assert made.docs == {"Doc 0.": "An A.", "Doc 1.": "How many."}


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
        types=(EnumModel(name="E", members=members, doc="An E."),), imports=(), taken=frozenset()
    )
    made = models_schema(view)
    assert made.schema["$defs"] == {
        "Type0": {
            "type": "string",
            "description": "Doc 0.",
            "enum": ["value 0", "value 1"],
            "x-enum-varnames": ["MEMBER_0", "MEMBER_1"],
            "x-enum-descriptions": ["Doc 1.", ""],
        }
    }
    assert made.docs == {"Doc 0.": "An E.", "Doc 1.": "Both."}


def test_a_field_that_may_be_absent_is_neither_required_nor_has_a_default() -> None:
    field = FieldModel(name="a", annotation="str", needs=frozenset(), may_be_absent=True)
    made = definitions(ClassModel(name="A", fields=(field,)))["Type0"]
    assert isinstance(made, dict)
    assert "required" not in made
    assert made["properties"] == {
        "field_0": {"type": "number", "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0"}
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
    stated = made["properties"]["field_0"]
    assert isinstance(stated, dict)
    assert stated["default"] is None


def test_an_enum_of_numbers_states_numbers() -> None:
    members = (EnumMember(name="A", value=3), EnumMember(name="B", value=-1))
    made = definitions(EnumModel(name="E", members=members, number_base="NumberEnum"))["Type0"]
    assert isinstance(made, dict)
    assert (made["type"], made["enum"]) == ("integer", [0, 1])


def test_a_wire_name_goes_along() -> None:
    field = FieldModel(name="a", annotation="str", needs=frozenset(), wire="@a")
    made = definitions(ClassModel(name="A", fields=(field,)))["Type0"]
    assert isinstance(made, dict)
    assert made["properties"] == {
        "field_0": {
            "type": "number",
            "x-python-type": f"{PLACEHOLDER_MODULE}.Annotation_0",
            WIRE: "@a",
        }
    }


def test_types_keep_their_order_under_numbers_of_their_own() -> None:
    docs = ["C", "A", "B"]
    types = tuple(ClassModel(name=f"X{doc}", fields=(), doc=doc) for doc in docs)
    made = models_schema(ModelsView(types=types, imports=(), taken=frozenset()))
    stated = made.schema["$defs"]
    assert isinstance(stated, dict)
    assert list(stated) == ["Type0", "Type1", "Type2"]
    assert list(made.docs.values()) == docs
