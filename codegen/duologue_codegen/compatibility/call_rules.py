"""What changes of services, methods, events and errors mean: one function a rule."""

from __future__ import annotations

from typing import Final

from ..diagnostics import quoted
from . import changes as c
from .registry import Judgement, Judgements, between, change_rule, in_source, note, on_wire
from .ways import Pair, refusals

BOTH: Final = tuple(Pair)
NEW_VERSION: Final = "offer the new one beside the old, and deprecate that"


@change_rule("package-gone", c.PackageGone)
def package_gone(change: c.PackageGone) -> Judgements:
    """A contract stays where it is: its package is its name on the wire."""
    text = f"there is no {quoted(change.package)} any more"
    hint = "keep the file; a new version is a new file beside it"
    yield from between(BOTH, text, hint)
    yield in_source(text, hint)


@change_rule("service-gone", c.ServiceGone)
def service_gone(change: c.ServiceGone) -> Judgements:
    """A service keeps its name, and stays."""
    text = f"there is no service {quoted(change.name)}"
    if change.heir is not None:
        text += f", which is {quoted(change.heir)} now"
    yield from between(BOTH, text, NEW_VERSION)
    yield in_source(text, NEW_VERSION)


@change_rule("service-moved", c.ServiceMoved)
def service_moved(change: c.ServiceMoved) -> Judgements:
    """A service keeps its base, as long as peers may be about that know numbers only."""
    text = (
        f"the numbers of {quoted(change.name)} begin at {change.new} and not at {change.old}: "
        "peers without contracts do not find it"
    )
    yield note("wire", text, None, "peers of duologue follow by name")


@change_rule("call-added", c.CallableAdded)
def call_added(change: c.CallableAdded) -> Judgements:
    """A method or an event can be added: whoever is older answers UNIMPLEMENTED."""
    if change.kind == "method":
        text = f"a class of all of {quoted(change.service)} must have {quoted(change.name)} now"
        yield note("source", text, None, f"`{change.service}ServicePartial` needs nothing")


@change_rule("call-removed", c.CallableRemoved)
def call_removed(change: c.CallableRemoved) -> Judgements:
    """A method or an event is deprecated for a release before it goes."""
    name = quoted(f"{change.service}.{change.name}")
    text = f"{name} is UNIMPLEMENTED" if change.kind == "method" else f"{name} never happens"
    hint = "keep it, and say what replaces it under `deprecated`"
    if change.deprecated:
        yield note("wire", f"{text}; it was deprecated", Pair.OLD_CALLER)
        yield note("source", f"{name} is not there any more; it was deprecated")
    else:
        yield Judgement("wire", text, Pair.OLD_CALLER, hint)
        yield in_source(f"{name} is not there any more", hint)


@change_rule("call-renamed", c.CallableRenamed)
def call_renamed(change: c.CallableRenamed) -> Judgements:
    """A method or an event keeps its name, which is no matter of the wire."""
    old, new = (quoted(f"{change.service}.{name}") for name in (change.old, change.new))
    yield in_source(f"{old} is called {new} now", "keep the old name")


@change_rule("id-changed", c.IdChanged)
def id_changed(change: c.IdChanged) -> Judgements:
    """A method or an event keeps its id, which is its name on the wire."""
    name = quoted(f"{change.service}.{change.name}")
    text = f"{name} is called by id {change.old}, and is {change.new} now"
    for pair, met in (
        (BOTH[0], text),
        (BOTH[1], f"{name} is called by id {change.new}, and is {change.old} there"),
    ):
        yield Judgement("wire", met, pair, f"write `id: {change.old}`")


@change_rule("id-reused", c.IdReused)
def id_reused(change: c.IdReused) -> Judgements:
    """An id that was given up is never given again."""
    name = quoted(f"{change.service}.{change.name}")
    text = f"an even older caller means something else by id {change.id} than {name}"
    yield Judgement(
        "wire", text, None, "take an id that was never used, and keep this one reserved"
    )


@change_rule("kind-changed", c.KindChanged)
def kind_changed(change: c.KindChanged) -> Judgements:
    """A method is called as it always was: items and arguments stay what they are."""
    text = f"{change.what} was {change.old} and is {change.new}"
    yield from between(BOTH, text, NEW_VERSION)
    yield in_source(text, NEW_VERSION)


@change_rule("result-changed", c.ResultChanged)
def result_changed(change: c.ResultChanged) -> Judgements:
    """A result or an item is no value where it was a stream, nothing, or raw bytes."""
    text = f"{change.what} is {quoted(change.new)} and was {quoted(change.old)},"
    yield from on_wire(refusals(change.flows, change.refused), text, NEW_VERSION)
    yield in_source(text.rstrip(","), NEW_VERSION)


