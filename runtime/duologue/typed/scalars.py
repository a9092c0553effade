"""Scalar types of the contract language that Python has no type of its own for."""

import math
from enum import IntEnum, StrEnum
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from duologue.limits import MAX_SAFE_INTEGER

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

SafeInt: TypeAlias = Annotated[int, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
"""`int` of a contract: within what every JSON reader keeps exact."""

Int32: TypeAlias = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
"""`int32` of a contract."""

UInt32: TypeAlias = Annotated[int, Field(ge=0, le=2**32 - 1)]
"""`uint32` of a contract."""

Url: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$", max_length=8192)]
"""`url` of a contract: absolute, kept letter for letter. (pydantic's own URL types rewrite it.)"""

Email: TypeAlias = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
"""`format: email` of a raw schema: kept letter for letter. Only the post office knows more."""


def _finite(value: JsonValue) -> JsonValue:
    # pydantic's own check looks neither into lists and objects nor at numbers that came as JSON.
    todo: list[JsonValue] = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, float) and not math.isfinite(each):
            raise PydanticCustomError("finite_number", "Input should be a finite number")
        if isinstance(each, list):
            todo += each
        elif isinstance(each, dict):
            todo += each.values()
    return value


Json: TypeAlias = Annotated[JsonValue, AfterValidator(_finite)]
"""`json` of a contract: any JSON value."""

OpenEnum: TypeAlias = Annotated[E | str, Field(union_mode="left_to_right")]
"""An enum with `open: true`: known values are members, others stay strings."""


def _is_none(value: object) -> bool:
    return value is None


OmitNull: TypeAlias = Annotated[T | None, Field(exclude_if=_is_none)]
"""An optional field with `presence: omit_null`: without a value it is left out of the JSON."""

N = TypeVar("N", bound=IntEnum)


class NumberEnum(IntEnum):
    """Base of enums whose values are numbers, in JSON as well."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_no_lookalike, handler(source))


def _no_lookalike(value: Any) -> Any:
    # pydantic would take `true` for 1, and 1.0 as well.
    return None if type(value) in (bool, float) else value


OpenNumberEnum: TypeAlias = Annotated[N | SafeInt, Field(union_mode="left_to_right")]
"""The same with `open: true`: known values are members, others stay numbers."""


class NumberKey:
    """`Annotated[SafeInt, NumberKey()]`: a number as the key of a map, in JSON its digits.

    pydantic alone would read `" 1"`, `"1_0"` and `"01"` as well, and so two keys as one.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        number = handler(source)
        text = core_schema.chain_schema(
            [
                core_schema.str_schema(pattern="^(0|-?[1-9][0-9]{0,19})$", strict=True),
                core_schema.no_info_plain_validator_function(int),
                number,
            ]
        )
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=number,
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )


class _LongSchema:
    """A decimal string in JSON, an int in Python."""

    def __init__(self, low: int, high: int, pattern: str) -> None:
        self._low = low
        self._high = high
        self._pattern = pattern

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        number = core_schema.int_schema(ge=self._low, le=self._high, strict=True)
        # The pattern comes first: int() would take blanks, underscores and a plus sign.
        text = core_schema.chain_schema(
            [
                core_schema.str_schema(pattern=self._pattern, strict=True),
                core_schema.no_info_plain_validator_function(int),
                number,
            ]
        )
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=number,
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": self._pattern}


Int64: TypeAlias = Annotated[int, _LongSchema(-(2**63), 2**63 - 1, "^-?(0|[1-9][0-9]{0,18})$")]
"""`int64` of a contract: a decimal string on the wire, because JavaScript's numbers end at 2^53."""

UInt64: TypeAlias = Annotated[int, _LongSchema(0, 2**64 - 1, "^(0|[1-9][0-9]{0,19})$")]
"""`uint64` of a contract: a decimal string on the wire, too."""
