"""What really happens when two sides of different age meet: through the generated models.

No sockets: a caller's table of methods encodes, a provider's decodes, and the reverse. What the one
cannot read of the other is a failure.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from duologue.errors import DuologueError
from duologue.protocol.messages import Failure
from duologue.protocol.values import SENTINEL_JSON
from duologue.typed import ServiceContract
from duologue_codegen.compatibility.ways import Pair
from duologue_codegen.model import (
    Contract,
    Event,
    InlineParams,
    InlinePayload,
    Method,
    Ref,
    Service,
    StreamOf,
)
from duologue_codegen.text.tree import Data
from tests.contract_values import Values

DRAWS: Final = 12
"""Values of each kind that go each way."""
SENTINEL: Final[str] = json.loads(SENTINEL_JSON)
REFUSALS: Final = (ValidationError, DuologueError, ValueError)


@dataclass(frozen=True)
class Side:
    """One version of a contract, and the package that was made from it."""

    contract: Contract
    services: dict[str, ServiceContract]


@dataclass(frozen=True)
class Trouble:
    """What went wrong between two sides."""

    what: str
    lost: bool = False
    """Nothing was refused: it was dropped without a word."""


def troubles(caller: Side, provider: Side, seed: int) -> Iterator[Trouble]:
    """What goes wrong when `caller` does with `provider` all that a peer of its own age offers.

    What only the caller's version has is left out if `caller` is the newer one: it is UNIMPLEMENTED
    and everybody knows.
    """
    for name, service in caller.contract.services.items():
        full = f"{caller.contract.package}.{name}"
        theirs = provider.services.get(full)
        if theirs is None:
            yield Trouble(f"no service {name}")
            continue
        meeting = _Meeting(caller, provider, name, seed)
        for method in service.methods.values():
            yield from meeting.call(method)
        for event in service.events.values():
            yield from meeting.hear(event)
    yield from _not_offered(caller, provider)


def _not_offered(caller: Side, provider: Side) -> Iterator[Trouble]:
    """What one side of a dialogue calls, and the other side, of its own age, does not offer."""
    for dialogue in caller.contract.dialogues.values():
        theirs = provider.contract.dialogues.get(dialogue.name)
        offered = {role.name: role.services for role in (() if theirs is None else theirs.roles)}
        for role in dialogue.roles:
            found = {each.name for each in offered.get(role.name, role.services)}
            for service in role.services:
                if service.name not in found:
                    yield Trouble(f"{dialogue.name}.{role.name} does not offer {service.name}")


class _Meeting:
    def __init__(self, caller: Side, provider: Side, name: str, seed: int) -> None:
        self.caller, self.provider = caller, provider
        self.name = name
        self.asks = Values(caller.contract, seed)
        self.answers = Values(provider.contract, seed + 1)

    def call(self, method: Method) -> Iterator[Trouble]:
        what = f"{self.name}.{method.name}"
        mine = _callable(self.caller, self.name, method.id)
        yours = _callable(self.provider, self.name, method.id)
        same = _of_model(self.provider.contract, self.name, method.id)
        if yours is None or not isinstance(same, Method):
            yield Trouble(f"{what} is UNIMPLEMENTED")
            return
        if type(mine) is not type(yours):
            yield Trouble(f"{what} is called in another manner")
            return
        if mine.may_be_repeated and not yours.may_be_repeated:
            yield Trouble(f"{what} is repeated, and may not be")
        if method.ignores_cancel and not same.ignores_cancel:
            yield Trouble(f"{what} is stopped half way")
        for _ in range(DRAWS):
            yield from self._params(method, mine, yours, what)
            yield from self._items(method, same, mine, yours, what)
            yield from self._result(same, mine, yours, what)
            yield from self._errors(same, mine, yours, what)

    def hear(self, event: Event) -> Iterator[Trouble]:
        what = f"{self.name}.{event.name}"
        mine = _callable(self.caller, self.name, event.id)
        yours = _callable(self.provider, self.name, event.id)
        same = _of_model(self.provider.contract, self.name, event.id)
        if yours is None or not isinstance(same, Event):
            yield Trouble(f"{what} never happens")
            return
        if mine.key is not None and (yours.key is None or yours.key[0] != mine.key[0]):
            yield Trouble(f"{what} is subscribed to by {mine.key[0]}")
        for _ in range(DRAWS):
            data = _object(same.payload, self.provider.contract, self.answers)
            text = f"[{json.dumps(data)}]".encode()
            sent = yours.payload.encode(what, (yours.payload.decode(what, text),), {})
            for each in (text, sent):
                yield from _read(f"{what} carries {data}", mine.payload.decode, what, each)

    # ---- what goes one way -------------------------------------------------------------------

    def _params(self, method: Method, mine: Any, yours: Any, what: str) -> Iterator[Trouble]:
        fields, home = self.caller.contract.fields_of(method.params)
        data = self.asks.fields(fields, home)
        arguments: list[Data] = [data]
        if method.params is None:
            arguments = []
        elif method.positional:
            arguments = _by_position(data, [field.wire for field in fields.values()])
        text = json.dumps(arguments).encode()
        given = mine.params.decode(what, text)
        sent = b"[]" if method.params is None else mine.params.encode(what, (given,), {})
        for each in (text, sent):
            yield from _read(f"params {arguments} of {what}", yours.params.decode, what, each)
        if method.params is None or method.positional:
            return
        try:
            taken = yours.params.decode(what, sent)
        except REFUSALS:
            return
        known: Any = {} if taken is None else json.loads(yours.params.encode(what, (taken,), {}))[0]
        for lost in _lost(json.loads(sent)[0], known):
            yield Trouble(f"{lost} of the params of {what} is dropped", lost=True)

    def _items(
        self, method: Method, same: Method, mine: Any, yours: Any, what: str
    ) -> Iterator[Trouble]:
        if method.sends is not None:
            item = self.asks.of(method.sends)
            yield from _pass(f"item {item} of {what}", item, mine.sends, yours.sends)
        if same.yields is not None:
            item = self.answers.of(same.yields)
            yield from _pass(f"item {item} of {what}", item, yours.yields, mine.yields)

    def _result(self, same: Method, mine: Any, yours: Any, what: str) -> Iterator[Trouble]:
        if isinstance(same.returns, StreamOf):
            if mine.returns is not yours.returns:
                yield Trouble(f"{what} returns a stream")
        elif same.returns is None:
            yield from _read(f"no result of {what}", mine.decode_result, None)
        else:
            data = self.answers.of(same.returns)
            text = json.dumps(data).encode()
            sent = yours.returns.encode(yours.returns.decode(text))
            for each in (text, sent):
                yield from _read(f"result {data} of {what}", mine.decode_result, each)
            yield from _dropped(what, sent, mine.returns)

    def _errors(self, same: Method, mine: Any, yours: Any, what: str) -> Iterator[Trouble]:
        home = self.provider.contract
        service = home.services[self.name]
        raised = {error.code: error for error in home.errors_of(service, same)}
        codes = {error.name: error.code for error in self.caller.contract.errors.values()}
        for code, declared in yours.errors.items():
            error = raised[code]
            if codes.get(error.name, code) != code:
                yield Trouble(f"{error.name} of {what} has another code")
            if code not in mine.errors:
                continue
            details: Any = self.answers.fields(error.fields, home) if error.fields else None
            if details is not None:
                details = json.loads(
                    declared.codec.encode(declared.codec.decode(json.dumps(details).encode()))
                )
            failure = Failure(error.name, "", code, details)
            got = mine.errors[code].rebuild(failure)
            if not isinstance(got, mine.errors[code].error):
                yield Trouble(f"error {details} of {what}: {got}")


def _callable(side: Side, name: str, id_: int) -> Any:
    table = side.services[f"{side.contract.package}.{name}"]
    everything: list[Any] = [*table.methods, *table.events]
    return next((each for each in everything if each.id == id_), None)


def _of_model(contract: Contract, name: str, id_: int) -> Method | Event | None:
    service: Service = contract.services[name]
    return next((each for each in service.numbered if each.id == id_), None)


def _object(
    stated: InlineParams | InlinePayload | Ref | None, home: Contract, draw: Values
) -> Data:
    fields, declared_in = home.fields_of(stated)
    return draw.fields(fields, declared_in)


def _by_position(data: dict[str, Data], names: list[str]) -> list[Data]:
    """Arguments in their order: undefined between others, and left out behind them."""
    found = [data.get(name, SENTINEL) for name in names]
    while found and found[-1] == SENTINEL:
        found.pop()
    return found


def _pass(what: str, data: Data, sender: Any, receiver: Any) -> Iterator[Trouble]:
    text = json.dumps(data).encode()
    raw = [type(codec).__name__ == "_ByteItems" for codec in (sender, receiver)]
    if raw[0] != raw[1]:
        yield Trouble(f"{what}: bytes and JSON")
    elif not raw[0]:
        sent = sender.encode(sender.decode(text))
        for each in (text, sent):
            yield from _read(what, receiver.decode, each)
        yield from _dropped(what, sent, receiver)


def _read(what: str, read: Any, *arguments: Any) -> Iterator[Trouble]:
    try:
        read(*arguments)
    except REFUSALS as error:
        yield Trouble(f"{what}: {error}")


def _dropped(what: str, sent: bytes, receiver: Any) -> Iterator[Trouble]:
    """What a receiver that takes a value lets fall."""
    try:
        taken = receiver.decode(sent)
        known = json.loads(receiver.encode(taken)) if taken is not None else None
    except REFUSALS:
        return
    for lost in _lost(json.loads(sent), known):
        yield Trouble(f"{lost} of {what} is dropped", lost=True)


def _lost(sent: Data, known: Data) -> Iterator[str]:
    """What was said and is not known."""
    if isinstance(sent, dict) and isinstance(known, dict):
        for key, value in sent.items():
            if key not in known:
                if value is not None:
                    yield key
            else:
                yield from _lost(value, known[key])
    elif isinstance(sent, list) and isinstance(known, list):
        for one, other in zip(sent, known, strict=False):
            yield from _lost(one, other)


def pair_name(caller_is_old: bool) -> Pair:
    """The pair in which the caller is the old side, or the provider."""
    return Pair.OLD_CALLER if caller_is_old else Pair.OLD_PROVIDER