@change_rule("params-class-changed", c.ParamsNameChanged)
def params_class_changed(change: c.ParamsNameChanged) -> Judgements:
    """What a method takes, or an event carries, keeps its class."""
    text = f"{change.what} has {quoted(change.new)}, and had {quoted(change.old)}"
    yield in_source(text, "the fields on the wire are judged on their own")


@change_rule("event-key-changed", c.EventKeyChanged)
def event_key_changed(change: c.EventKeyChanged) -> Judgements:
    """The key of an event stays: who is older subscribes by it."""
    hint = "tell of both with two events"
    if change.old is not None:
        text = f"{change.what} is subscribed to by {quoted(change.old)}, which is no key any more"
        yield Judgement("wire", text, Pair.OLD_CALLER, hint)
        yield in_source(text, hint)
    if change.new is not None:
        text = f"{change.what} is subscribed to by {quoted(change.new)}, which is no key there"
        breaks = change.old is not None
        yield Judgement("wire", text, Pair.OLD_PROVIDER, hint if breaks else "", breaks)


@change_rule("replay-lowered", c.ReplayLowered)
def replay_lowered(change: c.ReplayLowered) -> Judgements:
    """As much of an event is kept for those who come late as always was."""
    text = f"{change.what} keeps {change.new} for those who come late, and kept {change.old}"
    yield note("wire", text, Pair.OLD_CALLER)


@change_rule("buffer-changed", c.BufferChanged)
def buffer_changed(change: c.BufferChanged) -> Judgements:
    """What a slow subscriber of an event meets is its provider's matter, and good to know."""
    text = f"of {change.what}, {change.new} for a slow subscriber; it was: {change.old}"
    yield note("wire", text, Pair.OLD_CALLER)


@change_rule("cancel-changed", c.CancelChanged)
def cancel_changed(change: c.CancelChanged) -> Judgements:
    """What runs to its end goes on doing so: an old caller may leave before it is done."""
    if change.runs_on:
        text = f"{change.what} is stopped half way there when its caller leaves"
        hint = "upgrade providers first, and say `--order provider-first`"
        yield Judgement("wire", text, Pair.OLD_PROVIDER, hint)
    else:
        text = f"{change.what} is stopped half way when its caller leaves, and ran to its end"
        yield Judgement("wire", text, Pair.OLD_CALLER, "keep `cancel: ignore`")


@change_rule("effect-changed", c.EffectChanged)
def effect_changed(change: c.EffectChanged) -> Judgements:
    """What may be called twice stays so: an old caller calls again when a connection is lost."""
    if change.new == "write":
        text = f"{change.what} is called again after a lost connection, and each call counts now"
        yield Judgement("wire", text, Pair.OLD_CALLER, f"keep `effect: {change.old}`")
    elif change.old == "write":
        text = f"{change.what} is called again after a lost connection, where each call counts"
        hint = "upgrade providers first, and say `--order provider-first`"
        yield Judgement("wire", text, Pair.OLD_PROVIDER, hint)


@change_rule("raises-changed", c.RaisesChanged)
def raises_changed(change: c.RaisesChanged) -> Judgements:
    """Errors may come and go: a caller that does not know one sees its code."""
    if change.added:
        names = ", ".join(map(quoted, change.added))
        text = f"{change.what} raises {names}: an `UnknownError`"
        yield note("wire", text, Pair.OLD_CALLER)
    words = [f"raises {quoted(name)}" for name in change.added]
    words += [f"does not raise {quoted(name)} any more" for name in change.removed]
    yield note("source", f"{change.what} {', '.join(words)}: a `match` over all errors changes")


@change_rule("error-gone", c.ErrorGone)
def error_gone(change: c.ErrorGone) -> Judgements:
    """An error keeps its name, which is no matter of the wire: that is its code."""
    yield in_source(f"there is no error {quoted(change.name)} any more", "keep it, deprecated")


@change_rule("error-code-changed", c.ErrorCodeChanged)
def error_code_changed(change: c.ErrorCodeChanged) -> Judgements:
    """An error keeps its code, which is its name on the wire."""
    text = f"{quoted(change.name)} has code {quoted(change.new)}, and had {quoted(change.old)}"
    if change.flows:
        yield from between(BOTH, f"{text}: an `UnknownError`", f"write `code: {change.old}`")


@change_rule("retry-changed", c.RetryChanged)
def retry_changed(change: c.RetryChanged) -> Judgements:
    """What an error says of calling again is read from the caller's own package."""
    text = (
        f"{quoted(change.name)} says `retry: {change.new}`, and said `retry: {change.old}`: "
        "callers go by what they were built with"
    )
    yield note("wire", text, Pair.OLD_CALLER)
