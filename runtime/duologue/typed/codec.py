"""Values of a contract's types to JSON bytes and back, by pydantic."""

from collections.abc import Callable
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast, overload

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from duologue.errors import InvalidParams, InvalidResult, Problem
from duologue.protocol.values import (
    mentions_sentinel,
    parse_json,
    refuse_sentinel,
    without_undefined,
)
from duologue.typed.problems import problems_of

A = ParamSpec("A")
P = TypeVar("P")
T = TypeVar("T")

# A model brings its own configuration; every other form gets the same one.
_CONFIG: Final = ConfigDict(
    strict=True, allow_inf_nan=False, ser_json_bytes="base64", val_json_bytes="base64"
)


class Codec(Generic[T]):
    """JSON of one type. pydantic's machinery for it is built at the first use.

    `Codec(Member)` knows its type; what is not a class to a type checker, an alias or a union, says
    it: `Codec[RoomId](RoomId)`.
    """

    __slots__ = ("_adapter", "_form", "_is_model")

    @overload
    def __init__(self, form: type[T], /) -> None: ...
    @overload
    def __init__(self, form: object, /) -> None: ...
    def __init__(self, form: Any, /) -> None:
        self._form = form
        self._is_model = isinstance(form, type) and issubclass(form, BaseModel)
        self._adapter: TypeAdapter[T] | None = None

    @property
    def adapter(self) -> TypeAdapter[T]:
        """The pydantic adapter, made when it is first asked for."""
        if self._adapter is None:
            config = None if self._is_model else _CONFIG
            self._adapter = TypeAdapter(self._form, config=config)
        return self._adapter

    def decode(self, text: bytes) -> T:
        """The value of a JSON text.

        Raises:
            ValidationError: it does not fit the type.
        """
        if mentions_sentinel(text):
            text = without_undefined(text)
        return cast(T, self.adapter.validator.validate_json(text))

    def encode(self, value: T) -> bytes:
        """The JSON text of a value, which must be one of the type.

        Raises:
            InvalidResult: it is none, mypy was not asked or was overruled.
            RefusedValue: a string in it equals the sentinel.
        """
        adapter = self.adapter
        try:
            if not self._is_model:
                # The serialiser of a scalar does not look at constraints; a model was made by them.
                adapter.validator.validate_python(value)
            text = adapter.serializer.to_json(value, warnings="error")
        except ValidationError as error:
            raise InvalidResult(
                "the value is not of its contract's type", problems_of(error, adapter.core_schema)
            ) from None
        except PydanticSerializationError as error:
            raise InvalidResult(
                "the value is not of its contract's type",
                [Problem("", f"met {type(value).__name__}, expected {self.form_name}")],
            ) from error
        if mentions_sentinel(text):
            refuse_sentinel(text, self.form_name)
        return text

    def encode_result(self, value: T) -> bytes | None:
        """As `encode`; None where there is no result at all."""
        return self.encode(value)

    @property
    def form_name(self) -> str:
        """The type, for messages."""
        return str(getattr(self._form, "__name__", self._form))


class Params(Generic[A, P]):
    """How a method's params are made from keywords, sent, and read.

    `A` is what the model's constructor takes, so that type checkers hold a client's keywords
    against the model.
    """

    __slots__ = ("_codec", "_model")

    def __init__(self, model: Callable[A, P], /) -> None:
        self._model = model
        self._codec: Codec[P] = Codec(model)

    def encode(self, what: str, *args: A.args, **kwargs: A.kwargs) -> bytes:
        """The JSON list of arguments of a call of `what`: one object.

        Raises:
            InvalidParams: the keywords do not fit the contract; `problems` says where.
            RefusedValue: a string equals the sentinel.
        """
        try:
            params = self._model(*args, **kwargs)
        except ValidationError as error:
            raise InvalidParams(
                f"{what} was not called", problems_of(error, self._codec.adapter.core_schema)
            ) from None
        try:
            return b"[%b]" % self._codec.encode(params)
        except InvalidResult as error:
            raise InvalidParams(f"{what} was not called", error.problems) from error

    def decode(self, what: str, args: bytes | None) -> P:
        """The params in a JSON list of arguments; an empty one stands for an empty object.

        Raises:
            InvalidParams: they do not fit the contract.
            BadFrame: a number in them is beyond float: the request is no JSON (base profile 7.2).
        """
        # The list holds one object, so what is between the brackets is that object's text.
        text = b"{}" if args is None else args[1:-1].strip() or b"{}"
        try:
            return self._codec.decode(text)
        except ValidationError as error:
            if args is not None:
                parse_json(args)
            raise InvalidParams(
                f"{what} refuses these params", problems_of(error, self._codec.adapter.core_schema)
            ) from None


class _NoParams(Params[[], None]):
    """A method without params: sends none, and ignores what a newer caller may send."""

    __slots__ = ()

    def encode(self, what: str) -> bytes:
        return b"[]"

    def decode(self, what: str, args: bytes | None) -> None:
        return None


class _Nothing(Codec[None]):
    """No result: undefined on the wire, None here."""

    __slots__ = ()

    def encode_result(self, value: None) -> None:
        if value is not None:
            raise InvalidResult(
                "the method has no result", [Problem("", f"met {type(value).__name__}")]
            )

    def decode(self, text: bytes) -> None:
        return None


def _no_model() -> None:
    return None


NO_PARAMS: Final = _NoParams(_no_model)
"""Of a method that has no `params`."""

NOTHING: Final[Codec[None]] = _Nothing(None)
"""Of a method that has no `returns`, or an error that has no fields."""
