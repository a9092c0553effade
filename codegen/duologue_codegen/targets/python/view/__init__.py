"""What templates see: a package with every decision already taken, as plain strings."""

from .dialogues import SideView
from .errors import ErrorView
from .events import EventView
from .methods import MethodView
from .models import (
    AliasModel,
    Bounds,
    Circle,
    ClassModel,
    EnumModel,
    FieldModel,
    ModelsView,
    TypeModel,
)
from .package import PackageView, package_view
from .services import ServiceView

__all__ = [
    "AliasModel",
    "Bounds",
    "Circle",
    "ClassModel",
    "EnumModel",
    "ErrorView",
    "EventView",
    "FieldModel",
    "MethodView",
    "ModelsView",
    "PackageView",
    "ServiceView",
    "SideView",
    "TypeModel",
    "package_view",
]
