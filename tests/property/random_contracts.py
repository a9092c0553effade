"""Random contracts that the checks accept, by their seeds, with all that the language has."""

import random
import string
from typing import Final

SCALARS: Final = (
    *("string", "int", "int32", "int64", "uint32", "uint64", "float", "bool", "bytes", "datetime"),
    *("date", "time", "duration", "uuid", "decimal", "url", "json"),
)
DOCS: Final = (
    "Plain.",
    'Ends with a "quote"',
    'Has """three""" of them, and a back\\slash \\n',
    "Is long. " * 30,
    "Has lines.\n\n  * one\n  * two\n",
    "{braces} %s ünï😀",
    "'''",
    "\\",
)
FIELD_NAMES: Final = (
    *("c", "e", "m", "name", "value", "code", "data", "message", "retry", "args"),
    *("method", "cls", "room", "field", "annotated", "typing", "datetime", "uuid", "peer"),
    *("timeout", "effect", "text", "kind_of", "items_of", "x", "deprecated", "abc", "final"),
    *("date", "time", "timedelta", "kwargs", "handler", "event", "what", "decimal"),
    *("type", "list", "id", "format", "filter", "str", "int", "dict", "bytes", "bool", "float"),
    *("json", "copy", "schema", "validate", "construct", "mro", "register", "model_name", "fields"),
    *("params", "ctx", "items", "out", "match", "object", "tuple", "property", "super", "set"),
)
WIRE_NAMES: Final = (
    *("_meta", "m.relates_to", "@type", "30d_active", "class", "is", "$ref", "inputSchema", "ü"),
    *("with space", 'a"b', "a'b", "a\\b", "self", "json", "name", "None", "{x}"),
)
METHOD_NAMES: Final = (
    *("join", "send", "close", "call", "get", "name", "peer", "c", "run", "start", "stop"),
    *("items", "out", "sender", "result", "end", "send_all", "cancel", "asynciterator"),
    *("reply", "errors", "contract", "client", "service", "models", "with_timeout"),
    *("date", "time", "datetime", "timedelta", "args", "kwargs"),
    *("type", "list", "id", "format", "filter", "str", "int", "dict", "bytes", "json", "copy"),
    *("abstractmethod", "deprecated", "object", "unimplemented", "mro", "register", "float"),
)
EVENT_NAMES: Final = ("closed", "class", "date", "self", "list", "message_posted", "options", "on")
TYPE_NAMES: Final = (
    *("Peer", "Event", "Subscription", "EventHandler", "ByteStream", "TextStream", "Service"),
    *("Client", "Model", "Reply", "Url", "Json", "Codec", "Field", "Annotated", "Literal", "Any"),
    *("ABC", "CallContext", "ContractError", "Final", "MISSING", "OpenUnion", "SafeInt", "UUID"),
    *("Incoming", "Outgoing", "Exchange", "Sender", "AsyncIterator", "Awaitable", "Download"),
    *("StrEnum", "TypeAlias", "TypeAliasType", "Unknown", "NumberEnum", "Exception", "Decimal"),
)

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

DEFAULTS: Final[tuple[tuple[str, Json], ...]] = (
    ("string", "x"),
    ("int", -(2**53) + 1),
    ("int32", -(2**31)),
    ("int64", "-7"),
    ("uint32", 2**32 - 1),
    ("uint64", "18446744073709551615"),
    ("float", 1),
    ("bool", False),
    ("bytes", "aGVsbG8="),
    ("datetime", "2026-01-31T12:00:00+02:00"),
    ("date", "2026-01-31"),
    ("time", "12:30:00"),
    ("duration", "PT1M30.5S"),
    ("uuid", "6f1c1d1e-7f0a-4a51-9c3b-0d8e2b7a5c11"),
    ("decimal", "1.50"),
    ("url", "a:b"),
    ("json", {"a": [1, None]}),
    ("int or string", "x"),
    ("EnumA or bool or int", "red"),
    ("bool or bytes", "+/8="),
    ("Listed", "i2c"),
    ("Big", "7"),
)
RAW_FORMATS: Final = (
    ("uri", "a:b"),
    ("email", "ann@example.org"),
    ("uuid", "6f1c1d1e-7f0a-4a51-9c3b-0d8e2b7a5c11"),
)
SHARED: Final = """
duologue: 1
package: fuzz.shared.v1
types:
  First: {fields: {text: string, kind: {type: int64, default: "5"}}}
  Second: {fields: {again: optional Media}}
  Third: {unknown: keep, fields: {tree: optional Tree}}
  Media: {union: {second: Second, third: Third}, tag: kind_of, open: false}
  Tree: {is: string or map of Tree}
"""


