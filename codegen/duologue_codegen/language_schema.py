"""A JSON Schema of contract files, for editors: it completes keys, and tells what each is for.

It judges the shape of a file and no more; what is right, `duologue check` says. Draft 7, which
every YAML language server reads. Its keys are those of the readers' own tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .reading import contract, dialogues, errors, events, methods, services, types

FILE: Final = "contract.schema.json"

Schema = dict[str, Any]

_WHAT: Final = {
    "args": "`positional`: each field of the params is an argument.",
    "base": "Added to each id: the number on the wire. Bases of services are 100 apart.",
    "buffer": "What waits for a slow subscriber.",
    "cancel": "`ignore`: a call that has begun runs to its end.",
    "code": "What travels; made from the name if absent.",
    "default": "For who sends none.",
    "deprecated": "What to use instead.",
    "dialogues": "What the two ends of one connection offer to each other, by name.",
    "doc": "For people; becomes docstrings.",
    "duologue": "The edition of the language.",
    "effect": "Whether a call may be repeated.",
    "enum": "The values, by name or as a list.",
    "error": "The error that is raised, or it and its fields.",
    "errors": "What may be raised.",
    "events": "What a service tells whoever listens, by name.",
    "examples": "Become tests, and are shown in docs.",
    "fields": "By name.",
    "gt": "Above this.",
    "id": "Unique in the service, and never used again.",
    "idle_timeout": "How long no item may come, as in `30s`.",
    "imports": "Other contracts, by alias.",
    "is": "The type that this is another name of.",
    "key": "The field by which subscribers choose.",
    "lt": "Below this.",
    "max": "At most; of texts and lists their length.",
    "message": "In words, with fields in braces.",
    "methods": "What can be called, by name.",
    "min": "At least; of texts and lists their length.",
    "multiple_of": "Only multiples of this.",
    "name": "Of the example.",
    "open": "Values that are not known are taken all the same.",
    "package": "The path of the file, with dots.",
    "params": "By name, or the name of a type.",
    "pattern": "A regular expression for the whole text.",
    "payload": "The type of what is told.",
    "presence": "What is told of a field without a value.",
    "replay": "How many events are kept for who comes later.",
    "reserved": "Names and ids that must not come back.",
    "retry": "Whether another try may do better.",
    "returns": "The type of the result.",
    "schema": "A JSON Schema, for what the language cannot say.",
    "sends": "The type of the items that the caller sends.",
    "services": "By name.",
    "since": "The version in which it came.",
    "tag": "The field that tells forms apart.",
    "timeout": "How long a call may take, as in `5s`.",
    "type": "The type, as in `string`, `optional int`, `list of User`.",
    "types": "By name.",
    "union": "The forms, by the value of the tag.",
    "unknown": "`keep`: what is not known is sent on as it came.",
    "wire": "The name in JSON, if it is another.",
    "yields": "The type of the items that the caller gets.",
}

_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
_LIST: Final[Schema] = {"type": "array"}


def language_schema() -> str:
    """The schema as JSON; the same text for the same version of the compiler."""
    content = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A contract of duologue",
        **_mapping(
            contract.KEYS,
            {
                "duologue": {"const": contract.EDITION},
                "package": _TEXT,
                "imports": _named(_TEXT),
                "types": _named({"$ref": "#/definitions/type"}),
                "errors": _named({"$ref": "#/definitions/error"}),
                "services": _named({"$ref": "#/definitions/service"}),
                "dialogues": _named({"type": "object"}),
            },
            required=("duologue", "package"),
        ),
        "definitions": _definitions(),
    }
    return json.dumps(content, indent=2) + "\n"


def _definitions() -> Schema:
    field = _mapping(types.FIELD_KEYS, {"presence": _one_of(types.PRESENCE), "examples": _LIST})
    fields = _named({"$ref": "#/definitions/field"})
    numbered: Mapping[str, Schema] = {"id": _WHOLE}
    streams: Mapping[str, Schema] = {"timeout": _TEXT, "idle_timeout": _TEXT}
    return {
        "field": {"oneOf": [_TEXT, field]},
        "type": {
            "oneOf": [_kind(kind, fields) for kind in types.KEYS],
        },
        "error": _or_nothing(
            _mapping(errors.KEYS, {"fields": fields, "retry": _one_of(errors.RETRIES)})
        ),
        "service": _mapping(
            services.KEYS,
            {
                "base": _WHOLE,
                "errors": _LIST,
                "methods": _named({"$ref": "#/definitions/method"}),
                "events": _named({"$ref": "#/definitions/event"}),
                "reserved": {"type": "object"},
            },
        ),
        "method": _mapping(
            methods.KEYS,
            {
                **numbered,
                **streams,
                "effect": _one_of(methods.EFFECTS),
                "cancel": _one_of(methods.CANCEL),
                "errors": _LIST,
                "params": {"oneOf": [_TEXT, fields]},
                "examples": _list_of(_mapping(methods.EXAMPLE_KEYS, {"name": _TEXT})),
            },
            required=("id",),
        ),
        "event": _mapping(
            events.KEYS,
            {
                **numbered,
                "fields": fields,
                "replay": _WHOLE,
                "buffer": _mapping(
                    events.BUFFER_KEYS,
                    {"max": _WHOLE, "when_full": _one_of(events.WHEN_FULL)},
                    what={"max": "How many events.", "when_full": "What happens then."},
                ),
                "examples": _list_of(_mapping(events.EXAMPLE_KEYS, {"name": _TEXT})),
            },
            required=("id",),
        ),
        "dialogue": {"type": "object", "description": f"Two roles, and {dialogues.KEYS}."},
    }


def _kind(kind: str, fields: Schema) -> Schema:
    """One of the kinds of types, known by its key."""
    known: Mapping[str, Schema] = {"fields": fields, "examples": _LIST, "reserved": _LIST}
    keys = types.KEYS[kind]
    return _mapping(keys, known, required=(kind,))


def _mapping(
    keys: Iterable[str],
    known: Mapping[str, Schema],
    *,
    required: Iterable[str] = (),
    what: Mapping[str, str] = _WHAT,
) -> Schema:
    """A mapping with these keys; those that are not `known` may hold anything but for `doc`."""
    properties: Schema = {}
    for key in keys:
        shape = known.get(key, _TEXT if key in ("doc", "deprecated", "name") else {})
        properties[key] = {**shape, "description": what[key]}
    mapping: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    asked = list(required)
    return {**mapping, "required": asked} if asked else mapping


def _named(shape: Schema) -> Schema:
    return {"type": "object", "additionalProperties": shape}


def _or_nothing(shape: Schema) -> Schema:
    return {"oneOf": [{"type": "null"}, shape]}


def _list_of(shape: Schema) -> Schema:
    return {"type": "array", "items": shape}


def _one_of(words: Mapping[str, str]) -> Schema:
    return {"oneOf": [{"const": word, "description": said} for word, said in words.items()]}
