"""models.py: classes by datamodel-code-generator, names and types as the view spells them."""

from __future__ import annotations

import warnings
from typing import Any, Final

from datamodel_code_generator import Error, InputFileType, generate
from datamodel_code_generator.enums import (
    DataModelType,
    NamingStrategy,
    TargetPydanticVersion,
    VersionMode,
)
from datamodel_code_generator.format import Formatter, PythonVersion

from .comparison import differences
from .docstrings import LINE_LENGTH
from .generator_schema import WIRE, models_schema
from .retouching import retouched
from .view import ModelsView

OPTIONS: Final[dict[str, Any]] = {
    "input_file_type": InputFileType.JsonSchema,
    "schema_version": "2020-12",
    "schema_version_mode": VersionMode.Strict,
    "output_model_type": DataModelType.PydanticV2BaseModel,
    "base_class": "duologue.Model",
    "target_python_version": PythonVersion.PY_311,
    "target_pydantic_version": TargetPydanticVersion.V2_14,
    "formatters": [Formatter.BUILTIN],
    "builtin_format_line_length": LINE_LENGTH,
    "use_double_quotes": True,
    "use_annotated": True,
    "field_constraints": True,
    "strict_nullable": True,
    "use_missing_sentinel": True,
    "use_type_alias": True,
    "use_type_alias_type": True,
    "skip_root_model": True,
    "use_schema_description": True,
    "use_field_description": True,
    "use_single_line_docstring": True,
    "capitalise_enum_members": True,
    "naming_strategy": NamingStrategy.PrimaryFirst,
    "use_exact_imports": True,
    "allow_remote_refs": False,
    "strict_refs": True,
    "disable_timestamp": True,
    # Annotations as strings would be compiled one by one whenever the module is imported.
    "disable_future_imports": True,
    "field_extra_keys": {WIRE},
}
"""All that decides a byte is stated, so that no pyproject.toml of the working directory does."""


class ModelsRefused(RuntimeError):
    """datamodel-code-generator did not take our schema, or had doubts. A bug of ours."""


def models_module(models: ModelsView, *, header: str, doc: str) -> str:
    """The text of models.py, not yet formatted: `header`, docstring `doc`, and the types.

    Raises:
        ModelsRefused: the generator failed or warned, or made something else than `models` says.
    """
    made = models_schema(models)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            text = generate(made.schema, **OPTIONS, custom_file_header=header)
    except (Error, Warning) as error:
        raise ModelsRefused(f"datamodel-code-generator: {error}") from error
    if not isinstance(text, str):
        raise ModelsRefused(f"datamodel-code-generator: expected one module, met {text!r}")
    module = retouched(text, models, made, doc)
    found = "\n".join(differences(module, models))
    if found:
        raise ModelsRefused(f"models.py is not what the contract says:\n{found}")
    return module
