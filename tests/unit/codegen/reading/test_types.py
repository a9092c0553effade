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
          C: {enum: [a, {b: B}], open: perhaps}
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


def test_a_short_list_of_values_means_the_same_as_the_long_form() -> None:
    short = contract_of("types: {E: {enum: [a, b], open: false}}").types["E"]
    long = contract_of("types: {E: {enum: {a: , b: }, open: false}}").types["E"]
    assert short == long


def test_values_of_an_enum_may_be_numbers() -> None:
    enum = contract_of("types: {E: {enum: {a: {value: 0}, b: {value: -1}}, open: false}}").types[
        "E"
    ]
    assert isinstance(enum, EnumType)
    assert enum.of_numbers
    assert [value.value for value in enum.values.values()] == [0, -1]


def test_fields_and_tags_may_have_another_name_on_the_wire() -> None:
    contract = contract_of("""
        types:
          A: {fields: {a: int, b: {type: int, wire: "@b"}}}
          U: {union: {a: A}, tag: {name: kind, wire: m.type}, open: false}
          V: {union: {a: A}, tag: kind, open: false}
        """)
    a, union, plain = contract.types.values()
    assert isinstance(a, ObjectType)
    assert [(field.name, field.wire) for field in a.fields.values()] == [("a", "a"), ("b", "@b")]
    assert isinstance(union, UnionType)
    assert (union.tag, union.wire) == ("kind", "m.type")
    assert isinstance(plain, UnionType)
    assert (plain.tag, plain.wire) == ("kind", "kind")
