from duologue_codegen.model import AliasType, EnumType, ObjectType, SchemaType, UnionType
from tests.unit.codegen.contract_text import contract_of, read


def test_every_kind_of_type_is_read() -> None:
    contract = contract_of("""
        types:
          Id: {doc: Names it., is: {type: string, max: 8}, examples: [a]}
          Color:
            enum: {red: Red., green: {value: G, doc: Green., deprecated: Use red.}}
            open: true
          Text:
            fields: {text: {type: string, min: 1, default: hi, doc: Words.}}
            reserved: [old]
          Body: {union: {text: Text}, tag: kind, open: false, reserved: [file]}
          Raw: {schema: {type: string}}
        """)
    id_, color, text, body, raw = contract.types.values()
    assert isinstance(id_, AliasType)
    assert (id_.doc, id_.constraints.max, [one.data for one in id_.examples]) == (
        "Names it.",
        8,
        ["a"],
    )
    assert isinstance(color, EnumType)
    assert color.open
    assert [(one.name, one.value, one.doc) for one in color.values.values()] == [
        ("red", "red", "Red."),
        ("green", "G", "Green."),
    ]
    assert color.values["green"].deprecated == "Use red."
    assert isinstance(text, ObjectType)
    field = text.fields["text"]
    assert field.default is not None
    assert (field.default.data, field.constraints.min, field.doc) == ("hi", 1, "Words.")
    assert [one.name for one in text.reserved] == ["old"]
    assert isinstance(body, UnionType)
    assert (body.tag, body.open, body.variants["text"].type.name) == ("kind", False, "Text")
    assert isinstance(raw, SchemaType)
    assert raw.schema.data == {"type": "string"}


def test_null_as_default_of_an_optional_says_nothing() -> None:
    contract = contract_of("types: {T: {fields: {f: {type: optional int, default: ~}}}}")
    type_ = contract.types["T"]
    assert isinstance(type_, ObjectType)
    assert type_.fields["f"].default is None


def test_all_faults_of_a_contract_are_noted_at_once() -> None:
    _, faults = read("""
        types:
          A: 5
          B: {fields: {x: [int], y: {doc: No type.}, z: {type: string?}}}
          C: {enum: [a, b], open: perhaps}
        """)
    assert [fault.rule for fault in faults] == [
        "node-shape",
        "node-shape",
        "node-shape",
        "type-expression",
        "node-shape",
        "node-shape",
    ]


def test_field_with_a_broken_type_stays_a_field() -> None:
    contract, _ = read("types: {B: {fields: {x: string?}}}")
    type_ = contract.types["B"]
    assert isinstance(type_, ObjectType)
    assert list(type_.fields) == ["x"]
