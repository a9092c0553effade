"""Canonical JSON back to a contract file: as one would have written it, but for order and layout.

What is written gives the same canonical JSON when it is read. The JSON may be that of a stranger:
what has no place in a file is refused, and nothing else is judged here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard, cast

_PACKAGE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63}){1,15}")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./()^-]*")
_PROSE: Final = re.compile(r"[A-Za-z][^\x00-\x1f\x7f-\x9f#:\\\"\u2028\u2029\ufeff\ud800-\udfff]*")
_WORDS_OF_YAML: Final = frozenset(
    {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
)
_BLOCK: Final = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]+")
_ORDER: Final = (
    *("id", "base", "type", "doc", "deprecated", "effect", "timeout", "idle_timeout", "args"),
    *("is", "enum", "tag", "union", "code", "message", "params", "sends", "yields", "returns"),
    *("errors", "key", "replay", "buffer", "fields", "payload", "methods", "events"),
)
"""What a reader looks for first; the rest follows by name."""
MAX_LINE: Final = 100
"""Characters of a mapping or list that stands on one line."""

Json = dict[str, Any]


def contract_files(packages: Mapping[str, bytes]) -> dict[str, str]:
    """The contract file of each package, by its path below a schema folder.

    `packages` is canonical JSON by the name of the package.

    Raises:
        ValueError: a name that is none of a package, or what is no canonical JSON.
    """
    contracts: dict[str, Json] = {}
    for name, text in packages.items():
        if not _PACKAGE.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a package")
        contract = json.loads(text)
        if not isinstance(contract, dict) or cast(Json, contract).get("package") != name:
            raise ValueError(f"this is not the contract of {name}")
        contracts[name] = cast(Json, contract)
    try:
        _order_positional(contracts)
        return {
            f"{name.replace('.', '/')}.yaml": contract_text(contract)
            for name, contract in contracts.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"this is no contract in canonical JSON: {error!r}") from error


def readable(contract: bytes, service: str, method: str | None = None) -> str:
    """The text of a contract with one service, or one method of it.

    Raises:
        ValueError: it is no contract, or has no such service or method.
    """
    try:
        value = cast(Json, json.loads(contract))
        kept = only(value, service, method)
        _order_positional({kept["package"]: kept}, only_inline=True)
        return contract_text(kept)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"this is no contract in canonical JSON: {error!r}") from error


def only(contract: Json, service: str, method: str | None = None) -> Json:
    """A contract with one service, perhaps only one method of it, and what these speak of.

    Raises:
        ValueError: there is no such service, method or event in it.
    """
    services = contract.get("services", {})
    if service not in services:
        raise ValueError(f"there is no service {service} in {contract['package']}")
    kept = dict(services[service])
    if method is not None:
        found = {
            kind: {method: kept[kind][method]}
            for kind in ("methods", "events")
            if method in kept.get(kind, {})
        }
        if not found:
            raise ValueError(f"{service} has no method or event {method}")
        kept = {key: value for key, value in kept.items() if key not in ("methods", "events")}
        kept |= found
    made: Json = {
        key: contract[key] for key in ("duologue", "package", "imports") if key in contract
    }
    made["services"] = {service: kept}
    known = {kind: contract.get(kind, {}) for kind in ("types", "errors")}
    used: dict[str, set[str]] = {"types": set(), "errors": set()}
    unread: list[Any] = [kept]
    while unread:
        words = set(re.findall(r"\w+", json.dumps(unread.pop(), ensure_ascii=False)))
        for kind, ones in known.items():
            for name in (words & ones.keys()) - used[kind]:
                used[kind].add(name)
                unread.append(ones[name])
    for kind, names in used.items():
        if names:
            made[kind] = {name: known[kind][name] for name in sorted(names)}
    return made


def contract_text(contract: Json) -> str:
    """The text of one contract file, from its canonical JSON."""
    aliases = {name: name.replace(".", "_") for name in contract.get("imports", {})}

    def spell(expression: Any) -> Any:
        """Types in words, by what this file calls imports."""
        if not isinstance(expression, str):
            return expression
        for name, alias in aliases.items():
            expression = re.sub(
                rf"(?<![\w.]){re.escape(name)}\.(?=\w+(?![\w.]))", f"{alias}.", expression
            )
        return expression

    file: Json = {"duologue": contract["duologue"], "package": contract["package"]}
    if "doc" in contract:
        file["doc"] = contract["doc"]
    if aliases:
        file["imports"] = {
            alias: f"{name.replace('.', '/')}.yaml" for name, alias in aliases.items()
        }
    for key, form in (
        ("types", _type),
        ("errors", _error),
        ("services", _service),
    ):
        if key in contract:
            file[key] = {name: form(one, spell) for name, one in contract[key].items()}
    if "dialogues" in contract:
        file["dialogues"] = {
            name: {
                **{key: value for key, value in one.items() if key != "roles"},
                **{role["role"]: role["offers"] for role in one["roles"]},
            }
            for name, one in contract["dialogues"].items()
        }
    blocks: list[str] = []
    head = {key: value for key, value in file.items() if key in ("duologue", "package", "doc")}
    blocks.append("\n".join(_lines(head, 0)))
    blocks += ["\n".join(_lines({key: file[key]}, 0)) for key in file if key not in head]
    return "\n\n".join(blocks) + "\n"


Spell = Callable[[Any], Any]


def _type(type_: Json, spell: Spell) -> Json:
    type_ = dict(type_)
    if "fields" in type_:
        type_["fields"] = _fields(type_["fields"], spell)
    if "union" in type_:
        type_["union"] = {name: spell(one) for name, one in type_["union"].items()}
    if "is" in type_:
        type_["is"] = _short({**type_["is"], "type": spell(type_["is"]["type"])})
    if "enum" in type_ and all(value == {"value": name} for name, value in type_["enum"].items()):
        type_["enum"] = list(type_["enum"])
    return _ordered(type_)


def _fields(fields: Json, spell: Spell) -> Json:
    return {name: _short({**one, "type": spell(one["type"])}) for name, one in fields.items()}


def _short(field: Json) -> Any:
    return field["type"] if len(field) == 1 else _ordered(field)


def _ordered(part: Json) -> Json:
    places = {key: place for place, key in enumerate(_ORDER)}
    return dict(sorted(part.items(), key=lambda one: (places.get(one[0], len(places)), one[0])))


def _error(error: Json, spell: Spell) -> Json:
    fields = {"fields": _fields(error["fields"], spell)} if "fields" in error else {}
    return _ordered({**error, **fields})


def _service(service: Json, spell: Spell) -> Json:
    made = {key: value for key, value in service.items() if key not in ("methods", "events")}
    methods = {name: _method(one, spell) for name, one in service.get("methods", {}).items()}
    if methods or "events" not in service:
        made["methods"] = methods
    if "events" in service:
        made["events"] = {name: _event(one, spell) for name, one in service["events"].items()}
    return _ordered(made)


def _method(method: Json, spell: Spell) -> Json:
    made: Json = {}
    for key, value in method.items():
        match key:
            case "params" if isinstance(value, dict):
                made[key] = _fields(cast(Json, value), spell)
            case "params" | "sends" | "yields" | "returns":
                made[key] = spell(value)
            case "args":
                made[key] = "positional"
            case "timeout_s" | "idle_timeout_s":
                made[key.removesuffix("_s")] = _duration(value)
            case _:
                made[key] = value
    return _ordered(made)


def _event(event: Json, spell: Spell) -> Json:
    made = dict(event)
    if "fields" in made:
        made["fields"] = _fields(made["fields"], spell)
    if "payload" in made:
        made["payload"] = spell(made["payload"])
    return _ordered(made)


def _duration(seconds: float) -> str:
    milliseconds = seconds * 1000
    if seconds < 1 and milliseconds == int(milliseconds):
        return f"{int(milliseconds)}ms"
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{seconds:.9f}".rstrip("0") + "s"


def _order_positional(contracts: Mapping[str, Json], *, only_inline: bool = False) -> None:
    """Put fields into the order in which they are arguments; elsewhere order says nothing."""
    for name, contract in contracts.items():
        for service in contract.get("services", {}).values():
            for method in service.get("methods", {}).values():
                args, params = method.get("args"), method.get("params")
                if not args or (only_inline and isinstance(params, str)):
                    continue
                if isinstance(params, str):
                    package, _, type_ = params.rpartition(".")
                    home = contracts[package or name]["types"][type_]
                    home["fields"] = {each: home["fields"][each] for each in args}
                else:
                    method["params"] = {each: params[each] for each in args}


# ---- YAML ----------------------------------------------------------------------------------------


def _lines(value: Json, indent: int) -> Iterator[str]:
    pad = " " * indent
    for key, inside in value.items():
        name = _word(key)
        flow = _flow(inside)
        if flow is not None and len(pad) + len(name) + 2 + len(flow) <= MAX_LINE:
            yield f"{pad}{name}: {flow}"
        elif _is_mapping(inside) and inside:
            yield f"{pad}{name}:"
            yield from _lines(inside, indent + 2)
        elif _is_list(inside) and inside:
            yield f"{pad}{name}:"
            yield from _items(inside, indent + 2)
        elif isinstance(inside, str) and _is_block(inside):
            yield f"{pad}{name}: |-"
            yield from (f"{pad}  {line}" if line else "" for line in inside.split("\n"))
        else:
            yield f"{pad}{name}: {_scalar(inside)}"


def _is_block(text: str) -> bool:
    """Whether it may stand in lines of its own, and is the same when it is read."""
    return (
        "\n" in text
        and _BLOCK.fullmatch(text) is not None
        and all(line == line.strip() for line in text.split("\n"))
        and text == text.strip("\n")
    )


def _items(items: list[Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in items:
        flow = _flow(item)
        if flow is not None and len(pad) + 2 + len(flow) <= MAX_LINE:
            yield f"{pad}- {flow}"
        elif _is_mapping(item) and item:
            first, *rest = _lines(item, indent + 2)
            yield f"{pad}- {first.lstrip()}"
            yield from rest
        elif _is_list(item) and item:
            # A list in a list: JSON is YAML, too.
            yield f"{pad}- {json.dumps(item, ensure_ascii=False)}"
        else:
            yield f"{pad}- {_scalar(item)}"


def _flow(value: Any) -> str | None:
    """On one line, if it is short and simple enough to be read there."""
    if _is_mapping(value):
        if any(_is_mapping(each) and each for each in value.values()):
            return None
        inside = [(_word(key), _flow(each)) for key, each in value.items()]
        if any(text is None for _, text in inside):
            return None
        return f"{{{', '.join(f'{key}: {text}' for key, text in inside)}}}"
    if isinstance(value, str) and _is_block(value):
        return None
    if _is_list(value):
        texts = [_flow(each) for each in value]
        return None if None in texts else f"[{', '.join(map(str, texts))}]"
    return _word(value) if isinstance(value, str) else _scalar(value)


def _word(text: str) -> str:
    """A text where commas and brackets would mean something."""
    if _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _WORDS_OF_YAML:
        return text
    return _quoted(text)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    is_prose = _PROSE.fullmatch(value) and value == value.strip()
    return value if is_prose and value.lower() not in _WORDS_OF_YAML else _quoted(value)


def _quoted(text: str) -> str:
    # JSON's quotes are YAML's; what some readers take for line ends is escaped.
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff]",
        lambda met: f"\\u{ord(met[0]):04x}",
        json.dumps(text, ensure_ascii=False),
    )


def _is_mapping(value: object) -> TypeGuard[Json]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
