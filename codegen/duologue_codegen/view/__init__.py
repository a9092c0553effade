"""What templates see: a package with every decision already taken, as plain strings."""

from .models import (
    AliasModel,
    Bounds,
    ClassModel,
    EnumModel,
    FieldModel,
    ModelsView,
    TypeModel,
)
from .package import PackageView, package_view
from .services import ErrorView, EventView, MethodView, ServiceView

__all__ = [
    "AliasModel",
    "Bounds",
    "ClassModel",
    "EnumModel",
    "ErrorView",
    "EventView",
    "FieldModel",
    "MethodView",
    "ModelsView",
    "PackageView",
    "ServiceView",
    "TypeModel",
    "package_view",
]
