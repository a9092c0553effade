"""All the differences between two versions of contracts, found by what travels between programs.

Services are the roots. From them, the ways that values take spread to the types they name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypedDict

from ..diagnostics import quoted
from ..model import Contract, ErrorDef, Event, Method, Service, TypeDef
from ..model.walk import methods
from .calls import Call, call_changes
from .changes import (
    CallableAdded,
    CallableKind,
    CallableRemoved,
    CallableRenamed,
    Change,
    ErrorCodeChanged,
    ErrorGone,
    IdChanged,
    IdReused,
    NameFreed,
    PackageGone,
    RetryChanged,
    ServiceGone,
    ServiceMoved,
    ThingKind,
    TypeGone,
)
from .dialogues import dialogue_changes
from .fields import Block, field_changes
from .named import named_changes
from .types import Named, NamedPair
from .ways import Direction, Flow


def all_changes(old: Sequence[Contract], new: Sequence[Contract]) -> list[Change]:
    """Every difference between two versions of contracts, each once, with the ways it concerns."""
    graph = _Graph()
    after = {contract.package: contract for contract in new}
    for contract in old:
        heir = after.get(contract.package)
        if heir is None:
            at = contract.package_at
            graph.add(PackageGone(package=contract.package, at=at, was=at))
        else:
            _compare_contracts(contract, heir, graph)
    return graph.changes()


class _Graph:
    """Pairs of named types with their changes, and the ways that reach them."""

    def __init__(self) -> None:
        self._changes: dict[Change, list[Flow]] = {}
        """Each without its flows, and those."""
        self._flows: dict[tuple[str, str, str, str], dict[Direction, Flow]] = {}
        self._found: dict[tuple[str, str, str, str], list[Change | NamedPair]] = {}
        self._waiting: deque[tuple[NamedPair, Flow | None]] = deque()

    def add(self, found: Change | NamedPair, flow: Flow | None = None) -> None:
        """Note a change, or a pair to be compared; `flow` is the way its values take."""
        if isinstance(found, NamedPair):
            self._waiting.append((found, flow))
            return
        flows = self._changes.setdefault(found, [])
        if flow is not None and all(flow.direction is not each.direction for each in flows):
            flows.append(flow)

    def changes(self) -> list[Change]:
        """All changes, once every pair that waits has been compared."""
        while self._waiting:
            pair, flow = self._waiting.popleft()
            first = pair.key not in self._found
            if first:
                self._found[pair.key] = list(named_changes(pair))
                self._flows[pair.key] = {}
            known = self._flows[pair.key]
            is_new_way = flow is not None and flow.direction not in known
            if flow is not None:
                known.setdefault(flow.direction, flow)
            if first or is_new_way:
                for found in self._found[pair.key]:
                    self.add(found, flow)
        return [replace(change, flows=tuple(flows)) for change, flows in self._changes.items()]


def _compare_contracts(old: Contract, new: Contract, graph: _Graph) -> None:
    for name, service in old.services.items():
        heir = new.services.get(name)
        if heir is None:
            graph.add(_service_gone(service, old, new))
        else:
            _compare_services(service, heir, old, new, graph)
    _compare_errors(old, new, graph)
    for change in dialogue_changes(old, new):
        graph.add(change)
    for name, type_ in old.types.items():
        if (same := new.types.get(name)) is not None:
            graph.add(NamedPair(Named(type_, old), Named(same, new)))
        else:
            graph.add(_type_gone(type_, old, new))


def _service_gone(service: Service, old: Contract, new: Contract) -> ServiceGone:
    ids = {one.id for one in service.numbered}
    heirs = [
        each.name
        for each in new.services.values()
        if each.name not in old.services and {one.id for one in each.numbered} >= ids
    ]
    heir = heirs[0] if len(heirs) == 1 else None
    at = new.package_at if heir is None else new.services[heir].at
    return ServiceGone(package=new.package, at=at, was=service.at, name=service.name, heir=heir)


def _type_gone(type_: TypeDef, old: Contract, new: Contract) -> TypeGone:
    fresh = [each for each in new.types.values() if each.name not in old.types]
    alike = [each for each in fresh if not list(_pair_changes(type_, each, old, new))]
    heir = alike[0] if len(alike) == 1 else None
    return TypeGone(
        package=new.package,
        at=new.package_at if heir is None else heir.at,
        was=type_.at,
        name=type_.name,
        heir=None if heir is None else heir.name,
    )


def _pair_changes(
    old: TypeDef, new: TypeDef, home: Contract, new_home: Contract
) -> Iterator[Change]:
    found = named_changes(NamedPair(Named(old, home), Named(new, new_home)))
    yield from (each for each in found if isinstance(each, Change))


# ---- services ------------------------------------------------------------------------------------


def _compare_services(
    before: Service, after: Service, old: Contract, new: Contract, graph: _Graph
) -> None:
    package = new.package
    if before.base != after.base:
        graph.add(
            ServiceMoved(
                package=package,
                at=after.base_at,
                was=before.base_at,
                name=after.name,
                old=before.base,
                new=after.base,
            )
        )
    by_id = {one.id: one for one in after.numbered}
    by_name = {one.name: one for one in after.numbered}
    old_names = {one.name for one in before.numbered}
    retired = {one.id: one for one in before.reserved_ids}
    still_retired = {one.id for one in after.reserved_ids}
    seen: set[int] = set()
    for one in before.numbered:
        same_id, same_name = by_id.get(one.id), by_name.get(one.name)
        if same_id is not None and (same_id.name == one.name or same_id.name not in old_names):
            seen.add(same_id.id)
            _compare_calls(one, same_id, before, after, old, new, graph)
        elif same_name is not None:
            seen.add(same_name.id)
            graph.add(
                IdChanged(
                    package=package,
                    at=same_name.id_at,
                    was=one.id_at,
                    service=after.name,
                    name=one.name,
                    old=one.id,
                    new=same_name.id,
                )
            )
        else:
            graph.add(
                CallableRemoved(
                    package=package, at=after.at, was=one.at, service=after.name, **_told(one)
                )
            )
            if one.id not in still_retired and one.id not in by_id:
                graph.add(_freed(before, after, package, "id", str(one.id), False))
    for one in after.numbered:
        if one.id in seen:
            continue
        if one.id in retired:
            graph.add(
                IdReused(
                    package=package,
                    at=one.id_at,
                    was=retired[one.id].at,
                    service=after.name,
                    name=one.name,
                    id=one.id,
                )
            )
        else:
            graph.add(
                CallableAdded(
                    package=package, at=one.at, was=before.at, service=after.name, **_told(one)
                )
            )
    for id_ in sorted(retired.keys() - still_retired - by_id.keys()):
        graph.add(_freed(before, after, package, "id", str(id_), True))
    names = {one.name for one in before.reserved_names}
    for name in sorted(names - {one.name for one in after.reserved_names} - by_name.keys()):
        graph.add(_freed(before, after, package, "name", name, True))


class _Told(TypedDict):
    kind: CallableKind
    name: str
    id: int
    deprecated: bool


def _told(one: Method | Event) -> _Told:
    return {
        "kind": "event" if isinstance(one, Event) else "method",
        "name": one.name,
        "id": one.id,
        "deprecated": one.deprecated is not None,
    }


def _freed(
    before: Service, after: Service, package: str, kind: ThingKind, name: str, was_reserved: bool
) -> NameFreed:
    return NameFreed(
        package=package,
        at=after.at,
        was=before.at,
        owner=after.name,
        kind=kind,
        name=name,
        was_reserved=was_reserved,
    )


def _compare_calls(
    one: Method | Event,
    same: Method | Event,
    before: Service,
    after: Service,
    old: Contract,
    new: Contract,
    graph: _Graph,
) -> None:
    if one.name != same.name:
        graph.add(
            CallableRenamed(
                package=new.package,
                at=same.at,
                was=one.at,
                service=after.name,
                old=one.name,
                new=same.name,
            )
        )
    for flow, found in call_changes(Call(one, before.name, old), Call(same, after.name, new)):
        graph.add(found, flow)


# ---- errors --------------------------------------------------------------------------------------


def _compare_errors(old: Contract, new: Contract, graph: _Graph) -> None:
    by_code = {error.code: error for error in new.errors.values()}
    for name, error in old.errors.items():
        same, heir = new.errors.get(name), by_code.get(error.code)
        flow = _flow_of(error, old)
        if same is None:
            at = new.package_at if heir is None else heir.at
            graph.add(ErrorGone(package=new.package, at=at, was=error.at, name=name))
        elif same.code != error.code:
            graph.add(
                ErrorCodeChanged(
                    package=new.package,
                    at=same.code_at,
                    was=error.code_at,
                    name=name,
                    old=error.code,
                    new=same.code,
                ),
                flow,
            )
        if same is not None and same.retry != error.retry:
            graph.add(
                RetryChanged(
                    package=new.package,
                    at=same.at,
                    was=error.at,
                    name=name,
                    old=error.retry,
                    new=same.retry,
                ),
                flow,
            )
        if heir is not None:
            blocks = (
                Block(fields=each.fields, home=home, name=each.name, at=each.at)
                for each, home in ((error, old), (heir, new))
            )
            for found in field_changes(*blocks):
                graph.add(found, flow)


def _flow_of(error: ErrorDef, contract: Contract) -> Flow | None:
    """Errors go from provider to caller, once a method may raise them."""
    for service, method in methods(contract):
        if any(each.name == error.name for each in contract.errors_of(service, method)):
            return Flow(Direction.OUT, f"error {quoted(error.name)}")
    return None
