"""The value that JavaScript has and JSON has not (base profile 7.2)."""

from typing import Final, final


@final
class UndefinedType:
    """The type of `UNDEFINED`; there is one object of it."""

    __slots__ = ()
    _instance: "UndefinedType | None" = None

    def __new__(cls) -> "UndefinedType":
        """The one object there is."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = UndefinedType()
"""No value: what a service that returns nothing answers. Not the same as None, which is null."""

SENTINEL: Final = "$__undefined$"
"""The string that stands for it on the wire; it cannot be sent as itself."""
