"""A function behind a service number."""

import asyncio
import math
from typing import Any, cast

import pytest

from duologue.errors import BadFrame, CallError, RefusedValue
from duologue.promisifier.handlers import (
    BinaryResult,
    FunctionHandler,
    Outcome,
    Result,
    Unfinished,
    UnreadableArguments,
)
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.values import UNDEFINED
from tests.support import itself, served

NOBODY = cast(WebsocketPromisifier, None)


def start(function: Any, args: bytes | None) -> Outcome:
    return FunctionHandler(3, function, 255).start(served(args, NOBODY))


async def finish(outcome: Outcome) -> Result:
    assert isinstance(outcome, Unfinished)
    return await outcome


def fail_the_test(*_: object) -> None:
    pytest.fail("was called")


def echo(*args: object) -> list[object]:
    return list(args)


def test_arguments_are_spread() -> None:
    assert start(echo, b'[1,"a",[2],{"b":null}]') == b'[1,"a",[2],{"b":null}]'


@pytest.mark.parametrize("args", [None, b"[]", b" [ ] "])
def test_no_arguments_are_none(args: bytes | None) -> None:
    assert start(echo, args) == b"[]"


def test_undefined_reaches_the_function_as_itself() -> None:
    seen: list[object] = []

    def see(*args: object) -> None:
        seen.extend(args)

    start(see, b'["$__undefined$",["$__undefined$"]]')
    assert seen == [UNDEFINED, [UNDEFINED]]


@pytest.mark.parametrize("result", [None, UNDEFINED])
def test_nothing_returned_is_no_result(result: object) -> None:
    assert start(lambda: result, None) is None


async def test_an_async_function_gives_what_is_to_be_awaited() -> None:
    async def square(number: int) -> int:
        return number * number

    assert await finish(start(square, b"[12]")) == b"144"


async def test_any_awaitable_is_awaited() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_result("done")
    assert await finish(start(lambda: future, None)) == b'"done"'


@pytest.mark.parametrize("args", [b"[1e400]", b'["a",-1e999]'])
def test_arguments_that_are_no_json_after_all_never_reach_the_function(args: bytes) -> None:
    with pytest.raises(UnreadableArguments):
        start(fail_the_test, args)


def test_a_bad_frame_of_the_functions_own_is_not_taken_for_its_arguments() -> None:
    def fail() -> None:
        raise BadFrame("of something else")

    with pytest.raises(BadFrame) as failed:
        start(fail, None)
    assert not isinstance(failed.value, UnreadableArguments)


@pytest.mark.parametrize("result", [b"x", bytearray(b"x"), memoryview(b"x")])
def test_raw_bytes_as_a_result_are_a_type_error(result: object) -> None:
    handler = FunctionHandler(3, lambda: result, 255)
    with pytest.raises(BinaryResult) as refused:
        handler.start(served(None, NOBODY))
    failure = handler.failure(refused.value)
    assert (failure.name, failure.message, failure.code) == (
        "TypeError",
        "Binary data must be sent from a SimpleReadStream",
        None,
    )


@pytest.mark.parametrize("result", [math.nan, {1}, 2**53, object()])
def test_a_result_that_the_wire_cannot_carry_is_refused(result: object) -> None:
    with pytest.raises(RefusedValue) as refused:
        start(lambda: result, None)
    assert refused.value.key == "data"


def test_results_go_down_to_the_deepest_level() -> None:
    def nested(levels: int) -> list[object]:
        value: list[object] = []
        for _ in range(levels - 1):
            value = [value]
        return value

    assert start(lambda: nested(255), None)
    with pytest.raises(RefusedValue):
        start(lambda: nested(256), None)


def test_wrong_arguments_are_an_error_of_the_function() -> None:
    handler = FunctionHandler(3, itself, 255)
    with pytest.raises(TypeError):
        handler.start(served(None, NOBODY))


def test_the_name_says_number_and_function() -> None:
    assert FunctionHandler(3, echo, 255).name == "service 3 (echo)"
    assert FunctionHandler(4, math.sqrt, 255).name == "service 4 (sqrt)"


def test_an_object_that_can_be_called_has_a_name_too() -> None:
    class Service:
        def __call__(self) -> None: ...

        def __repr__(self) -> str:
            return "<Service>"

    assert FunctionHandler(3, Service(), 255).name == "service 3 (<Service>)"


def test_an_error_meant_for_the_caller_is_told() -> None:
    assert FunctionHandler(3, echo, 255).failure(CallError("no", code="NO")).code == "NO"
