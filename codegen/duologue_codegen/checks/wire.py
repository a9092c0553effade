"""What goes over the wire is told apart there: ids, numbers, codes, values and tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..diagnostics import Diagnostic, Position, Related, quoted
from ..model import (
    MAX_ID,
    Contract,
    EnumType,
    Event,
    Field,
    Method,
    ObjectType,
    Service,
    UnionType,
)
from ..model.walk import field_blocks
from ..reading.project import Project
from .registry import Findings, project_rule, rule


def next_free_id(service: Service) -> int:
    """The id for a new method or event: one above all used and reserved ones, if possible."""
    return next(free_ids(service), MAX_ID + 1)


def free_ids(service: Service) -> Iterator[int]:
    """Ids for new methods and events, in the order in which they are given."""
    used = {one.id for one in service.numbered}
    used |= {reserved.id for reserved in service.reserved_ids}
    top = max(used, default=0) + 1
    yield from range(top, MAX_ID + 1)
    yield from (id_ for id_ in range(1, min(top, MAX_ID + 1)) if id_ not in used)


@rule("id-present")
def id_present(contract: Contract) -> Findings:
    """Every method and every event has an id: its identity on the wire."""
    for service in contract.services.values():
        for one in service.numbered:
            if one.id_at == one.at:
                what = "event" if isinstance(one, Event) else "method"
                message = f"{what} {quoted(one.name)} has no id"
                hint = f"add `id: {next_free_id(service)}`, and never change it"
                yield Diagnostic("id-present", one.at, message, hint)


@rule("id-unique")
def id_unique(contract: Contract) -> Findings:
    """No two methods or events of a service have the same id."""
    for service in contract.services.values():
        first: dict[int, Method | Event] = {}
        for one in _with_ids(service):
            other = first.setdefault(one.id, one)
            if other is not one:
                related = Related(other.id_at, "first used here")
                message = f"id {one.id} is already {quoted(other.name)}"
                hint = f"next free id is {next_free_id(service)}"
                yield Diagnostic("id-unique", one.id_at, message, hint, related=related)


@rule("id-not-reserved")
def id_not_reserved(contract: Contract) -> Findings:
    """A reserved id is not used again."""
    for service in contract.services.values():
        retired = {reserved.id: reserved.at for reserved in service.reserved_ids}
        for one in _with_ids(service):
            if one.id in retired:
                related = Related(retired[one.id], "reserved here")
                message = f"id {one.id} is reserved"
                hint = f"next free id is {next_free_id(service)}"
                yield Diagnostic("id-not-reserved", one.id_at, message, hint, related=related)


def _with_ids(service: Service) -> Iterator[Method | Event]:
    yield from (one for one in service.numbered if one.id)


@project_rule("wire-number-unique", allowed_at_either=True)
def wire_number_unique(project: Project) -> Findings:
    """No two services below one schema folder use the same number on the wire.

    A comment at one of them may allow it: they never stand on one connection. If they do, the
    runtime refuses the second one (`ServiceIdTaken`).
    """
    judged = {contract.path for contract in project.judged}

    def place(contract: Contract) -> tuple[bool, bool, str]:
        # Judged contracts come last, so that findings stand in what was asked for; and last of all
        # those that say no base: they are new, or have never been beside another.
        is_bare = any(not service.base for service in contract.services.values())
        return contract.path in judged, is_bare, contract.path

    in_order = sorted(project.everything, key=place)
    # Compared with all that have the number, not only the first: that one's may be allowed.
    with_number: dict[int, list[tuple[str, Service, Method | Event]]] = {}
    told: set[tuple[str, str, str, str]] = set()
    for contract in in_order:
        with_ids = (
            (service, one) for service in contract.services.values() for one in _with_ids(service)
        )
        for service, one in with_ids:
            number = service.base + one.id
            earlier = with_number.setdefault(number, [])
            for path, other, other_one in earlier:
                pair = contract.path, service.name, path, other.name
                if other is service or pair in told or contract.path not in judged:
                    continue
                told.add(pair)  # one finding for two services: the others would say the same
                mine, theirs = f"{service.name}.{one.name}", f"{other.name}.{other_one.name}"
                message = f"number {number} is {quoted(mine)} and {quoted(theirs)}"
                free = _free_base(project.everything, service)
                hint = f"a number is `base` + `id`: {free} is free"
                related = Related(other.base_at, f"{other.name} begins here")
                at = service.base_at
                yield Diagnostic("wire-number-unique", at, message, hint, related=related)
            earlier.append((contract.path, service, one))


def _free_base(contracts: Iterable[Contract], service: Service) -> str:
    """A round `base` above all others, with room for the ids of `service`."""
    others = (
        other.last_number
        for contract in contracts
        for other in contract.services.values()
        if other is not service
    )
    return f"`base: {(max(others, default=0) // 100 + 1) * 100}`"


RUNTIME_CODES: Final = frozenset(
    {
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "GOING_AWAY",
        "INTERNAL",
        "INVALID_PARAMS",
        "INVALID_RESULT",
        "LIMIT_EXCEEDED",
        "UNAUTHORISED",
        "UNIMPLEMENTED",
        "UNKNOWN-SERVICE",
    }
)
"""Codes with which the runtime itself answers (duologue profile 3)."""


@rule("error-code-unique")
def error_code_unique(contract: Contract) -> Findings:
    """No two errors of a contract have the same code, and none has one of the runtime's own."""
    codes = [(error.code, error.code_at) for error in contract.errors.values()]
    yield from _twice("error-code-unique", "code", codes)
    for code, at in codes:
        if code in RUNTIME_CODES:
            message = f"code {quoted(code)} is the runtime's own"
            yield Diagnostic("error-code-unique", at, message, "take another code")


