"""The targets there are. The one place where the compiler names them."""

from __future__ import annotations

from typing import Final

from .targets.python.target import PythonTarget
from .targets.target import Target

TARGETS: Final[tuple[Target, ...]] = (PythonTarget(),)
