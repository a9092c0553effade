"""Values of a contract's types to JSON bytes and back, by pydantic."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Generic, TypeVar, cast, overload

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from duologue.errors import InvalidResult, Problem
from duologue.promisifier.handlers import Result
from duologue.promisifier.streams import ByteStream, TextStream
from duologue.protocol.values import (
    SENTINEL_BYTES,
    refuse_sentinel,
    without_undefined,
)
from duologue.typed.problems import problems_of
from duologue.typed.stop_early import StopEarly

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

    # The two functions are bound at the first use: looking them up costs as much as a small value.
    __slots__ = ("_adapter", "_form", "_is_model", "_to_json", "_validate_json")

    @overload
    def __init__(self, form: type[T], /) -> None: ...
    @overload
    def __init__(self, form: object, /) -> None: ...
    def __init__(self, form: Any, /) -> None:
        self._form = form
        self._is_model = isinstance(form, type) and issubclass(form, BaseModel)
        self._adapter: TypeAdapter[T] | None = None
        self._validate_json: Callable[[bytes], Any] = self._bind_and_validate
        self._to_json: Callable[..., bytes] = self._bind_and_serialise

    @property
    def adapter(self) -> TypeAdapter[T]:
        """The pydantic adapter, made when it is first asked for."""
        if self._adapter is None:
            if self._is_model:
                # Models are built late. The class first: the adapter then shares its validator.
                self._form.model_rebuild()
                self._adapter = TypeAdapter(self._form)
                self._adapter.rebuild()
            else:
                form = cast(Any, Annotated)[self._form, StopEarly()]
                self._adapter = TypeAdapter(form, config=_CONFIG)
        return self._adapter

    def decode(self, text: bytes) -> T:
        """The value of a JSON text.

        Raises:
            ValidationError: it does not fit the type.
        """
        if SENTINEL_BYTES in text:
            text = without_undefined(text)
        return cast(T, self._validate_json(text))

    def encode(self, value: T) -> bytes:
        """The JSON text of a value, which must be one of the type.

        Raises:
            InvalidResult: it is none, mypy was not asked or was overruled.
            RefusedValue: a string in it equals the sentinel.
        """
        try:
            if self._is_model:
                if not isinstance(value, self._form):
                    # pydantic would write None as null, and any model with fields of these names.
                    raise self._misfit(f"met {type(value).__name__}, expected {self.form_name}")
            else:
                # The serialiser of a scalar does not look at constraints; a model was made by them.
                self.adapter.validator.validate_python(value)
            text = self._to_json(value, warnings="error")
        except ValidationError as error:
            found = problems_of(error, self.adapter.core_schema)
            raise InvalidResult("the value is not of its contract's type", found) from None
        except PydanticSerializationError as error:
            raise self._misfit(f"a value in this {self.form_name} has no form in JSON") from error
        if SENTINEL_BYTES in text:
            refuse_sentinel(text, self.form_name)
        return text

    def encode_new(self, value: T) -> bytes:
        """As `encode`, for a model that has been validated this very moment."""
        try:
            text = self._to_json(value)
        except PydanticSerializationError as error:
            raise self._misfit(f"a value in this {self.form_name} has no form in JSON") from error
        if SENTINEL_BYTES in text:
            refuse_sentinel(text, self.form_name)
        return text

    def encode_result(self, value: T) -> Result:
        """As `encode`; None where there is no result at all, or the stream itself."""
        return self.encode(value)

    def decode_stream(self, stream: ByteStream | TextStream, what: str) -> T:
        """The value of a stream that came as the answer of `what`.

        Raises:
            InvalidResult: the contract has no stream here.
        """
        raise InvalidResult(f"a stream came where {what} has {self.form_name}")

    @property
    def form_name(self) -> str:
        """The type, for messages."""
        return str(getattr(self._form, "__name__", self._form))

    def _misfit(self, text: str) -> InvalidResult:
        return InvalidResult("the value is not of its contract's type", [Problem("", text)])

    def _bind_and_validate(self, text: bytes) -> Any:
        self._validate_json = self.adapter.validator.validate_json
        return self._validate_json(text)

    def _bind_and_serialise(self, value: T, **options: Any) -> bytes:
        self._to_json = self.adapter.serializer.to_json
        return self._to_json(value, **options)


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


NOTHING: Final[Codec[None]] = _Nothing(None)
"""Of a method that has no `returns`, or an error that has no fields."""


class _Bytes(Codec[ByteStream]):
    """`returns: byte stream`: the result is no JSON but a stream of its own."""

    __slots__ = ()

    def encode_result(self, value: ByteStream) -> ByteStream:
        return _checked_stream(value, ByteStream)

    def decode(self, text: bytes) -> ByteStream:
        raise InvalidResult("a value came where the contract has a byte stream")

    def decode_stream(self, stream: ByteStream | TextStream, what: str) -> ByteStream:
        if isinstance(stream, ByteStream):
            return stream
        raise InvalidResult(f"a text stream came where {what} has a byte stream")


class _Text(Codec[TextStream]):
    """`returns: text stream`."""

    __slots__ = ()

    def encode_result(self, value: TextStream) -> TextStream:
        return _checked_stream(value, TextStream)

    def decode(self, text: bytes) -> TextStream:
        raise InvalidResult("a value came where the contract has a text stream")

    def decode_stream(self, stream: ByteStream | TextStream, what: str) -> TextStream:
        if isinstance(stream, TextStream):
            return stream
        if stream.is_empty:
            # Nothing in an empty stream tells its kind.
            return TextStream("")
        raise InvalidResult(f"a byte stream came where {what} has a text stream")


def _checked_stream(value: Any, expected: type[T]) -> T:
    if not isinstance(value, expected):
        raise InvalidResult(
            "the value is not of its contract's type",
            [Problem("", f"met {type(value).__name__}, expected {expected.__name__}")],
        )
    return value


BYTE_STREAM: Final[Codec[ByteStream]] = _Bytes(ByteStream)
"""Of a method that `returns: byte stream`."""

TEXT_STREAM: Final[Codec[TextStream]] = _Text(TextStream)
"""Of a method that `returns: text stream`."""
