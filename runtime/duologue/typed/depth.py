"""How deep values of a contract's types may be nested.

pydantic's JSON reader ends at 201 levels, its writer at 255, each in words of its own. What is sent
must be readable at the other side, so both directions end at `MAX_TYPED_DEPTH`, and say the same.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import CoreSchema, PydanticCustomError

from duologue.limits import MAX_TYPED_DEPTH
from duologue.protocol.depth import is_deeper_than
from duologue.typed.core_schemas import nodes

T = TypeVar("T")

TOO_DEEP: Final = f"nested more than {MAX_TYPED_DEPTH} levels"

_MAY_BE_DEEP: Final = ("any", "definition-ref", "function-plain")
"""What JSON of any kind, recursive types, and variants that nobody knows are made of. Named parts
that are used twice are among them, which costs their types a look, and no more."""


def may_be_deep(schema: CoreSchema) -> bool:
    """Whether values of this schema may be nested to any depth."""
    return any(node.get("type") in _MAY_BE_DEEP for node in nodes(schema))


def reading_to_depth(
    read: Callable[..., T], what: str, max_depth: int = MAX_TYPED_DEPTH
) -> Callable[..., T]:
    """`read`, JSON to a value of the type `what`, that refuses what is nested too deeply."""

    def read_to_depth(text: bytes, **options: Any) -> T:
        refuse_deep(text, what, max_depth)
        return read(text, **options)

    return read_to_depth


def refuse_deep(text: bytes, what: str, max_depth: int = MAX_TYPED_DEPTH) -> None:
    """Refuse the JSON of a value of the type `what` that is nested too deeply.

    Raises:
        ValidationError: it is.
    """
    if len(text) > 2 * max_depth and is_deeper_than(text.decode(), max_depth):
        raise too_deep(what)


def too_deep(what: str) -> ValidationError:
    """The finding that a value of the type `what` is nested too deeply."""
    return ValidationError.from_exception_data(
        what,
        [
            {
                "type": PydanticCustomError(
                    "too_deep", "nested more than {levels} levels", {"levels": MAX_TYPED_DEPTH}
                ),
                "input": None,
            }
        ],
    )
