"""A client's keywords to the JSON of a method's params, without the model between.

Nobody sees that model: making it, and reading its fields again, costs a caller as much as writing
them. So pydantic is given the fields of the model as those of a dictionary. It checks the same and
writes the same.
"""

from collections.abc import Callable
from typing import Any, Final

from pydantic_core import SchemaSerializer, SchemaValidator

from duologue.typed.codec import Codec

Check = Callable[[dict[str, object]], Any]
"""Keywords to what can be written; raises `ValidationError`."""

Write = Callable[..., bytes]
"""What was checked to JSON; raises `PydanticSerializationError`."""

_OF_MODELS: Final = frozenset(
    ("cls", "config", "custom_init", "metadata", "ref", "root_model", "schema", "type")
)
"""What the schema of a model says that is no more than fields."""

_OF_FIELDS: Final = frozenset(("computed_fields", "fields", "model_name", "type"))


def ways_of_keywords(codec: Codec[Any]) -> tuple[Check, Write]:
    """How the keywords of `codec`'s model are checked, and how what was checked is written."""
    whole: Any = codec.adapter.core_schema
    # Beside the fields, types that they share may be defined.
    model = whole["schema"] if whole["type"] == "definitions" else whole
    fields = _as_dictionary(model)
    if fields is None:
        return codec.validate_python, codec.to_json
    schema: Any = fields
    if model is not whole:
        schema = {**whole, "schema": fields}
    # For what is defined beside the fields, too.
    config = model["config"]
    return (
        SchemaValidator(schema, config).validate_python,
        codec.bind_writing(SchemaSerializer(schema, config).to_json),
    )


def _as_dictionary(schema: Any) -> Any:
    """The core schema of a dictionary with the fields of a model; None if that is more than they.

    A model that keeps what it does not know is more, and so is one with its own way to be made.
    """
    if schema["type"] != "model" or not schema.keys() <= _OF_MODELS:
        return None
    fields = schema["schema"]
    if (
        schema.get("custom_init")
        or schema.get("root_model")
        or schema["config"].get("extra_fields_behavior", "ignore") != "ignore"
        or fields["type"] != "model-fields"
        or not fields.keys() <= _OF_FIELDS
        or fields.get("computed_fields")
    ):
        return None
    return {
        "type": "typed-dict",
        "cls_name": schema["cls"].__name__,
        "config": schema["config"],
        "fields": {name: _item(field) for name, field in fields["fields"].items()},
    }


def _item(field: Any) -> Any:
    return {
        **field,
        "type": "typed-dict-field",
        # One with a default is always there once it has been checked.
        "required": field["schema"]["type"] != "default",
    }