class Writer:
    """One random contract. It only states what the language allows."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.package = f"fuzz.p{seed}.v1"
        self.objects = [f"Object{letter}" for letter in string.ascii_uppercase[:5]]
        self.objects += self.random.sample(TYPE_NAMES, 3)
        self.enums = ["EnumA", "EnumB"]
        self.unions = ["UnionA", "UnionB"]
        self.numbers = ["Level", "OpenLevel"]
        self.aliases = ["KeyAlias", "ListAlias", "EnumAlias", "CountAlias", "LevelAlias"]
        self.recursive = ["TreeAlias", "MapAlias", "RoundAlias", "TurnAlias"]
        self.before: list[str] = []
        """Types of the contract before this one."""

    def contract(self) -> dict[str, Json]:
        """As plain data; JSON is YAML."""
        types: dict[str, Json] = {}
        types.update((name, self.enum(index == 1)) for index, name in enumerate(self.enums))
        types["KeyAlias"] = {"doc": self.doc(), "is": {"type": "string", "pattern": "^[a-z]+$"}}
        types["ListAlias"] = {
            "doc": self.doc(),
            "is": f"list of {self.random.choice(self.objects)}",
        }
        types["EnumAlias"] = {"doc": self.doc(), "is": self.random.choice(self.enums)}
        types["CountAlias"] = {"doc": self.doc(), "is": {"type": "int", "min": 0}}
        types["TreeAlias"] = {"doc": self.doc(), "is": "string or int or list of TreeAlias"}
        types["MapAlias"] = {"is": {"type": "map of MapAlias", "max": 5}}
        types["RoundAlias"] = {"is": "list of TurnAlias"}
        types["TurnAlias"] = {"doc": self.doc(), "is": "bool or map of RoundAlias"}
        types["Big"] = {"is": self.random.choice(["int64", "uint64"])}
        types["RawKept"] = self.raw_object()
        types["RawBytes"] = {
            "schema": {"type": "string", "format": "binary"},
            "examples": ["", "AP8="],
        }
        types["LevelAlias"] = {"is": self.random.choice(self.numbers)}
        levels: dict[str, Json] = {"low": {"value": -1}, "high": {"value": 7, "doc": self.doc()}}
        for name in self.numbers:
            types[name] = {"doc": self.doc(), "enum": levels, "open": name == "OpenLevel"}
        types["Listed"] = {"enum": ["red", "mro", "i2c"], "open": self.random.random() < 0.5}
        types.update((name, self.object()) for name in self.objects)
        tag: Json = "tag" if self.random.random() < 0.5 else {"name": "tag", "wire": "#type"}
        types["UnionA"] = self.union(self.objects[:2], tag, is_open=False)
        types["UnionB"] = self.union(self.objects[1:4], tag, is_open=True)
        types["UnionC"] = self.foreign_union("kind_of")
        names = list(types)
        self.random.shuffle(names)
        imports: dict[str, Json] = {"shared": "fuzz/shared/v1.yaml"}
        if self.before:
            imports["before"] = f"fuzz/p{self.seed - 1}/v1.yaml"
        return {
            "duologue": 1,
            "package": self.package,
            "imports": imports,
            "doc": self.doc(),
            "types": {name: types[name] for name in names},
            "errors": {f"Fault{letter}": self.error() for letter in "ABC"},
            "services": {"Things": self.service(), "News": self.news()},
            "dialogues": {
                "Talk": {"doc": self.doc(), "host": ["Things", "News"], "guest": ["Things"]},
                "Silence": {"left": [], "right": ["News"], "deprecated": self.doc().strip()},
            },
        }

    def doc(self) -> str:
        return self.random.choice(DOCS)

    def enum(self, is_open: bool) -> dict[str, Json]:
        values: dict[str, Json] = {"red": self.doc(), "name": self.doc(), "value": self.doc()}
        values["deep_blue"] = {"value": "deep-blue", "doc": self.doc(), "deprecated": "Use `red`."}
        return {"doc": self.doc(), "enum": values, "open": is_open}

    def union(self, variants: list[str], tag: Json, *, is_open: bool) -> dict[str, Json]:
        forms: dict[str, Json] = {f"form_{name[-1].lower()}": name for name in variants}
        return {"doc": self.doc(), "union": forms, "tag": tag, "open": is_open}

    def raw_object(self) -> dict[str, Json]:
        form, home = self.random.choice(RAW_FORMATS)
        properties: dict[str, Json] = {
            "inputSchema": {"type": "object", "additionalProperties": {"type": "integer"}},
            "home": {"type": "string", "format": form},
            "list": {"type": "array", "items": {"$ref": "#/$defs/RawBytes"}},
            "maybe": {"anyOf": [{"$ref": f"#/$defs/{self.objects[0]}"}, {"type": "null"}]},
        }
        required = self.random.sample(["inputSchema", "home", "list"], 2)
        schema: Json = {
            "type": "object",
            "required": list(required),
            "properties": properties,
            "additionalProperties": self.random.random() < 0.5,
        }
        return {
            "schema": schema,
            "examples": [{"inputSchema": {"a": 1}, "home": home, "list": ["YWI="]}],
        }

    def foreign_union(self, tag: str) -> dict[str, Json]:
        forms: dict[str, Json] = {"first": "shared.First", "more": "shared.Media"}
        return {"doc": self.doc(), "union": forms, "tag": tag, "open": self.random.random() < 0.5}

    def object(self) -> dict[str, Json]:
        stated: dict[str, Json] = {"doc": self.doc()}
        if self.random.random() < 0.3:
            stated["unknown"] = "keep"
        return {**stated, "fields": self.fields(self.random.randrange(6), in_circle=True)}

    def fields(self, count: int, *, in_circle: bool = False) -> dict[str, Json]:
        names = self.random.sample(FIELD_NAMES, count)
        fields = {name: self.field(in_circle) for name in names}
        for field, wire in zip(fields.values(), self.random.sample(WIRE_NAMES, count), strict=True):
            if wire not in names and self.random.random() < 0.3:
                field["wire"] = wire
        return {**fields}

    def field(self, in_circle: bool) -> dict[str, Json]:
        """A field; inside types that may contain each other, one that lets the circle end."""
        inner = self.expression()
        choice = self.random.randrange(10)
        stated: dict[str, Json]
        match choice:
            case 0:
                stated = {"type": f"optional {inner}"}
            case 1:
                stated = {"type": f"list of {inner}", "default": [], "max": 5}
            case 2:
                stated = {"type": f"map of {inner}", "default": {}}
            case 3:
                stated = {"type": inner, "presence": "explicit"}
            case 4:
                enum = self.random.choice([*self.enums, "EnumAlias"])
                stated = {"type": enum, "default": self.random.choice(["red", "deep-blue"])}
            case 5:
                level = self.random.choice([*self.numbers, "LevelAlias"])
                stated = {"type": level, "default": self.random.choice([-1, 7])}
            case 6:
                stated = self.random.choice(
                    [
                        {"type": "string", "default": 'a "b" \\ {c}\n', "max": 99},
                        {"type": "int", "default": -3, "min": -5, "lt": 7},
                        {"type": "float", "default": 2, "multiple_of": 0.5},
                        {"type": "bool", "default": True},
                        {"type": "optional int", "default": 5},
                        {"type": "optional string", "pattern": "^[\"'a-z]*$"},
                    ]
                )
            case 7:
                stated = {"type": f"optional {inner}", "presence": "omit_null"}
            case 8:
                type_, default = self.random.choice(DEFAULTS)
                stated = {"type": self.random.choice(["", "optional "]) + type_, "default": default}
            case _:
                stated = {"type": self.random.choice(SCALARS) if in_circle else inner}
        if self.random.random() < 0.3:
            stated["doc"] = self.doc()
        if self.random.random() < 0.1:
            stated["deprecated"] = 'It\'s "old".'
        return stated

    def expression(self) -> str:
        """A type that is not optional."""
        named = [*self.objects, *self.enums, *self.numbers, "Listed", *self.unions, *self.aliases]
        named += [*self.recursive, *self.before, "UnionC", "Big", "RawKept", "RawBytes"]
        keys = ["KeyAlias", *self.enums, "int", "int64", "uint32", "uint64", "CountAlias"]
        keys += ["Big", "string"]
        key = self.random.choice([*keys, *self.numbers, "LevelAlias"])
        return self.random.choice(
            [
                self.random.choice(SCALARS),
                self.random.choice(named),
                f"list of {self.random.choice(named)}",
                f"list of optional {self.random.choice(SCALARS)}",
                f"map of {self.random.choice(SCALARS)}",
                f"map of {key} to {self.random.choice(named)}",
                f"text of {self.random.choice(named)}",
                f"list of text of optional {self.random.choice(SCALARS)}",
                self.alternatives(),
                f"map of {self.alternatives()}",
            ]
        )

    def alternatives(self) -> str:
        """One of several types, at most one of each kind."""
        text = self.random.choice(["string", "url", "datetime", "decimal", "KeyAlias", *self.enums])
        if self.random.random() < 0.2:
            # Text in JSON that nothing tells from a number, there or in Python.
            text = self.random.choice(["bytes", "RawBytes", "int64", "uint64", "Big"])
            return f"{text} or bool or {self.random.choice(self.objects)}"
        kinds = [
            [text],
            [self.random.choice(["int", "int32", "float", "CountAlias"])],
            ["bool"],
            [self.random.choice([*self.objects, *self.unions, "UnionC", "MapAlias", "RawKept"])],
            [f"list of {self.random.choice([*self.objects, *self.enums])}", "ListAlias"],
        ]
        chosen = [self.random.choice(each) for each in self.random.sample(kinds, 3)]
        # What takes all words behind it comes last.
        return " or ".join(sorted(chosen, key=lambda form: " of " in form))

    def error(self) -> dict[str, Json]:
        fields = self.fields(self.random.randrange(3))
        shown = " and ".join(f"{{{name}}}" for name in fields)
        return {
            "doc": self.doc(),
            "message": f'it\'s "{{{{this}}}}" \\ {shown}',
            "retry": self.random.choice(["never", "now", "later"]),
            **({"fields": fields} if fields else {}),
        }

    def service(self) -> dict[str, Json]:
        names = self.random.sample(METHOD_NAMES, 8)
        return {
            "doc": self.doc(),
            "base": 100 * self.seed,
            "errors": ["FaultA"],
            "methods": {name: self.method(id_) for id_, name in enumerate(names, 1)},
        }

    def news(self) -> dict[str, Json]:
        names = self.random.sample(EVENT_NAMES, 4)
        return {
            "base": 100 * self.seed + 50,
            "events": {name: self.event(id_) for id_, name in enumerate(names, 1)},
        }

    def event(self, id_: int) -> dict[str, Json]:
        stated: dict[str, Json] = {"id": id_, "doc": self.doc()}
        if self.random.random() < 0.4:
            stated["payload"] = self.random.choice(self.objects)
        else:
            fields = self.fields(self.random.randrange(5))
            if self.random.random() < 0.5:
                fields = {**fields, "room": self.key()}
                stated["key"] = "room"
            stated["fields"] = fields
        if self.random.random() < 0.3:
            stated["replay"] = self.random.choice([1, 100, 10_000])
        if self.random.random() < 0.3:
            stated["buffer"] = {"max": 2, "when_full": self.random.choice(["drop_oldest", "close"])}
        if self.random.random() < 0.2:
            stated["deprecated"] = self.doc().strip()
        return stated

    def key(self) -> str:
        """A type that a key of events may have."""
        plain = ["string", "int", "uint64", "bool", "date", "uuid", "url", "KeyAlias", "CountAlias"]
        return self.random.choice([*plain, *self.enums, *self.numbers, "Listed"])

    def method(self, id_: int) -> dict[str, Json]:
        stated: dict[str, Json] = {"id": id_, "doc": self.doc()}
        params = self.fields(self.random.randrange(5))
        if params:
            stated["params"] = params
        elif self.random.random() < 0.5:
            stated["params"] = self.random.choice(self.objects)
        if params and self.random.random() < 0.3:
            stated["args"] = "positional"
        if self.random.random() < 0.1:
            stated["returns"] = self.random.choice(["byte stream", "text stream", "stream"])
        elif self.random.random() < 0.8:
            stated["returns"] = self.random.choice(["", "optional "]) + self.expression()
        if self.random.random() < 0.5:
            stated["errors"] = self.random.sample(["FaultB", "FaultC"], 2)
        if self.random.random() < 0.2:
            stated["deprecated"] = self.doc().strip()
        stated["effect"] = self.random.choice(["read", "idempotent", "write"])
        if self.random.random() < 0.3:
            stated["timeout"] = "1m"
        if self.random.random() < 0.2:
            stated["since"] = self.doc().strip()
        if self.random.random() < 0.4 and "stream" not in str(stated.get("returns")):
            stated.update(self.items(stated))
        elif self.random.random() < 0.2:
            stated["cancel"] = "ignore"
        return stated

    def items(self, method: dict[str, Json]) -> dict[str, Json]:
        """What `method` may send and yield."""
        stated: dict[str, Json] = {"idle_timeout": "1m"}
        if "args" in method:
            method.pop("returns", None)
            return {**stated, "yields": self.item()}
        for key in self.random.choice([["sends"], ["yields"], ["sends", "yields"]]):
            stated[key] = self.item()
        return stated

    def item(self) -> str:
        if self.random.random() < 0.2:
            return "bytes"
        return self.random.choice(["", "optional "]) + self.expression()
