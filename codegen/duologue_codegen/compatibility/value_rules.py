"""What changes of types mean: one function a rule.

A value that is refused FORTH is one that an old sender sends and a new receiver does not take; BACK
is the reverse. Which sides that concerns follows from the ways that values of the type take.
"""

from __future__ import annotations

from typing import Final

from ..diagnostics import quoted
from . import changes as c
from .registry import Judgement, Judgements, change_rule, in_source, note, on_wire
from .ways import Direction, Pair, Way, refusals

FORTH: Final = (Way.FORTH,)
BACK: Final = (Way.BACK,)
NEXT_TO: Final = "keep the old one beside it, deprecated, or make a new version of the package"


@change_rule("field-added", c.FieldAdded)
def field_added(change: c.FieldAdded) -> Judgements:
    """A field that is added can be left out: whoever is older does not send it."""
    what = change.what
    if change.field.required:
        hint = "make it optional, or give it a default"
        yield from on_wire(refusals(change.flows, FORTH), f"{what} missing", hint)
        yield in_source(f"{what} must be given by all who make one", hint)
        return
    for flow in change.flows:
        if flow.direction is Direction.IN:
            hint = "whoever relies on it asks first whether the provider knows it"
            text = f"{what} is ignored in {flow.where}"
            yield note("wire", text, Pair.OLD_PROVIDER, hint)


@change_rule("field-removed", c.FieldRemoved)
def field_removed(change: c.FieldRemoved) -> Judgements:
    """A field stays: it can be deprecated, and go when nobody has used it for a release."""
    if change.heir is None:
        yield from _without_field(change)


@change_rule("field-renamed", c.FieldRemoved)
def field_renamed(change: c.FieldRemoved) -> Judgements:
    """A field keeps its name on the wire."""
    if change.heir is not None:
        yield from _without_field(change)


def _without_field(change: c.FieldRemoved) -> Judgements:
    field, heir = change.field, change.heir
    what, called, gone = change.what, "", f"{change.what} is gone"
    hint = "keep it, and say what replaces it under `deprecated`"
    if heir is not None:
        called, gone = f", which is {quoted(heir.wire)} now,", f"{what} is {quoted(heir.wire)} now"
        hint = f"write `wire: {field.wire}`, and it stays {quoted(field.wire)} on the wire"
    if field.required:
        yield from on_wire(refusals(change.flows, BACK), f"{what}{called} missing", hint)
    elif heir is not None:
        yield from on_wire(refusals(change.flows, BACK), f"{what}{called} not understood", hint)
    if heir is not None and heir.required:
        lacking = f"{quoted(heir.wire)}, which was {quoted(field.wire)}, missing"
        yield from on_wire(refusals(change.flows, FORTH), lacking, hint)
    elif field.deprecated is None or heir is not None:
        lost = [each for each in change.flows if heir or each.direction is Direction.IN]
        yield from on_wire(refusals(lost, FORTH), f"{what} ignored", hint)
    if field.deprecated is None or (field.required and heir is None):
        yield in_source(gone, hint)
    else:
        yield note("source", f"{gone}; it was deprecated")


@change_rule("field-name-in-code", c.FieldNameChanged)
def field_name_in_code(change: c.FieldNameChanged) -> Judgements:
    """A field keeps its name in code."""
    text = f"{change.what} was {quoted(change.old.name)} in code"
    yield in_source(text, "keep the old name: the one on the wire has not changed")


@change_rule("presence-changed", c.PresenceChanged)
def presence_changed(change: c.PresenceChanged) -> Judgements:
    """A field that must be there stays so, and one that may be absent may still be."""
    met = "missing" if change.absent else "null"
    for way in Way:
        if way in change.refused:
            stricter = "the new side wants it" if way is Way.FORTH else "the old side wants it"
            hint = f"{stricter}; keep it as it was"
            yield from on_wire(refusals(change.flows, (way,)), f"{change.what} {met}", hint)
    if change.new.required != change.old.required:
        became = "required" if change.new.required else "optional"
        yield in_source(f"{change.what} is {became} now", "keep it as it was")


