"""What pydantic found, in words that name places and never repeat the input."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError

from duologue.errors import Problem
from duologue.limits import MAX_REPORTED_PROBLEMS
from duologue.typed.depth import TOO_DEEP

_MAX_PATH_CHARACTERS: Final = 200
_MAX_TEXT_CHARACTERS: Final = 500
# With the JSON around it the whole answer stays below 4 KiB.
_MAX_REPORT_CHARACTERS: Final = 3_000

# pydantic's own words for these repeat a part of what it was given.
_WORDS: Final = {
    "uuid_parsing": "Input should be a valid UUID",
    "union_tag_not_found": "Input should carry the tag of a variant",
    "json_invalid": "Input should be one JSON value",
    "date_parsing": "Input should be a valid date",
    "date_from_datetime_parsing": "Input should be a valid date",
    "time_parsing": "Input should be a valid time",
    "datetime_parsing": "Input should be a valid datetime",
    "datetime_from_date_parsing": "Input should be a valid datetime",
    "time_delta_parsing": "Input should be a valid duration",
    "value_error": "Input is not valid",
    "bytes_invalid_encoding": "Input should be base64",
}


def problems_of(error: ValidationError, schema: object) -> list[Problem]:
    """The first `MAX_REPORTED_PROBLEMS` findings, or fewer if they would make a long answer.

    `schema` is the core schema that was validated with: only names that occur in it are shown in
    paths, so a key of a map, which is input, becomes `*`.
    """
    names = set(_field_names(schema))
    found = error.errors(include_url=False, include_input=False)
    problems: list[Problem] = []
    characters = 0
    for each in found[:MAX_REPORTED_PROBLEMS]:
        problem = _problem(each, names)
        characters += len(problem.path) + len(problem.text)
        if characters > _MAX_REPORT_CHARACTERS:
            break
        problems.append(problem)
    return problems


def no_form_in_json(error: PydanticSerializationError | UserWarning, form: str) -> Problem:
    """Why a value in a `form` cannot be written, as far as our own serialisers have said it."""
    _, is_ours, reason = str(error).rpartition(": ValueError: ")
    text = f"a value in this {form} has no form in JSON"
    if is_ours and isinstance(error, PydanticSerializationError):
        text = f"{text}: {reason}"
    return Problem("", text[:_MAX_TEXT_CHARACTERS])


def _problem(details: ErrorDetails, names: set[str]) -> Problem:
    kind = details["type"]
    if _is_too_deep(kind, details["msg"]):
        return Problem("", TOO_DEEP)
    path = ".".join(
        str(part) if isinstance(part, int) or part in names else "*" for part in details["loc"]
    )
    if kind == "union_tag_invalid":
        text = f"Input should be tagged {details.get('ctx', {}).get('expected_tags', '')}"
    else:
        text = _WORDS.get(kind, details["msg"])
    return Problem(path[:_MAX_PATH_CHARACTERS], text[:_MAX_TEXT_CHARACTERS])


def _is_too_deep(kind: str, text: str) -> bool:
    # A circle is nested without end.
    return kind in ("max_depth", "recursion_loop") or (
        kind == "json_invalid" and "recursion limit" in text
    )


def _field_names(schema: object) -> Iterator[str]:
    # Every name a model or a tagged union of this schema can put into a path.
    todo: list[object] = [schema]
    while todo:
        node = todo.pop()
        if isinstance(node, Mapping):
            node = cast("Mapping[str, Any]", node)
            for key in ("fields", "choices"):
                members = node.get(key)
                if isinstance(members, Mapping):
                    members = cast("Mapping[object, object]", members)
                    yield from (name for name in members if isinstance(name, str))
            wire_name = node.get("validation_alias")
            if isinstance(wire_name, str):
                yield wire_name
            todo += node.values()
        elif isinstance(node, list | tuple):
            todo += cast("list[object]", node)
