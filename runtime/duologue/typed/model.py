"""The base of every generated model."""

from pydantic import BaseModel, ConfigDict


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
    )