@change_rule("null-changed", c.NullChanged)
def null_changed(change: c.NullChanged) -> Judgements:
    """What may be null may still be, and what never was null never is."""
    ways = BACK if change.may_be_null else FORTH
    yield from on_wire(refusals(change.flows, ways), f"{change.what} null", "keep it as it was")
    state = "may be null now" if change.may_be_null else "is never null any more"
    yield in_source(f"{change.what} {state}")


@change_rule("default-changed", c.DefaultChanged)
def default_changed(change: c.DefaultChanged) -> Judgements:
    """A default stays: of two sides of different age, each fills in its own."""
    text = f"{change.what} has another default: for a while the two sides disagree"
    yield note("wire", text, None, "add a new field if the difference matters")


@change_rule("type-replaced", c.TypeReplaced)
def type_replaced(change: c.TypeReplaced) -> Judgements:
    """A type is not replaced by one whose values are others."""
    was, is_ = quoted(change.old), quoted(change.new)
    for way in Way:
        if way in change.refused:
            sent, wanted = (was, is_) if way is Way.FORTH else (is_, was)
            text = f"{change.what} comes as {sent} where {wanted} is expected,"
            yield from on_wire(refusals(change.flows, (way,)), text, NEXT_TO)
    yield in_source(f"{change.what} was {was} and is {is_}", NEXT_TO)


@change_rule("bounds-changed", c.BoundsChanged)
def bounds_changed(change: c.BoundsChanged) -> Judgements:
    """Constraints stay: what one side still sends, the other must still take."""
    for way in Way:
        if way in change.refused:
            side = "new" if way is Way.FORTH else "old"
            bounds = change.new if way is Way.FORTH else change.old
            text = f"{change.what} outside of what the {side} side takes ({bounds})"
            yield from on_wire(refusals(change.flows, (way,)), text, f"it was: {change.old}")


@change_rule("alternative-added", c.AlternativeAdded)
def alternative_added(change: c.AlternativeAdded) -> Judgements:
    """`A or B` gets no further alternative: whoever is older does not take it."""
    text = f"{change.what} comes as {quoted(change.alternative)}, which is not known,"
    yield from on_wire(refusals(change.flows, BACK), text, NEXT_TO)
    yield in_source(f"{change.what} may be {quoted(change.alternative)} as well", NEXT_TO)


@change_rule("alternative-removed", c.AlternativeRemoved)
def alternative_removed(change: c.AlternativeRemoved) -> Judgements:
    """`A or B` loses no alternative: whoever is older still sends it."""
    text = f"{change.what} comes as {quoted(change.alternative)}, which is not taken any more,"
    yield from on_wire(refusals(change.flows, FORTH), text, NEXT_TO)
    yield in_source(f"{change.what} is never {quoted(change.alternative)} any more", NEXT_TO)


# ---- enums and unions ----------------------------------------------------------------------------


@change_rule("enum-value-added", c.EnumValueAdded)
def enum_value_added(change: c.EnumValueAdded) -> Judgements:
    """A closed enum gets no further value: whoever is older refuses it."""
    what = f"value {quoted(str(change.value.value))} of {quoted(change.owner)}"
    if change.is_open:
        yield note("source", f"{what} is new: a `match` over all values lacks it")
        return
    hint = "an enum that may grow is `open: true` from the beginning"
    yield from on_wire(refusals(change.flows, BACK), f"{what} is not known", hint)
    yield in_source(f"{what} is new: a `match` over all values lacks it", hint)


@change_rule("enum-value-removed", c.EnumValueRemoved)
def enum_value_removed(change: c.EnumValueRemoved) -> Judgements:
    """An enum keeps its values: whoever is older still sends them."""
    name = f"{change.owner}.{change.value.name.upper()}"
    what = f"value {quoted(str(change.value.value))} of {quoted(change.owner)}"
    hint = "keep it, and say what replaces it under `deprecated`"
    if not change.is_open:
        yield from on_wire(refusals(change.flows, FORTH), f"{what} is not taken any more", hint)
    yield in_source(f"{quoted(name)} is not there any more", hint)


