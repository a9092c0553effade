"""Arguments of `duologue call`, from words of a command line to keywords of a client's method."""

import base64
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast, get_args, get_origin

from pydantic import ValidationError

from duologue.commands.item_input import STANDARD_INPUT, is_source
from duologue.commands.method_lookup import Found, WrongUse, suggestion
from duologue.limits import MAX_SAFE_INTEGER
from duologue.typed.model import Model

_LISTS: Final = (list, tuple, set, frozenset)
_WRITE_JSON: Final = {
    "list_type": """write JSON, for instance {name}='["a"]', or {name}=a {name}=b""",
    "tuple_type": """write JSON, for instance {name}='["a"]', or {name}=a {name}=b""",
    "dict_type": """write JSON, for instance {name}='{{"a": 1}}'""",
    "model_type": """write JSON, for instance {name}='{{"a": 1}}'""",
    "model_attributes_type": """write JSON, for instance {name}='{{"a": 1}}'""",
}
"""What to say where a model says which Python type it wants."""


def read_arguments(
    found: Found,
    arguments: Sequence[str],
    *,
    read_input: Callable[[], bytes] = lambda: sys.stdin.buffer.read(),
) -> dict[str, Any]:
    """Keywords for the client's method: from `name=value` each, or from one JSON object.

    A value is JSON if it can be read so and the contract takes it, else a string. So a decimal may
    stand without quotes: `volts=3.30`. What is JSON goes to the contract as it was typed. `@FILE`
    is what the file holds, `-` what standard input does; to a field of bytes, as they are. A field
    that is a list may be given once for each item.

    Raises:
        WrongUse: they do not fit the contract, or a number has more digits than its type keeps.
        OSError: a file cannot be read.
    """
    params, name = found.params, found.method.full_name
    if params is None:
        if arguments:
            raise WrongUse(f"{name} takes no arguments")
        return {}
    wholes = [each for each in arguments if is_source(each) or each.lstrip().startswith("{")]
    if wholes:
        if len(arguments) > 1:
            raise WrongUse(
                f"{name} sends no items, so {wholes[0][:40]} would be all of its arguments; give "
                "nothing beside it"
            )
        members = _members(_text_of(_read(wholes[0], read_input), wholes[0]), name)
        names = {wire_name: name for name, wire_name in _wire_names_of(params).items()}
        texts = {names.get(key, key): text for key, text in members.items()}
        return _Arguments(found, params, {}, texts).keywords()
    given: dict[str, list[str]] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals:
            raise WrongUse(f"{argument}: write arguments like name=value")
        given.setdefault(key, []).append(text)
    strings, texts = _values(params, given, read_input)
    return _Arguments(found, params, strings, texts).keywords()


def _values(
    params: type[Model], given: Mapping[str, list[str]], read_input: Callable[[], bytes]
) -> tuple[dict[str, str], dict[str, str]]:
    """Of each name what it is as a JSON string, and what it is as it was written."""
    strings: dict[str, str] = {}
    texts: dict[str, str] = {}
    fields = {**params.model_fields}
    for field in params.model_fields.values():
        if field.serialization_alias:
            fields[field.serialization_alias] = field
    for name, values in given.items():
        annotation = fields[name].annotation if name in fields else None
        if len(values) > 1:
            if not _takes(annotation, _LISTS):
                raise WrongUse(f"{name} is given twice, and is no list")
            items = (text if _json_error(text) is None else json.dumps(text) for text in values)
            texts[name] = f"[{','.join(items)}]"
            strings[name] = json.dumps(values)
            continue
        [text] = values
        if not is_source(text):
            strings[name], texts[name] = json.dumps(text), text
            continue
        content = _read(text, read_input)
        if _takes(annotation, (bytes,)):
            texts[name] = json.dumps(base64.b64encode(content).decode())
        else:
            texts[name] = _text_of(content, text)
            strings[name] = json.dumps(texts[name])
    return strings, texts


_BEYOND_INT: Final = f" (at most {MAX_SAFE_INTEGER}); int64 holds it"


