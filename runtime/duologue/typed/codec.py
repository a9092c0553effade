"""Values of a contract's types to JSON bytes and back, by pydantic."""

import re
import warnings
from collections.abc import Callable
from functools import partial
from types import GenericAlias
from typing import Annotated, Any, Final, Generic, TypeVar, cast, get_args, overload

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeAliasType

from duologue.errors import InvalidResult, Problem
from duologue.limits import MAX_TYPED_DEPTH
from duologue.promisifier.handlers import Result
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.parcels import Parts, Payload, ReceivedParts, split
from duologue.protocol.values import (
    SENTINEL_START,
    refuse_sentinel,
    without_undefined,
)
from duologue.typed.building import is_model
from duologue.typed.bytes_beside import BytesBeside, holds_bytes
from duologue.typed.core_schemas import nodes
from duologue.typed.depth import may_be_deep, reading_to_depth, refuse_deep, too_deep
from duologue.typed.exact_values import Exact
from duologue.typed.model import BY_WIRE_NAME
from duologue.typed.problems import no_form_in_json, problems_of
from duologue.typed.stop_early import StopEarly

T = TypeVar("T")

# A model brings its own configuration; every other form gets the same one.
_CONFIG: Final = ConfigDict(
    strict=True,
    allow_inf_nan=False,
    ser_json_inf_nan="strings",
    ser_json_bytes="base64",
    val_json_bytes="base64",
)

_alias: Final[Any] = TypeAliasType
"""For an alias that no type checker needs to know."""

# A model may have been spoiled after it was made. pydantic refuses to write such a one if it is
# told `warnings="error"`, but reading that word costs it more than writing a small model. So it is
# left to warn, silently, and what Python notes of warnings from this module tells whether it did.
# From the first time on it is told the word: that is slower, and right whatever threads do.
__warningregistry__: Final[dict[str, object]] = {}
warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning, re.escape(__name__))


