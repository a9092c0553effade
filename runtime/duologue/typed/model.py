"""The base of every generated model."""

from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from duologue.typed.building import build_parts_of
from duologue.typed.bytes_beside import let_bytes_travel_beside
from duologue.typed.exact_values import keep_exact
from duologue.typed.model_class import ModelClass
from duologue.typed.stop_early import stop_early


class Model(BaseModel, metaclass=ModelClass):
    """Strict about types, generous about fields it does not know.

    `"5"` is no int, NaN is no number. Unknown fields are ignored, which lets a newer side talk to
    an older one. Bytes are base64url in JSON.
    """

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        ser_json_inf_nan="strings",  # a float that was spoiled later: refused there, not null
        ser_json_bytes="base64",
        val_json_bytes="base64",
        protected_namespaces=(),
        defer_build=True,  # at the first use: see `building`
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As pydantic makes it, but parts come first, lists stop at their first bad item, bytes may
        travel beside the JSON, and no value is rounded."""
        build_parts_of(cls)
        schema = keep_exact(stop_early(handler(source), handler), handler)
        return let_bytes_travel_beside(schema, handler)
