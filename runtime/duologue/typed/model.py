"""The base of every generated model."""

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from duologue.typed.building import build_parts_of
from duologue.typed.bytes_beside import let_bytes_travel_beside
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


_ANYTHING: Final[Any] = None


class _Hidden:
    """An attribute that is not there, whatever a base class says."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__} has no attribute {self._name!r}", name=self._name)


class Model(BaseModel):
    """Strict about types, generous about fields it does not know.

    `"5"` is no int, NaN is no number. Unknown fields are ignored, which lets a newer side talk to
    an older one. Bytes are base64url in JSON. Fields may be called `json`, `copy` or `schema`:
    what pydantic had under these names long ago is hidden.
    """

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        protected_namespaces=(),
        ignored_types=(_Hidden,),
        defer_build=True,  # at the first use: see `building`
    )

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

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As pydantic makes it, but parts come first, lists stop at their first bad item, and bytes
        may travel beside the JSON."""
        build_parts_of(cls)
        return let_bytes_travel_beside(stop_early(handler(source), handler), handler)
