"""From a package's view to its files, as text. No disk, no clock."""

from __future__ import annotations

from ..view import PackageView
from .models import models_module
from .python import python_modules

MODELS = "models.py"


def package_files(view: PackageView) -> dict[str, str]:
    """Every file of the package by its name, Python not yet formatted.

    Raises:
        ModelsRefused: datamodel-code-generator did not take the types.
    """
    files = python_modules(view)
    if view.models.types:
        files[MODELS] = models_module(
            view.models, header=view.header, doc=f"The types of `{view.package}`."
        )
    return {**files, "contract.json": view.contract_json, "py.typed": ""}