@dataclass
class _Arguments:
    """What was typed, by names that may be those of fields or those on the wire."""

    found: Found
    params: type[Model]
    strings: dict[str, str]
    """Values as JSON strings: those that may be meant so."""
    texts: dict[str, str]
    """Values as they were written."""

    def keywords(self) -> dict[str, Any]:
        wire_names = self._wire_names()
        names = {wire_name: name for name, wire_name in wire_names.items()}
        texts, strings = self.texts, self.strings
        values = {
            name: text if name not in strings or _json_error(text) is None else strings[name]
            for name, text in texts.items()
        }
        met: dict[str, str] = {}
        while True:
            try:
                by_wire_name = {wire_names[name]: text for name, text in values.items()}
                params = self.params.model_validate_json(_object(by_wire_name))
            except ValidationError as error:
                wrong = self._complaints(error, names)
                # `room=7`, where a room has a name.
                retried = {name: strings[name] for name in wrong if name in strings}
                if all(values[name] == text for name, text in retried.items()):
                    # Of a list or an object the string is only a guess.
                    said = (met.get(name, text) for name, text in wrong.items())
                    raise WrongUse("\n".join(said) or str(error)) from None
                for name in retried:
                    if texts[name].lstrip()[:1] in ("[", "{") or wrong[name].endswith(_BEYOND_INT):
                        met[name] = wrong[name]
                values |= retried
            else:
                _check_digits({name: text for name, text in values.items() if text == texts[name]})
                # Not by `getattr`: a deprecated field would warn.
                given = {**vars(params), **(params.model_extra or {})}
                return {name: given[name] for name in params.model_fields_set}

    def _wire_names(self) -> dict[str, str]:
        """Of each name that was typed, and of every field, the one on the wire."""
        wire_names = _wire_names_of(self.params)
        names = {wire_name: name for name, wire_name in wire_names.items()}
        takes_unknown = self.params.model_config.get("extra") == "allow"
        for unknown in sorted(self.texts.keys() - wire_names.keys()):
            if takes_unknown and unknown not in names:
                wire_names[unknown] = unknown
                continue
            meant = f"; did you mean {names[unknown]}?" if unknown in names else ""
            hint = meant or suggestion(unknown, wire_names)
            raise WrongUse(f"{self.found.method.full_name} has no {unknown}{hint}")
        return wire_names

    def _complaints(self, error: ValidationError, names: Mapping[str, str]) -> dict[str, str]:
        """What is wrong with each argument, by its name; `names` are those by wire names."""
        complaints: dict[str, str] = {}
        for fault in error.errors():
            if not fault["loc"]:
                continue
            first, *inside = map(str, fault["loc"])
            name = names.get(first, first)
            text = self.texts.get(name, "")
            broken = _json_error(text) if text.lstrip()[:1] in ("[", "{") else None
            said = fault["msg"]
            if broken is not None and not fault["type"].startswith("string_"):
                said = f"this is no JSON: {broken}"
            elif not inside and fault["type"] in _WRITE_JSON:
                said = _WRITE_JSON[fault["type"]].format(name=name)
            elif _is_beyond_int(fault.get("ctx", {})):
                said = f"too large for int{_BEYOND_INT}"
            where = ".".join([name, *inside])
            complaints[name] = f"{where}: {said}"
            if fault["type"] == "missing":
                hint = "" if inside else f"; write {name}=VALUE"
                complaints[name] = f"{where} is missing{hint}"
        return complaints


def _is_beyond_int(context: Mapping[str, Any]) -> bool:
    bounds = (context.get("le"), context.get("ge"))
    return MAX_SAFE_INTEGER in bounds or -MAX_SAFE_INTEGER in bounds


def _takes(annotation: Any, kinds: Sequence[type]) -> bool:
    """Whether a field may hold one of these types, perhaps beside others."""
    if annotation in kinds or get_origin(annotation) in kinds:
        return True
    # Of a list it is what the items are that the arguments say, but those are no matter here.
    return get_origin(annotation) not in _LISTS and any(
        _takes(each, kinds) for each in get_args(annotation)
    )


def _read(source: str, read_input: Callable[[], bytes]) -> bytes:
    if source == STANDARD_INPUT:
        return read_input()
    if not source.startswith("@"):
        return source.encode()
    path = Path(source[1:])
    if not path.is_file():
        raise WrongUse(f"there is no file {path}; text that begins with @ is written in quotes")
    return path.read_bytes()


def _text_of(content: bytes, source: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise WrongUse(f"{source}: this is no text in UTF-8: {error.reason}") from None


def _members(text: str, what: str) -> dict[str, str]:
    """The members of a JSON object, each as JSON.

    They are written anew, with every number as it stands: what is exact stays so.
    """
    numbers: dict[str, str] = {}

    def keep(number: str) -> str:
        mark = f"\0{len(numbers)}\0"
        numbers[json.dumps(mark)] = number
        return mark

    try:
        content: Any = json.loads(text, parse_float=keep, parse_int=keep)
    except ValueError as error:
        raise WrongUse(f"the arguments of {what} are no JSON: {error}") from None
    if not isinstance(content, dict):
        raise WrongUse(f"the arguments of {what} are one JSON object, with its params by name")
    members = cast("dict[str, Any]", content)
    return {name: _with_numbers(json.dumps(value), numbers) for name, value in members.items()}


def _with_numbers(text: str, numbers: Mapping[str, str]) -> str:
    for mark, number in numbers.items():
        text = text.replace(mark, number)
    return text


def _object(values: Mapping[str, str]) -> str:
    """The JSON object of fields that are JSON."""
    fields = ",".join(f"{json.dumps(name)}:{text}" for name, text in values.items())
    return f"{{{fields}}}"


def _check_digits(values: Mapping[str, str]) -> None:
    """Refuse numbers that a float would round to others than those it shows.

    Raises:
        WrongUse: there is one.
    """
    for name, text in values.items():
        numbers: list[str] = []
        json.loads(text, parse_float=numbers.append)
        for number in numbers:
            kept = repr(float(number))
            if Decimal(kept) != Decimal(number):
                raise WrongUse(
                    f"{name}: {number} would be sent as {kept}: a float keeps 15 digits or a few "
                    "more; write fewer"
                )


def _json_error(text: str) -> str | None:
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return None


def _wire_names_of(params: type[Model]) -> dict[str, str]:
    return {name: field.serialization_alias or name for name, field in params.model_fields.items()}