class Codec(Generic[T]):
    """JSON of one type. pydantic's machinery for it is built at the first use.

    `Codec(Member)` knows its type; what is not a class to a type checker, an alias or a union, says
    it: `Codec[RoomId](RoomId)`.
    """

    __slots__ = (
        "_adapter",
        "_holds_bytes",
        "_is_model",
        "_max_depth",
        "_of_list",
        "_renames",
        "form",
        "to_json",
        "validate_json",
        "validate_python",
    )

    @overload
    def __init__(self, form: type[T], /, *, levels_around: int = 0) -> None: ...
    @overload
    def __init__(self, form: object, /, *, levels_around: int = 0) -> None: ...
    def __init__(self, form: Any, /, *, levels_around: int = 0) -> None:
        self.form: Any = form
        """The type: a class, or what else an annotation may be."""
        self._max_depth = MAX_TYPED_DEPTH + levels_around
        """Of JSON that is read; lists of values that are sent one by one have a level around."""
        self._is_model = is_model(form)
        self._adapter: TypeAdapter[T] | None = None
        self._holds_bytes: bool | None = None
        self._renames: bool | None = None
        self._of_list: Codec[list[T]] | None = None
        # Bound at the first use: looking them up costs as much as a small value.
        self.validate_json: Callable[..., T] = self._bind_validate_json
        """pydantic's function: JSON to a value; raises `ValidationError`."""
        self.validate_python: Callable[[object], T] = self._bind_validate_python
        """pydantic's function: a dictionary of fields to a model; raises `ValidationError`."""
        self.to_json: Callable[..., bytes] = self._bind_to_json
        """pydantic's function: a value to JSON; raises `PydanticSerializationError`."""

    @property
    def adapter(self) -> TypeAdapter[T]:
        """The pydantic adapter, made when it is first asked for."""
        if self._adapter is None:
            if self._is_model:
                # Models are built late. The class first: the adapter then shares its validator.
                self.form.model_rebuild()
                self._adapter = TypeAdapter(self.form)
                self._adapter.rebuild()
            else:
                form = cast(Any, Annotated)[self.form, StopEarly(), Exact(), BytesBeside()]
                # `Annotated[Order, JsonText()]` has a model, and pydantic gives no configuration to
                # those. Without one, what the model's fields name, an alias of bytes for example,
                # would be read in pydantic's own way. So it stands behind a name.
                is_of_model = is_model(get_args(form)[0])
                self._adapter = TypeAdapter(
                    _alias("of_a_model", form) if is_of_model else form, config=_CONFIG
                )
        return self._adapter

    @property
    def of_list(self) -> "Codec[list[T]]":
        """Of a list of such values. Made once: pydantic takes a millisecond for it."""
        if self._of_list is None:
            self._of_list = Codec[list[T]](GenericAlias(list, (self.form,)), levels_around=1)
        return self._of_list

    def knows_bytes(self) -> bool:
        """Whether a value may have bytes that travel beside its JSON (PROTOCOL 12)."""
        if self._holds_bytes is None:
            self._holds_bytes = holds_bytes(self.adapter.core_schema)
        return self._holds_bytes

    def decode(self, text: Payload) -> T:
        """The value of a JSON text, and of the parts beside it.

        Raises:
            ValidationError: it does not fit the type.
        """
        if type(text) is not bytes:
            text, parts = split(text)
            text = without_undefined(text)
            received = ReceivedParts(parts)
            return self.validate_json(text, context=received)
        if SENTINEL_START in text:
            text = without_undefined(text)
        return self.validate_json(text)

    def encode(self, value: T, parts: Parts | None = None) -> bytes:
        """The JSON text of a value, which must be one of the type; long bytes go to `parts`.

        Raises:
            InvalidResult: it is none, mypy was not asked or was overruled.
            RefusedValue: a string in it equals the sentinel.
        """
        try:
            if self._is_model:
                if type(value) is not self.form and not isinstance(value, self.form):
                    # pydantic would write None as null, and any model with fields of these names.
                    met = f"met {type(value).__name__}, expected {self.form_name}"
                    raise self._misfit(Problem("", met))
            else:
                # The serialiser of a scalar does not look at constraints; a model was made by them.
                self.adapter.validator.validate_python(value)
            text = self.to_json(value) if parts is None else self.to_json(value, context=parts)
            if __warningregistry__:
                if parts is not None:
                    parts.clear()
                text = self.to_json(value, context=parts, warnings="error")
        except ValidationError as error:
            found = problems_of(error, self.adapter.core_schema)
            raise InvalidResult("the value is not of its contract's type", found) from None
        except (PydanticSerializationError, UserWarning) as error:
            raise self._misfit(no_form_in_json(error, self.form_name)) from error
        if SENTINEL_START in text:
            refuse_sentinel(text, self.form_name)
        return text

    def encode_result(self, value: T, takes_parts: bool = False) -> Result:
        """As `encode`; None where there is no result at all, or the stream itself.

        With `takes_parts`, long bytes stand beside the text.
        """
        if not takes_parts or not self.knows_bytes():
            return self.encode(value)
        parts = Parts()
        return parts.with_text(self.encode(value, parts))

    @property
    def encode_without_parts(self) -> Callable[[T], Result]:
        """`encode_result` for callers that take no parts: without it, where it adds nothing."""
        is_usual = type(self).encode_result is Codec.encode_result  # pyright: ignore[reportUnknownMemberType]
        return self.encode if is_usual else self.encode_result

    def decode_stream(self, stream: ByteStream | TextStream, what: str) -> T:
        """The value of a stream that came as the answer of `what`.

        Raises:
            InvalidResult: the contract has no stream here.
        """
        raise InvalidResult(f"a stream came where {what} has {self.form_name}")

    @property
    def form_name(self) -> str:
        """The type, for messages."""
        return str(getattr(self.form, "__name__", self.form))

    def _misfit(self, problem: Problem) -> InvalidResult:
        return InvalidResult("the value is not of its contract's type", [problem])

    def _renames_fields(self) -> bool:
        """Whether a field of the value, however deep, has another name in JSON. pydantic is told
        of that with each value, and of nothing where there is none."""
        if self._renames is None:
            found = nodes(cast(Any, self.adapter.core_schema))
            self._renames = any("validation_alias" in node for node in found)
        return self._renames

    def _bind_validate_json(self, text: bytes, **options: Any) -> T:
        validate: Callable[..., T] = self.adapter.validator.validate_json
        if self._renames_fields():
            validate = partial(validate, **BY_WIRE_NAME)
        if may_be_deep(self.adapter.core_schema):
            validate = reading_to_depth(validate, self.form_name, self._max_depth)
        self.validate_json = validate
        return validate(text, **options)

    def _bind_validate_python(self, fields: object) -> T:
        self.validate_python = self.adapter.validator.validate_python
        return self.validate_python(fields)

    def _bind_to_json(self, value: T, **options: Any) -> bytes:
        self.to_json = write = self.bind_writing(self.adapter.serializer.to_json)
        return write(value, **options)

    def bind_writing(self, write: Callable[..., bytes]) -> Callable[..., bytes]:
        """A function of pydantic's that writes such values, with what it is told each time."""
        if self._renames_fields():
            write = partial(write, by_alias=True)
        if may_be_deep(self.adapter.core_schema):
            write = _writing_to_depth(write, self.form_name)
        return write


