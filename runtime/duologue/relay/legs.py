"""What the pure tables of the relay know of a connection: a number."""

from typing import NewType

Leg = NewType("Leg", int)
"""One connection of the relay."""