@change_rule("enum-member-renamed", c.EnumMemberRenamed)
def enum_member_renamed(change: c.EnumMemberRenamed) -> Judgements:
    """A value of an enum keeps its name in code."""
    names = [quoted(f"{change.owner}.{name.upper()}") for name in (change.old, change.new)]
    yield in_source(f"{names[0]} is called {names[1]} now", "keep the old name")


@change_rule("form-added", c.FormAdded)
def form_added(change: c.FormAdded) -> Judgements:
    """A closed union gets no further form: whoever is older refuses it."""
    what = f"form {quoted(change.tag_value)} of {quoted(change.owner)}"
    if change.is_open:
        yield note("source", f"{what} is new: a `match` over all forms lacks it")
        return
    hint = "a union that may grow is `open: true` from the beginning"
    yield from on_wire(refusals(change.flows, BACK), f"{what} is not known", hint)
    yield in_source(f"{what} is new: a `match` over all forms lacks it", hint)


@change_rule("form-removed", c.FormRemoved)
def form_removed(change: c.FormRemoved) -> Judgements:
    """A union keeps its forms: whoever is older still sends them."""
    what = f"form {quoted(change.tag_value)} of {quoted(change.owner)}"
    hint = "keep it, and deprecate its type"
    if not change.is_open:
        yield from on_wire(refusals(change.flows, FORTH), f"{what} is not taken any more", hint)
    yield in_source(f"{what} is not there any more", hint)


@change_rule("tag-changed", c.TagChanged)
def tag_changed(change: c.TagChanged) -> Judgements:
    """A tag keeps its key and its values."""
    text = f"{quoted(change.owner)} told by {quoted(change.old)} and not {quoted(change.new)}"
    hint = "keep the tag; `tag: {name: …, wire: …}` gives it another name in code"
    yield from on_wire(refusals(change.flows, change.refused), text, hint)
    yield in_source(f"the tag of {quoted(change.owner)} is another one", hint)


@change_rule("openness-changed", c.OpennessChanged)
def openness_changed(change: c.OpennessChanged) -> Judgements:
    """What is open stays open, and what is closed stays closed."""
    ways = BACK if change.is_open else FORTH
    side = "old" if change.is_open else "new"
    text = f"a further value of {quoted(change.owner)}, which is closed for the {side} side,"
    yield from on_wire(refusals(change.flows, ways), text, "keep it as it was")
    state = "open" if change.is_open else "closed"
    yield in_source(f"{quoted(change.owner)} is {state} now: its type in code is another one")


@change_rule("unknown-fields-changed", c.UnknownFieldsChanged)
def unknown_fields_changed(change: c.UnknownFieldsChanged) -> Judgements:
    """An object that keeps what it does not know goes on keeping it."""
    if not change.kept:
        text = f"{quoted(change.owner)} drops the fields that it does not know, and kept them"
        yield in_source(text, "write `unknown: keep`")


# ---- names ---------------------------------------------------------------------------------------


@change_rule("type-gone", c.TypeGone)
def type_gone(change: c.TypeGone) -> Judgements:
    """A type keeps its name, which is no matter of the wire."""
    if change.heir is not None:
        yield in_source(f"{quoted(change.name)} is called {quoted(change.heir)} now")
    else:
        yield in_source(f"there is no type {quoted(change.name)} any more")


@change_rule("name-freed", c.NameFreed)
def name_freed(change: c.NameFreed) -> Judgements:
    """What is gone is reserved, and stays reserved: its name or id must not get a new meaning."""
    name, owner = quoted(change.name), quoted(change.owner)
    state = "not reserved any more" if change.was_reserved else "gone and not reserved"
    text = f"{change.kind} {name} of {owner} is {state}"
    if change.kind == "id":
        yield Judgement("wire", text, None, f"write `reserved: {{ids: [{change.name}]}}`")
    elif change.was_reserved:
        yield Judgement("wire", text, None, "programs that know its old meaning may be about")
    else:
        yield note("wire", text, None, f"add {name} to `reserved` of {owner}")
