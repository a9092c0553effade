"""Examples of a contract as tests of a service."""

import asyncio
import importlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar, cast

from duologue.errors import CallError, ContractError
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.testing.linked import linked
from duologue.typed.client import Client
from duologue.typed.codec import Codec
from duologue.typed.contract import Download, Duplex, Method, ServiceContract, Upload
from duologue.typed.service import Service

S = TypeVar("S", bound=Service)

_ABSENT: Final = object()


@dataclass(frozen=True)
class ContractExample:
    """One call of a method, and what a contract says comes of it."""

    method: Method[..., Any, Any]
    name: str
    content: Mapping[str, Any]
    """As in the contract: `params`, `sends`, `yields`, `returns`, `error`."""

    def __str__(self) -> str:
        return f"{self.method.name}: {self.name}"


def examples_of(service: type[Service]) -> list[ContractExample]:
    """All examples of the methods of a generated service class, in the order of its methods.

    Raises:
        LookupError: the contract is not beside the package any more.
    """
    contract = service.__contract__
    described = contract.description()
    if described is None:
        raise LookupError(f"the contract of {contract.name} is not beside its package")
    services: Mapping[str, Any] = json.loads(described.contract)["services"]
    methods: Mapping[str, Any] = services[contract.name.rpartition(".")[2]]["methods"]
    return [
        ContractExample(method, example["name"], example)
        for method in contract.methods
        for example in methods[method.name].get("examples", ())
    ]


def contract_examples(
    service: type[S], *, ignoring: Collection[str] = ()
) -> Callable[[Callable[[], S]], Callable[..., None]]:
    """Make each example of a contract a test of one's service.

    It decorates a function of a test module, whose name begins with `test`, that makes the service:

        @duologue.testing.contract_examples(GreeterService)
        def test_examples() -> GreeterService:
            return Greeter()

    For each example one is made and called through the real protocol, in memory. What it answers
    has to be what the example says, and where that is an error, the error with its fields. Fields
    named in `ignoring` are not compared, at any depth: what is new each time, as moments and ids
    are. A contract without examples is one skipped test that says so. Needs pytest, and no plugin.

    Raises:
        TypeError: the contract is not beside the generated package any more.
    """
    import pytest

    try:
        examples = examples_of(service)
    except LookupError as error:
        raise TypeError(str(error)) from None
    reason = f"{service.__contract__.name} has no examples"

    def decorate(make: Callable[[], S]) -> Callable[..., None]:
        def test(example: ContractExample) -> None:
            asyncio.run(check_example(make(), example, ignoring=ignoring))

        test.__name__ = make.__name__
        test.__doc__ = make.__doc__
        test.__module__ = make.__module__
        given = [pytest.param(each, id=str(each)) for each in examples] or [
            pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))
        ]
        return cast(Callable[..., None], pytest.mark.parametrize("example", given)(test))

    return decorate


async def check_example(
    service: Service, example: ContractExample, *, ignoring: Collection[str] = ()
) -> None:
    """Call `service` as `example` says.

    Raises:
        AssertionError: something else has come of it; says what was expected.
        CallError: it has failed in a way that the example does not tell.
    """
    contract, content = service.__contract__, example.content
    error_name, error_fields = _error_in(content)
    async with linked(service, partial(client_of, contract)) as client:
        try:
            yielded, result = await _call(client, example)
        except CallError as error:
            if not _is_declared(error):
                raise
            if type(error).__name__ != error_name:
                raise AssertionError(f"{error_name or 'a result'} was expected") from error
            if error_fields is not None:
                met = _plain(error.details)
                _assert_same("the error's fields", error_fields, met, ignoring)
            return
    assert error_name is None, f"{error_name} was expected, and {result!r} was returned"
    if "yields" in content:
        codec: Codec[Any] = cast(Any, example.method).yields
        _assert_same("what it yields", content["yields"], [*map(_json(codec), yielded)], ignoring)
    if "returns" in content:
        codec = example.method.returns
        expected = _json(codec)(codec.decode(json.dumps(content["returns"]).encode()))
        _assert_same("what it returns", expected, _json(codec)(result), ignoring)


def _is_declared(error: CallError) -> bool:
    return isinstance(error, ContractError)


def client_of(contract: ServiceContract, peer: WebsocketPromisifier) -> Client:
    """The generated client of a contract."""
    module = importlib.import_module(f"{contract.python_package}.client")
    kind: type[Client] = getattr(module, f"{contract.name.rpartition('.')[2]}Client")
    return kind(peer)


async def _call(client: Client, example: ContractExample) -> tuple[Sequence[object], object]:
    method, content = example.method, example.content
    sends: Codec[Any] | None = getattr(method, "sends", None)
    items = () if sends is None else _items(sends, content)
    return await call_method(client, method, _keywords(method, content.get("params", {})), items)


async def call_method(
    client: Client,
    method: Method[..., Any, Any],
    keywords: Mapping[str, Any],
    items: Sequence[object],
) -> tuple[Sequence[object], object]:
    """What was yielded, and the result; a stream as a whole."""
    call = partial(getattr(client, method.name), **keywords)
    match method:
        case Download():
            async with call() as incoming:
                return [item async for item in incoming], await incoming.result()
        case Upload():
            async with call() as outgoing:
                await outgoing.send_all(items)
                return (), await outgoing.result()
        case Duplex():
            async with call() as exchange:
                exchange.send_all(items)
                return [item async for item in exchange], await exchange.result()
        case _:
            result = await call()
            if isinstance(result, ByteStream | TextStream):
                result = await result.read()
            return (), result


def _keywords(method: Method[..., Any, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    model = method.params.model
    if model is None:
        return {}
    made = model.model_validate_json(json.dumps(params))
    # Not by `getattr`: a deprecated field would warn.
    return {name: vars(made)[name] for name in made.model_fields_set}


def _items(codec: Codec[Any], content: Mapping[str, Any]) -> list[object]:
    return [codec.decode(json.dumps(item).encode()) for item in content.get("sends", ())]


def _json(codec: Codec[Any]) -> Callable[[Any], Any]:
    return lambda value: json.loads(codec.encode(value))


def _plain(value: object) -> Any:
    return json.loads(json.dumps(value))


def _error_in(content: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any] | None]:
    """Name and fields of the error that an example expects, in either of its two forms."""
    error: Any = content.get("error")
    if isinstance(error, Mapping):
        [(name, fields)] = cast("Mapping[str, Mapping[str, Any]]", error).items()
        return name, fields
    return error, None


def _assert_same(what: str, expected: Any, met: Any, ignoring: Collection[str]) -> None:
    kept = _without(expected, ignoring), _without(met, ignoring)
    assert kept[0] == kept[1], f"{what}: {kept[0]} was expected, and {kept[1]} has come"


def _without(value: Any, ignoring: Collection[str]) -> Any:
    if isinstance(value, list):
        return [_without(item, ignoring) for item in _items_of(value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _without(fields[name], ignoring) for name in fields if name not in ignoring}
    return value


def _items_of(value: Any) -> list[Any]:
    return list(value)