@rule("enum-value-unique")
def enum_value_unique(contract: Contract) -> Findings:
    """No two members of an enum have the same value."""
    for type_ in contract.types.values():
        if isinstance(type_, EnumType):
            values = ((str(value.value), value.at) for value in type_.values.values())
            yield from _twice("enum-value-unique", "value", values)


@rule("enum-of-one-kind")
def enum_of_one_kind(contract: Contract) -> Findings:
    """The values of an enum are all text, or all numbers."""
    for type_ in contract.types.values():
        if not isinstance(type_, EnumType) or not type_.of_numbers:
            continue
        first = next(one for one in type_.values.values() if isinstance(one.value, int))
        for value in type_.values.values():
            if isinstance(value.value, str):
                message = f"{quoted(value.name)} of {quoted(type_.name)} has no number"
                related = Related(first.at, f"this is {first.value}")
                hint = "the values of an enum are all numbers or none: write `{value: …}`"
                yield Diagnostic("enum-of-one-kind", value.at, message, hint, related=related)


def _twice(id_: str, what: str, used: Iterable[tuple[str, Position]]) -> Findings:
    first: dict[str, Position] = {}
    for word, at in used:
        if (before := first.setdefault(word, at)) is not at:
            related = Related(before, "first used here")
            message = f"{what} {quoted(word)} is there twice"
            yield Diagnostic(id_, at, message, "each needs its own", related=related)


@rule("wire-name-unique")
def wire_name_unique(contract: Contract) -> Findings:
    """No two fields of an object have the same name on the wire."""
    for owner, block in field_blocks(contract):
        first: dict[str, Field] = {}
        for field in block.values():
            other = first.setdefault(field.wire, field)
            if other is not field:
                related = Related(other.wire_at or other.at, "first used here")
                message = f"{quoted(field.wire)} of {owner} is there twice on the wire"
                hint = "each field needs its own key"
                at = field.wire_at or field.at
                yield Diagnostic("wire-name-unique", at, message, hint, related=related)


@rule("union-tag-free")
def union_tag_free(contract: Contract) -> Findings:
    """The tag of a union is no field of its forms: it is added to them."""
    for union in contract.types.values():
        if not isinstance(union, UnionType) or not union.tag:
            continue
        for variant in union.variants.values():
            type_ = contract.resolve(variant.type)
            if not isinstance(type_, ObjectType):
                continue
            for name, place in _tag_places(union, type_):
                message = f"{quoted(name)} is already a field of {quoted(type_.name)}"
                related = Related(place, "here")
                hint = "take another tag, or leave the field out: the tag is added by itself"
                yield Diagnostic("union-tag-free", union.tag_at, message, hint, related=related)


def _tag_places(union: UnionType, form: ObjectType) -> Iterator[tuple[str, Position]]:
    """Where `form` has a field, or had one, that is called as the tag in Python or on the wire."""
    for field in form.fields.values():
        if field.name == union.tag:
            yield field.name, field.at
        elif field.wire == union.wire:
            yield field.wire, field.wire_at or field.at
    if union.tag not in form.fields:
        yield from ((one.name, one.at) for one in form.reserved if one.name == union.wire)
