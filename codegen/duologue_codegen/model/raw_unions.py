"""What a raw schema's `discriminator` says of the forms of a `oneOf`."""

from __future__ import annotations

from collections.abc import Iterator

from ..text.tree import MapNode, ScalarNode
from .contract import Contract
from .types import REF_PREFIX, SchemaType


def mapped_values(discriminator: MapNode) -> dict[str, list[str]]:
    """The values of `mapping`, by the name of the form that each stands for."""
    mapping = discriminator.get("mapping")
    found: dict[str, list[str]] = {}
    for entry in mapping.entries if isinstance(mapping, MapNode) else ():
        if isinstance(entry.value, ScalarNode):
            form = entry.value.text.removeprefix(REF_PREFIX)
            found.setdefault(form, []).append(entry.key.text)
    return found


def mapped_tags(name: str, contract: Contract) -> dict[str, str]:
    """Properties of the raw schema `name` whose value a `mapping` says, with that value."""
    return {tag: value for form, tag, value in _mappings(contract) if form == name}


def mapping_conflicts(contract: Contract) -> Iterator[tuple[str, str]]:
    """Forms, with their tag, of which two mappings say different things."""
    seen: dict[tuple[str, str], str] = {}
    for form, tag, value in _mappings(contract):
        if seen.setdefault((form, tag), value) != value:
            yield form, tag


def _mappings(contract: Contract) -> Iterator[tuple[str, str, str]]:
    for type_ in contract.types.values():
        if not isinstance(type_, SchemaType):
            continue
        stated = type_.schema.get("discriminator")
        tag = stated.get("propertyName") if isinstance(stated, MapNode) else None
        if isinstance(stated, MapNode) and isinstance(tag, ScalarNode):
            for form, values in mapped_values(stated).items():
                yield from ((form, tag.text, value) for value in values)
