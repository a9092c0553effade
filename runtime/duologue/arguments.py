"""Arguments that cannot be meant: refused at once, with what was met and what is expected. Pure.

Each check takes `where`, the argument as people write it (`connect(timeout=...)`), and the value.
Without them a wrong one is found out where it is used: late, in somebody else's words, or never.
"""

import inspect
from collections.abc import Collection, Mapping
from typing import Final, NoReturn, cast

MAX_SHOWN_CHARACTERS: Final = 40
"""Of a value that is no secret."""


def met(value: object) -> str:
    """What a value is, for people. Numbers are shown; a text may be secret."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int | float):
        return f"{type(value).__name__} {value!r}"[:MAX_SHOWN_CHARACTERS]
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    if inspect.iscoroutinefunction(value):
        return f"an async function ({getattr(value, '__qualname__', 'nameless')})"
    if inspect.iscoroutine(value):
        return "a coroutine (a function that was called, not the function)"
    name = type(value).__name__
    if name == "bytes":
        return name
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def refuse(where: str, value: object, expected: str, hint: str = "") -> NoReturn:
    """Raises TypeError: `value` is something else than `expected`."""
    more = f": {hint}" if hint else ""
    raise TypeError(f"{where} takes {expected}, but was given {met(value)}{more}")


def check_kind(
    where: str, value: object, kind: type | tuple[type, ...], expected: str, hint: str = ""
) -> None:
    """Raises TypeError unless it is an object of `kind`."""
    if not isinstance(value, kind):
        refuse(where, value, expected, hint)


def check_flag(where: str, value: object) -> None:
    """Raises TypeError unless it is True or False: every text is true, "no" as well."""
    if value is not True and value is not False:
        refuse(where, value, "True or False")


def check_number(where: str, value: object, lowest: int, highest: int | None = None) -> None:
    """Raises unless it is a whole number within these bounds.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is out of bounds.
    """
    upper = "" if highest is None else f" to {highest}"
    expected = f"a whole number, {lowest}{upper or ' or more'}"
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(where, value, expected)
    if value < lowest or (highest is not None and value > highest):
        raise ValueError(f"{where} takes {expected}, but was given {value}")


def check_seconds(where: str, value: object) -> None:
    """Raises unless it is a number of seconds that leaves any time.

    Raises:
        TypeError: it is no number.
        ValueError: it is not above 0.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        refuse(where, value, "seconds, a number above 0, or None")
    if not value > 0:
        raise ValueError(
            f"{where} takes seconds, above 0, but was given {value!r}, which leaves no time; "
            "None is what is usual"
        )


def check_function(where: str, value: object, expected: str = "a function") -> None:
    """Raises TypeError unless it can be called, and is no class and no coroutine."""
    if not callable(value):
        refuse(where, value, expected)


def check_plain_function(where: str, value: object) -> None:
    """Raises TypeError unless it is a function that nobody awaits: an async one would not run."""
    check_function(where, value, "a plain function")
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(
        getattr(value, "__call__", None)  # noqa: B004  Its kind, not whether there is one.
    ):
        refuse(where, value, "a plain function", "nobody awaits it; write `def`")


def several(where: str, value: object, one: type, expected: str) -> "Collection[object]":
    """What is in `value`; raises TypeError if it is no collection, or one object of what it has."""
    if isinstance(value, one):
        refuse(where, value, expected, "for one, write [...] around it")
    check_kind(where, value, Collection, expected)
    return cast("Collection[object]", value)


def check_texts(where: str, value: object) -> None:
    """Raises TypeError unless it is several texts: of one each letter would be taken for one."""
    for each in several(where, value, str, "several str"):
        check_kind(f"{where}, in it,", each, str, "str")


def check_text_mapping(where: str, value: object) -> None:
    """Raises TypeError unless it maps texts to texts. None of them is shown."""
    expected = "a mapping of str to str"
    check_kind(where, value, Mapping, expected)
    for name, text in cast("Mapping[object, object]", value).items():
        check_kind(f"{where}, in it,", name, str, "names that are str")
        check_kind(f"{where}, in it,", text, str, "values that are str")


def check_objects(where: str, value: object, kind: type) -> "Collection[object]":
    """The objects; raises TypeError unless all are of `kind`. The text says what to write."""
    name = kind.__name__
    objects = several(where, value, kind, f"several {name} objects")
    for each in objects:
        hint = ""
        if isinstance(each, type) and issubclass(each, kind):
            hint = f"make an object of it, {each.__name__}(...)"
        check_kind(f"{where}, in it,", each, kind, f"{name} objects", hint)
    return objects
