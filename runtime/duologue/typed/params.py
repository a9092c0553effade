"""Params of methods: from a client's keywords to arguments on the wire, and back."""

from collections.abc import Callable
from typing import Any, Final, Generic, ParamSpec, TypeVar

import msgspec
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from duologue.errors import InvalidParams, Problem
from duologue.protocol.parcels import Parcel, Parts, Payload, split
from duologue.protocol.values import (
    SENTINEL_JSON,
    SENTINEL_START,
    parse_json,
    refuse_sentinel,
    without_undefined,
)
from duologue.typed.codec import Codec
from duologue.typed.keywords import Check, Write, ways_of_keywords
from duologue.typed.model import Model
from duologue.typed.problems import no_form_in_json, problems_of

A = ParamSpec("A")
P = TypeVar("P")

_RAW_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ABSENT: Final = msgspec.Raw(SENTINEL_JSON)


class Params(Generic[A, P]):
    """How a method's params are made from keywords, sent, and read.

    `A` is what the model's constructor takes, so that type checkers hold a client's keywords
    against the model.
    """

    __slots__ = ("_check", "_codec", "_write")

    def __init__(self, model: Callable[A, P], /) -> None:
        self._codec: Codec[P] = Codec(model)
        # Bound at the first use, as those of a codec.
        self._check: Check = self._bind_check
        self._write: Write = self._codec.to_json

    def _bind_check(self, kwargs: dict[str, object]) -> Any:
        self._check, self._write = ways_of_keywords(self._codec)
        return self._check(kwargs)

    @property
    def model(self) -> type[Model] | None:
        """The model; None of a method without params."""
        form = self._codec.form
        return form if isinstance(form, type) and issubclass(form, Model) else None

    def knows_bytes(self) -> bool:
        """See `Codec.knows_bytes`."""
        return self._codec.knows_bytes()

    def encode_with_parts(
        self, what: str, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> Payload:
        """As `encode`, with long bytes beside the text."""
        parts = Parts()
        return parts.with_text(self.encode(what, args, kwargs, parts))

    def encode(
        self,
        what: str,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        parts: Parts | None = None,
    ) -> bytes:
        """The JSON list of arguments of a call of `what`: one object; long bytes go to `parts`.

        `kwargs` are what the model's constructor takes, or `args` holds the model itself. Whoever
        calls has them from a signature that says so: passing them on as such would copy them.

        Raises:
            InvalidParams: the keywords do not fit the contract; `problems` says where.
            RefusedValue: a string equals the sentinel.
        """
        codec = self._codec
        try:
            if args:
                checked, write = self._given(what, args, kwargs), codec.to_json
            else:
                checked, write = self._check(kwargs), self._write
            text = write(checked) if parts is None else write(checked, context=parts)
        except ValidationError as error:
            raise InvalidParams(
                f"{what} was not called", problems_of(error, codec.adapter.core_schema)
            ) from None
        except PydanticSerializationError as error:
            problem = no_form_in_json(error, codec.form_name)
            raise InvalidParams(f"{what} was not called", [problem]) from error
        if SENTINEL_START in text:
            refuse_sentinel(text, codec.form_name)
        return b"[%b]" % text

    def build(self, what: str, args: tuple[object, ...], kwargs: dict[str, object]) -> P:
        """The params as an object; arguments are as those of `encode`.

        Raises:
            ValidationError, InvalidParams: they do not fit the contract.
        """
        return self._given(what, args, kwargs) if args else self._codec.validate_python(kwargs)

    def _given(self, what: str, args: tuple[object, ...], kwargs: dict[str, object]) -> P:
        """The one object that a caller has made before, checked anew: it may have changed."""
        (params, *more), model = args, self.model
        if more or kwargs:
            raise TypeError(f"{what} takes keywords, or one {self._codec.form_name} and no more")
        if model is None or not isinstance(params, model):
            met = f"met {type(params).__name__}, expected {self._codec.form_name}"
            raise InvalidParams(f"{what} was not called", [Problem("", met)])
        return self._codec.validate_python({**vars(params), **(params.model_extra or {})})

    def decode(self, what: str, args: Payload | None) -> P:
        """The params in a JSON list of arguments; an empty one stands for an empty object.

        Raises:
            InvalidParams: they do not fit the contract.
            BadFrame: a number in them is beyond float: the request is no JSON (base profile 7.2).
        """
        try:
            if type(args) is not bytes:
                return self._decode_rare(args)
            text = self._object_in(args)
            if SENTINEL_START in text:
                text = without_undefined(text)
            return self._codec.validate_json(text)
        except ValidationError as error:
            if args is not None:
                parse_json(split(args)[0])
            raise InvalidParams(
                f"{what} refuses these params", problems_of(error, self._codec.adapter.core_schema)
            ) from None

    def _decode_rare(self, args: Payload | None) -> P:
        if isinstance(args, Parcel):
            return self._codec.decode(Parcel(self._object_in(args.text), args.parts))
        return self._codec.decode(b"{}")

    def _object_in(self, args: bytes) -> bytes:
        # The list holds one object, so what is between the brackets is that object's text.
        text = args[1:-1]
        return b"{}" if not text or text.isspace() else text


class PositionalParams(Params[A, P]):
    """Params of `args: positional`: the fields, in their order, are the arguments.

    For services that know nothing of contracts. Of fields without a value the trailing ones are
    left out, the others are undefined; arguments beyond the fields are ignored.
    """

    __slots__ = ("_fields", "_null_is_absent")

    def __init__(self, model: Callable[A, P], /) -> None:
        super().__init__(model)
        if not (isinstance(model, type) and issubclass(model, Model)):
            raise TypeError("positional params are the fields of a Model")
        fields = {
            field.serialization_alias or name: field for name, field in model.model_fields.items()
        }
        self._fields = tuple(fields)
        """Their names in JSON."""
        self._null_is_absent = {name for name, field in fields.items() if field.default is None}

    def encode(
        self,
        what: str,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        parts: Parts | None = None,
    ) -> bytes:
        """See `Params.encode`; the list holds the fields."""
        values = _RAW_OBJECT.decode(super().encode(what, args, kwargs, parts)[1:-1])
        arguments = [self._argument(name, values) for name in self._fields]
        while arguments and arguments[-1] == SENTINEL_JSON:
            arguments.pop()
        return b"[%b]" % b",".join(arguments)

    def _argument(self, name: str, values: dict[str, msgspec.Raw]) -> bytes:
        value = bytes(values.get(name, _ABSENT))
        return SENTINEL_JSON if value == b"null" and name in self._null_is_absent else value

    def _object_in(self, args: bytes) -> bytes:
        values = zip(self._fields, _RAW_LIST.decode(args), strict=False)
        present = {name: value for name, value in values if bytes(value) != SENTINEL_JSON}
        return msgspec.json.encode(present)


class _NoParams(Params[[], None]):
    """A method without params: sends none, and ignores what a newer caller may send."""

    __slots__ = ()

    def knows_bytes(self) -> bool:
        return False

    def encode(
        self,
        what: str,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        parts: Parts | None = None,
    ) -> bytes:
        return b"[]"

    def build(self, what: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        return None

    def decode(self, what: str, args: Payload | None) -> None:
        return None


def _no_model() -> None:
    return None


NO_PARAMS: Final = _NoParams(_no_model)
"""Of a method that has no `params`."""
