"""The next version of a package: its contract, and what leads from one to the other and back."""

from .naming import NoNextVersion, next_package, package_called
from .renewal import Renewal, renewed

__all__ = ["NoNextVersion", "Renewal", "next_package", "package_called", "renewed"]
