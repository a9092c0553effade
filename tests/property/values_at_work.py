"""Values on their way through client, wire and service of generated packages; none may change.

    python -m tests.property.values_at_work SCHEMA PACKAGE...

Run where the folder `generated` with those packages is. Values are drawn from the contracts, as a
sender of JSON may send them. A method's handler must be given what its caller gave, and a caller
what the handler gave back: the same values of the same types.
"""

import asyncio
import importlib
import json
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

from pydantic import BaseModel

from duologue import ByteStream, Limits, TextStream
from duologue.testing import linked_peers
from duologue.testing.examples import call_method, client_of
from duologue.typed.contract import Download, Duplex, Upload
from duologue.typed.contract import Method as Table
from duologue_codegen.model import Contract, Event, Method, Service, StreamKind, StreamOf
from duologue_codegen.reading.project import load_project
from tests.contract_values import Values

ROUNDS: Final = 3
"""How often each method is called, and each event emitted."""
ITEMS: Final = 3
STREAMS: Final[Mapping[StreamKind, tuple[Callable[[], ByteStream | TextStream], bytes | str]]] = {
    StreamKind.BYTES: (lambda: ByteStream(b"ab\0\xff"), b"ab\0\xff"),
    StreamKind.TEXT: (lambda: TextStream("abü😀"), "abü😀"),
    StreamKind.ANY: (lambda: TextStream("one of them"), "one of them"),
}
"""What a handler gives, and what its caller reads of it."""


class Changed(AssertionError):
    """A value came in another form than it was sent in."""


def must_be_same(what: str, sent: object, came: object) -> None:
    """Raises `Changed` unless they are equal, and of the same types inside, too."""
    if sent != came or shape_of(sent) != shape_of(came):
        raise Changed(f"{what}: {sent!r} was sent, and {came!r} came")


def shape_of(value: object) -> object:
    """A value with the types of all its parts; a moment has the same in any class of time zone."""
    match value:
        case BaseModel():
            held = {**vars(value), **(value.model_extra or {})}
            return type(value), {name: shape_of(each) for name, each in held.items()}
        case list():
            return [shape_of(each) for each in cast("list[object]", value)]
        case dict():
            items = cast("dict[object, object]", value).items()
            return {shape_of(key): shape_of(each) for key, each in items}
        case datetime():
            return datetime, value.isoformat()
        case _:
            return type(value), value


async def package_at_work(contract: Contract, seed: int) -> int:
    """Returns how many calls and events there were."""
    module = importlib.import_module(f"generated.{contract.package}")
    values, number = Values(contract, seed), 0
    for service in contract.services.values():
        work = _ServiceAtWork(contract, service, values, module)
        number += await work.run()
    return number


class _ServiceAtWork:
    def __init__(self, contract: Contract, service: Service, values: Values, module: Any) -> None:
        self._contract = contract
        self._service = service
        self._values = values
        self._name = f"{contract.package}.{service.name}"
        kind: Any = getattr(module, f"{service.name}ServicePartial")
        self._table = kind.__contract__
        self._methods: dict[str, Table[..., Any, Any]] = {
            each.name: each for each in self._table.methods
        }
        self._given: list[Any] = []
        self._taken: list[Any] = []
        self._yields: list[Any] = []
        self._result: Any = None
        handlers = {name: self._handler(service.methods[name]) for name in self._methods}
        self.offered = type("Echo", (kind,), handlers)()

    async def run(self) -> int:
        limits = Limits(max_stream_window_bytes=2**22)
        async with linked_peers([self.offered], limits=limits) as (_, peer):
            client: Any = client_of(self._table, peer)
            for _ in range(ROUNDS):
                for name in self._methods:
                    await self._call(client, self._service.methods[name])
                for event in self._service.events.values():
                    await self._emit(client, event)
        return ROUNDS * (len(self._methods) + len(self._service.events))

    # ---- calls -----------------------------------------------------------------------------------

    async def _call(self, client: Any, method: Method) -> None:
        what = f"{self._name}.{method.name}"
        table: Any = self._methods[method.name]
        keywords, params = self._params(table.params.model, method.params)
        sends = self._items(method.sends, getattr(table, "sends", None))
        self._yields = self._items(method.yields, getattr(table, "yields", None))
        self._given, self._taken, self._result = [], [], None
        expected: Any = None
        if isinstance(method.returns, StreamOf):
            make, expected = STREAMS[method.returns.kind]
            self._result = make()
        elif method.returns is not None:
            data = self._values.of(method.returns)
            self._result = expected = table.returns.decode(json.dumps(data).encode())
        yielded, result = await call_method(client, table, keywords, sends)
        must_be_same(f"params of {what}", [] if params is None else [params], self._given)
        must_be_same(f"what {what} sends", sends, self._taken)
        must_be_same(f"what {what} yields", self._yields, list(yielded))
        must_be_same(f"what {what} returns", expected, result)

    def _params(self, model: Any, stated: Any) -> tuple[dict[str, Any], Any]:
        if model is None:
            return {}, None
        fields, home = self._contract.fields_of(stated)
        data = self._values.fields(fields, home)
        made = model.model_validate_json(json.dumps(data))
        # Not by `getattr`: a deprecated field would warn.
        return {name: vars(made)[name] for name in made.model_fields_set}, made

    def _items(self, type_: Any, codec: Any) -> list[Any]:
        if type_ is None:
            return []
        data = [self._values.of(type_) for _ in range(ITEMS)]
        return [codec.decode(json.dumps(each).encode()) for each in data]

    def _handler(self, method: Method) -> Callable[..., Any]:
        table = self._methods[method.name]

        def begin(arguments: Sequence[Any]) -> list[Any]:
            left = list(arguments)
            if table.params.model is not None:
                self._given.append(left.pop(0))
            return left

        async def take(items: AsyncIterator[Any]) -> None:
            self._taken += [item async for item in items]

        async def unary(_self: Any, *arguments: Any) -> Any:
            begin(arguments)
            return self._result

        async def generator(_self: Any, *arguments: Any) -> AsyncIterator[Any]:
            left = begin(arguments)
            if isinstance(table, Duplex):
                await take(left.pop(0))
            for item in self._yields:
                yield item

        async def with_items(_self: Any, *arguments: Any) -> Any:
            left = begin(arguments)
            if isinstance(table, Upload | Duplex):
                await take(left.pop(0))
            if isinstance(table, Download | Duplex):
                await left.pop(0).send_all(self._yields)
            return self._result

        if method.yields is not None and method.returns is None:
            return generator
        return with_items if method.has_items else unary

    # ---- events ----------------------------------------------------------------------------------

    async def _emit(self, client: Any, event: Event) -> None:
        (table,) = (each for each in self._table.events if each.name == event.name)
        keywords, payload = self._params(table.payload.model, event.payload)
        async with getattr(client, f"on_{event.name}")() as subscription:
            getattr(self.offered, f"emit_{event.name}")(**keywords)
            met = await anext(subscription)
        must_be_same(f"event {self._name}.{event.name}", payload, met)


def main() -> None:
    """Prints how many there were, or fails."""
    schema, *packages = sys.argv[1:]
    # A handler may be deprecated, and is called nevertheless.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    contracts = {each.package: each for each in load_project(Path(schema)).everything}
    number = 0
    for seed, package in enumerate(packages):
        number += asyncio.run(package_at_work(contracts[package], seed))
    print(number)


if __name__ == "__main__":
    main()