def _writing_to_depth(write: Callable[..., bytes], what: str) -> Callable[..., bytes]:
    # Here, where pydantic's warnings are looked for: they are noted of the module that calls it.
    def write_to_depth(value: object, **options: Any) -> bytes:
        try:
            text = write(value, **options)
        except PydanticSerializationError as error:
            if "depth exceeded" in str(error):
                raise too_deep(what) from None
            raise
        refuse_deep(text, what)
        return text

    return write_to_depth


class _Nothing(Codec[None]):
    """No result: undefined on the wire, None here."""

    __slots__ = ()

    def knows_bytes(self) -> bool:
        return False

    def encode_result(self, value: None, takes_parts: bool = False) -> None:
        if value is not None:
            raise InvalidResult(
                "the method has no result", [Problem("", f"met {type(value).__name__}")]
            )

    def decode(self, text: Payload) -> None:
        return None

    def _bind_validate_json(self, text: bytes, **options: Any) -> None:
        return None


NOTHING: Final[Codec[None]] = _Nothing(None)
"""Of a method that has no `returns`, or an error that has no fields."""


class _Bytes(Codec[ByteStream]):
    """`returns: byte stream`: the result is no JSON but a stream of its own."""

    __slots__ = ()

    def knows_bytes(self) -> bool:
        return False

    def encode_result(self, value: ByteStream, takes_parts: bool = False) -> ByteStream:
        return _checked_stream(value, ByteStream)

    def decode(self, text: Payload) -> ByteStream:
        raise InvalidResult("a value came where the contract has a byte stream")

    def _bind_validate_json(self, text: bytes, **options: Any) -> ByteStream:
        return self.decode(text)

    def decode_stream(self, stream: ByteStream | TextStream, what: str) -> ByteStream:
        if isinstance(stream, ByteStream):
            return stream
        raise InvalidResult(f"a text stream came where {what} has a byte stream")


class _Text(Codec[TextStream]):
    """`returns: text stream`."""

    __slots__ = ()

    def knows_bytes(self) -> bool:
        return False

    def encode_result(self, value: TextStream, takes_parts: bool = False) -> TextStream:
        return _checked_stream(value, TextStream)

    def decode(self, text: Payload) -> TextStream:
        raise InvalidResult("a value came where the contract has a text stream")

    def _bind_validate_json(self, text: bytes, **options: Any) -> TextStream:
        return self.decode(text)

    def decode_stream(self, stream: ByteStream | TextStream, what: str) -> TextStream:
        if isinstance(stream, TextStream):
            return stream
        if stream.is_empty:
            # Nothing in an empty stream tells its kind.
            return TextStream("")
        raise InvalidResult(f"a byte stream came where {what} has a text stream")


class _Any(Codec[ByteStream | TextStream]):
    """`returns: stream`: bytes or text, as the serving side chooses."""

    __slots__ = ()

    def knows_bytes(self) -> bool:
        return False

    def encode_result(
        self, value: ByteStream | TextStream, takes_parts: bool = False
    ) -> ByteStream | TextStream:
        if isinstance(value, ByteStream):
            return value
        return _checked_stream(value, TextStream)

    def decode(self, text: Payload) -> ByteStream | TextStream:
        raise InvalidResult("a value came where the contract has a stream")

    def _bind_validate_json(self, text: bytes, **options: Any) -> ByteStream | TextStream:
        return self.decode(text)

    def decode_stream(self, stream: ByteStream | TextStream, what: str) -> ByteStream | TextStream:
        return stream


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

ANY_STREAM: Final[Codec[ByteStream | TextStream]] = _Any(ByteStream | TextStream)
"""Of a method that `returns: stream`."""


class _ByteItems(Codec[bytes]):
    """`sends: bytes`, `yields: bytes`: each item is a byte message, no JSON."""

    __slots__ = ()

    def knows_bytes(self) -> bool:
        return False

    def encode(self, value: bytes, parts: Parts | None = None) -> bytes:
        if not isinstance(cast(object, value), bytes | bytearray | memoryview):
            raise self._misfit(Problem("", f"met {type(value).__name__}, expected bytes"))
        return bytes(value)


BYTE_ITEMS: Final[Codec[bytes]] = _ByteItems(bytes)
"""Of the items of a method that sends or yields `bytes`."""
