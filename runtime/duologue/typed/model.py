"""The base of every generated model."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from duologue.typed.building import build_parts_of
from duologue.typed.bytes_beside import let_bytes_travel_beside
from duologue.typed.scalars import Json
from duologue.typed.stop_early import stop_early


class Model(BaseModel):
    """Strict about types, generous about fields it does not know.

    `"5"` is no int, NaN is no number. Unknown fields are ignored, which lets a newer side talk to
    an older one. Bytes are base64url in JSON.
    """

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        protected_namespaces=(),
        defer_build=True,  # at the first use: see `building`
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As pydantic makes it, but parts come first, lists stop at their first bad item, and bytes
        may travel beside the JSON."""
        build_parts_of(cls)
        return let_bytes_travel_beside(stop_early(handler(source), handler), handler)


class KeepsUnknown(Model):
    """The base of a model with `unknown: keep`: what it does not know is sent on as it came.

    `model_extra` holds those fields, by their names in JSON.
    """

    model_config = ConfigDict(extra="allow")

    if not TYPE_CHECKING:
        # To type checkers it would be a field, which must be given.
        __pydantic_extra__: dict[str, Json]
