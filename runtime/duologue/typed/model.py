"""The base of every generated model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from duologue.typed.building import build_parts_of
from duologue.typed.bytes_beside import let_bytes_travel_beside
from duologue.typed.exact_values import keep_exact
from duologue.typed.scalars import Json
from duologue.typed.stop_early import stop_early

HIDDEN: Final = frozenset(
    {
        *("construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw"),
        *("schema", "schema_json", "update_forward_refs", "validate"),
        # Not of models but of their class: pydantic would take them for defaults.
        *("mro", "register"),
    }
)
"""Attributes of pydantic's models that fields may be called by. The first are its old ones, for
which it has had others since version 2: `model_copy`, `model_dump_json`."""


BY_WIRE_NAME: Final[Mapping[str, bool]] = {"by_alias": True, "by_name": False}
"""Options with which pydantic reads JSON: with either name allowed, swapped ones would mix."""

_ANYTHING: Final[Any] = None


class _Hidden:
    """An attribute that is not there, whatever a base class says."""

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError  # pydantic has a text for it


class Model(BaseModel):
    """Strict about types, generous about fields it does not know.

    `"5"` is no int, NaN is no number. Unknown fields are ignored, which lets a newer side talk to
    an older one; with `unknown: keep` they are in `model_extra`, and are sent on as they came.
    Bytes are base64 in JSON. Fields may be called `json`, `copy` or `schema`: what pydantic had
    under these names long ago is hidden.

    A field that has another name in JSON is called by its own name everywhere else, and only by the
    other one there: in messages, and in what `model_validate_json`, `model_dump_json` and
    `model_json_schema` take and give.
    """

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        ser_json_inf_nan="strings",  # a float that was spoiled later: refused there, not null
        ser_json_bytes="base64",
        val_json_bytes="base64",
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=False,
        ignored_types=(_Hidden,),
        defer_build=True,  # at the first use: see `building`
    )

    if not TYPE_CHECKING:
        # Of models that keep what they do not know: `class Order(Model, extra="allow")`. To type
        # checkers it would be a field, which must be given.
        __pydantic_extra__: dict[str, Json]

    if TYPE_CHECKING:
        # Of a type that no field's contradicts. The words for checkers stand here, so that
        # generated code needs none.
        construct = copy = dict = from_orm = _ANYTHING  # pyright: ignore[reportDeprecated]
        json = parse_file = parse_obj = parse_raw = _ANYTHING  # pyright: ignore[reportDeprecated]
        schema = schema_json = _ANYTHING  # pyright: ignore[reportDeprecated]
        update_forward_refs = validate = _ANYTHING  # pyright: ignore[reportDeprecated]
    else:
        for _name in HIDDEN:
            vars()[_name] = _Hidden()
        del _name

        # Signatures are pydantic's; only what is not said differs.
        @classmethod
        def model_validate_json(cls, json_data, **options):
            """As pydantic's, by wire names."""
            return super().model_validate_json(json_data, **{**BY_WIRE_NAME, **options})

        def model_dump_json(self, **options):
            """As pydantic's, by wire names."""
            return super().model_dump_json(**{"by_alias": True, **options})

        @classmethod
        def model_json_schema(cls, by_alias=True, *args, **options):
            """As pydantic's, by wire names."""
            return super().model_json_schema(by_alias, *args, **options)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As pydantic makes it, but parts come first, lists stop at their first bad item, bytes may
        travel beside the JSON, and no value is rounded."""
        build_parts_of(cls)
        schema = keep_exact(stop_early(handler(source), handler), handler)
        return let_bytes_travel_beside(schema, handler)
