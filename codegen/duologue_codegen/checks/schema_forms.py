"""The forms of a `oneOf` in a raw schema are told apart by the property that it says."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Position, quoted
from ..model import REF_PREFIX, Contract, SchemaType
from ..model.raw_unions import mapped_values, mapping_conflicts
from ..model.walk import schema_refs
from ..text.tree import ListNode, MapNode, ScalarNode
from .registry import Findings


def schema_finding(at: Position, message: str, hint: str = "") -> Diagnostic:
    """A finding of the rule `schema-subset`."""
    return Diagnostic("schema-subset", at, message, hint)


def form_findings(schema: MapNode, contract: Contract) -> Findings:
    """What is wrong with `oneOf` and `discriminator` of `schema`, together."""
    one_of, discriminator = schema.entry("oneOf"), schema.entry("discriminator")
    if discriminator is None:
        if one_of is not None:
            hint = "add `discriminator: {propertyName: kind}`"
            message = "`oneOf` needs a property that tells its forms apart"
            yield schema_finding(one_of.key.at, message, hint)
        return
    if one_of is None:
        yield schema_finding(discriminator.key.at, "`discriminator` belongs to `oneOf`")
        return
    stated = discriminator.value
    tag = stated.get("propertyName") if isinstance(stated, MapNode) else None
    if not isinstance(stated, MapNode) or not isinstance(tag, ScalarNode):
        return
    values, seen = mapped_values(stated), set[str]()
    conflicts = set(mapping_conflicts(contract))
    for name, ref in schema_refs(one_of.value):
        constant = _constant_of(name, tag.text, values.get(name), contract)
        if constant is None or constant in seen or (name, tag.text) in conflicts:
            message = f"{quoted(name)} is not told apart by {quoted(tag.text)}"
            hint = (
                "each form is a raw schema that requires the property, with a `const` of its own "
                "or, where it is any text, with one value in `mapping`"
            )
            yield schema_finding(ref.at, message, hint)
        seen.add(constant or "")
    forms = {name for name, _ in schema_refs(one_of.value)}
    mapping = stated.get("mapping")
    for entry in mapping.entries if isinstance(mapping, MapNode) else ():
        if entry.value.data not in {f"{REF_PREFIX}{name}" for name in forms}:
            message = f"{quoted(entry.key.text)} stands for none of the forms"
            hint = f"write `{REF_PREFIX}Name` of one that `oneOf` lists"
            yield schema_finding(entry.value.at, message, hint)


def _constant_of(name: str, tag: str, mapped: list[str] | None, contract: Contract) -> str | None:
    """The value that property `tag` of the raw schema `name` always has."""
    type_ = contract.types.get(name)
    if not isinstance(type_, SchemaType):
        return None
    properties, required = type_.schema.get("properties"), type_.schema.get("required")
    stated = properties.get(tag) if isinstance(properties, MapNode) else None
    if not isinstance(required, ListNode) or tag not in required.data:
        return None
    constant = stated.get("const") if isinstance(stated, MapNode) else None
    if isinstance(constant, ScalarNode):
        return constant.text if mapped in (None, [constant.text]) else None
    is_text = isinstance(stated, MapNode) and stated.data.keys() <= {"type", "description"}
    return mapped[0] if is_text and mapped and len(mapped) == 1 else None
