"""Two versions of one method or one event: how it is called, and what travels then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..diagnostics import quoted
from ..model import (
    Buffer,
    Contract,
    Event,
    InlineParams,
    InlinePayload,
    Method,
    Ref,
    Scalar,
    ScalarKind,
    StreamKind,
    StreamOf,
    TypeExpr,
)
from ..model.canonical import expression_text
from .changes import (
    BufferChanged,
    CancelChanged,
    Change,
    EffectChanged,
    EventKeyChanged,
    KindChanged,
    ParamsNameChanged,
    RaisesChanged,
    ReplayLowered,
    ResultChanged,
)
from .fields import Block, field_changes
from .types import Found, Named, NamedPair, Typed, takes_null, whole_changes
from .ways import Direction, Flow, Way


@dataclass(frozen=True, slots=True)
class Call:
    """A method or an event of one version."""

    one: Method | Event
    service: str
    home: Contract

    @property
    def name(self) -> str:
        """`Rooms.join`."""
        return f"{self.service}.{self.one.name}"


def call_changes(old: Call, new: Call) -> Iterator[tuple[Flow, Change | NamedPair]]:
    """What is different in what travels, each with the way it takes."""
    match old.one, new.one:
        case Method() as before, Method() as after:
            yield from _method_changes(before, after, old, new)
        case Event() as before, Event() as after:
            flow = Flow(Direction.OUT, f"what event {quoted(new.name)} carries")
            found = _block_changes(before.payload, after.payload, old, new, "field")
            yield from ((flow, each) for each in found)
            yield from ((flow, each) for each in _event_changes(before, after, old, new))
        case _:
            flow = Flow(Direction.OUT, quoted(new.name))
            yield flow, _kind_changed(old, new, _kind(old.one), _kind(new.one))


def _event_changes(before: Event, after: Event, old: Call, new: Call) -> Iterator[Change]:
    """How one subscribes to an event, and what one gets of the time before."""
    package, what = new.home.package, quoted(new.name)
    keys = _key_of(before, old), _key_of(after, new)
    if keys[0] != keys[1]:
        yield EventKeyChanged(
            package=package,
            at=after.at if after.key is None else after.key.at,
            was=before.at if before.key is None else before.key.at,
            what=what,
            old=keys[0],
            new=keys[1],
        )
    if after.replay < before.replay:
        yield ReplayLowered(
            package=package,
            at=after.at,
            was=before.at,
            what=what,
            old=before.replay,
            new=after.replay,
        )
    if before.buffer != after.buffer:
        yield BufferChanged(
            package=package,
            at=after.at,
            was=before.at,
            what=what,
            old=_buffer_text(before.buffer),
            new=_buffer_text(after.buffer),
        )


def _buffer_text(buffer: Buffer) -> str:
    end = "the oldest is dropped" if buffer.when_full == "drop_oldest" else "it is closed"
    return f"{buffer.max:,} events wait, and above that {end}"


def _key_of(event: Event, call: Call) -> str | None:
    if event.key is None:
        return None
    field = call.home.fields_of(event.payload)[0].get(event.key.field)
    return event.key.field if field is None else field.wire


def _kind(one: Method | Event) -> str:
    if isinstance(one, Event):
        return "an event"
    words = [
        word for word, items in (("sends", one.sends), ("yields", one.yields)) if items is not None
    ]
    return f"a method that {' and '.join(words)} items" if words else "a method without items"


def _kind_changed(old: Call, new: Call, before: str, after: str) -> KindChanged:
    return KindChanged(
        package=new.home.package,
        at=new.one.at,
        was=old.one.at,
        what=quoted(new.name),
        old=before,
        new=after,
    )


def _method_changes(
    before: Method, after: Method, old: Call, new: Call
) -> Iterator[tuple[Flow, Change | NamedPair]]:
    inward = Flow(Direction.IN, f"the params of {quoted(new.name)}")
    outward = Flow(Direction.OUT, f"what {quoted(new.name)} returns")
    if before.positional != after.positional:
        words = [
            "arguments by position" if one.positional else "an object" for one in (before, after)
        ]
        yield inward, _kind_changed(old, new, *(f"called with {each}" for each in words))
    else:
        for each in _block_changes(before.params, after.params, old, new, "param"):
            yield inward, each
    if (before.sends is None, before.yields is None) != (after.sends is None, after.yields is None):
        yield outward, _kind_changed(old, new, _kind(before), _kind(after))
        return
    sent = Flow(Direction.IN, f"the items that {quoted(new.name)} sends")
    yielded = Flow(Direction.OUT, f"the items that {quoted(new.name)} yields")
    for flow, was, is_ in (
        (sent, before.sends, after.sends),
        (yielded, before.yields, after.yields),
    ):
        if was is not None and is_ is not None:
            for each in _item_changes(was, is_, old, new, flow):
                yield flow, each
    for each in _result_changes(before.returns, after.returns, old, new):
        yield outward, each
    yield from _behaviour_changes(before, after, old, new)


def _behaviour_changes(
    before: Method, after: Method, old: Call, new: Call
) -> Iterator[tuple[Flow, Change]]:
    package, what = new.home.package, quoted(new.name)
    flow = Flow(Direction.IN, what)
    if before.effect != after.effect:
        yield (
            flow,
            EffectChanged(
                package=package,
                at=after.at,
                was=before.at,
                what=what,
                old=before.effect,
                new=after.effect,
            ),
        )
    if before.ignores_cancel != after.ignores_cancel:
        yield (
            flow,
            CancelChanged(
                package=package,
                at=after.at,
                was=before.at,
                what=what,
                runs_on=after.ignores_cancel,
            ),
        )
    raised_before, raised = _raised(before, old), _raised(after, new)
    known = {*raised_before.values(), *raised_before}
    added = tuple(name for name, code in raised.items() if not {name, code} & known)
    known = {*raised.values(), *raised}
    removed = tuple(name for name, code in raised_before.items() if not {name, code} & known)
    if added or removed:
        change = RaisesChanged(
            package=package,
            at=after.at,
            was=before.at,
            what=what,
            added=added,
            removed=removed,
        )
        yield flow, change


def _raised(method: Method, call: Call) -> dict[str, str]:
    """The errors that a method may raise: their codes, by their names."""
    service = call.home.services[call.service]
    return {error.name: error.code for error in call.home.errors_of(service, method)}


# ---- params and payloads -------------------------------------------------------------------------


def _block_changes(
    before: InlineParams | InlinePayload | Ref | None,
    after: InlineParams | InlinePayload | Ref | None,
    old: Call,
    new: Call,
    of_call: str,
) -> Found:
    package = new.home.package
    pair = _named_pair(before, after, old, new)
    if pair is not None:
        yield pair
    else:
        positional = isinstance(new.one, Method) and new.one.positional
        was_block, is_block = (
            _block(stated, call, of_call, positional)
            for stated, call in ((before, old), (after, new))
        )
        yield from field_changes(was_block, is_block)
    names = _class_name(before), _class_name(after)
    if names[0] != names[1] and before is not None and after is not None:
        yield ParamsNameChanged(
            package=package,
            at=after.at,
            was=before.at,
            what=quoted(new.name),
            old=names[0] or "fields of its own",
            new=names[1] or "fields of its own",
        )


def _named_pair(
    before: InlineParams | InlinePayload | Ref | None,
    after: InlineParams | InlinePayload | Ref | None,
    old: Call,
    new: Call,
) -> NamedPair | None:
    """Two named types, unless they go over the wire field by field."""
    if not (isinstance(before, Ref) and isinstance(after, Ref)):
        return None
    if isinstance(new.one, Method) and new.one.positional:
        return None
    was, is_ = old.home.resolve(before), new.home.resolve(after)
    old_home, new_home = old.home.home_of(before), new.home.home_of(after)
    if was is None or is_ is None or old_home is None or new_home is None:
        return None
    return NamedPair(Named(was, old_home), Named(is_, new_home))


def _block(
    stated: InlineParams | InlinePayload | Ref | None, call: Call, of_call: str, positional: bool
) -> Block:
    fields, home = call.home.fields_of(stated)
    target = call.home.resolve(stated) if isinstance(stated, Ref) else None
    return Block(
        fields=fields,
        home=home,
        name=call.name if target is None else target.name,
        of_call=of_call if target is None else "",
        at=call.one.at if target is None else target.at,
        positional=positional,
    )


def _class_name(stated: InlineParams | InlinePayload | Ref | None) -> str:
    return expression_text(stated) if isinstance(stated, Ref) else ""


# ---- items and results ---------------------------------------------------------------------------


def _item_changes(was: TypeExpr, is_: TypeExpr, old: Call, new: Call, flow: Flow) -> Found:
    if _is_raw(was) != _is_raw(is_):
        # `bytes` travel as they are, everything else as JSON.
        yield ResultChanged(
            package=new.home.package,
            at=is_.at,
            was=was.at,
            what=flow.where,
            old=expression_text(was),
            new=expression_text(is_),
            refused=frozenset(Way),
        )
        return
    what = f"an item of {quoted(new.name)}"
    yield from whole_changes(Typed(was, old.home), Typed(is_, new.home), what, new.home.package)


def _is_raw(expr: TypeExpr) -> bool:
    return isinstance(expr, Scalar) and expr.kind is ScalarKind.BYTES


def _result_changes(
    was: TypeExpr | StreamOf | None, is_: TypeExpr | StreamOf | None, old: Call, new: Call
) -> Found:
    package, what = new.home.package, f"the result of {quoted(new.name)}"
    if was is None or is_ is None or isinstance(was, StreamOf) or isinstance(is_, StreamOf):
        refused = {
            way
            for way, sender, receiver, home in (
                (Way.FORTH, was, is_, new.home),
                (Way.BACK, is_, was, old.home),
            )
            if not _result_taken(sender, receiver, home)
        }
        if was != is_:
            yield ResultChanged(
                package=package,
                at=new.one.at if is_ is None else is_.at,
                was=old.one.at if was is None else was.at,
                what=what,
                old="nothing" if was is None else expression_text(was),
                new="nothing" if is_ is None else expression_text(is_),
                refused=frozenset(refused),
            )
        return
    yield from whole_changes(Typed(was, old.home), Typed(is_, new.home), what, package)


def _result_taken(
    sender: TypeExpr | StreamOf | None, receiver: TypeExpr | StreamOf | None, home: Contract
) -> bool:
    """Whether a caller who expects `receiver` can do with what came, a stream or nothing."""
    if isinstance(sender, StreamOf) and isinstance(receiver, StreamOf):
        return receiver.kind is StreamKind.ANY or sender.kind is receiver.kind
    if isinstance(sender, StreamOf):
        return False
    if sender is None and receiver is not None and not isinstance(receiver, StreamOf):
        return takes_null(receiver, home)  # no result is read as null
    # Who expects nothing looks at nothing.
    return receiver is None
