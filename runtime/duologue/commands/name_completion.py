"""What a shell may complete in `duologue call`: methods of the contracts, and names of params."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

import typer

from duologue.commands.method_lookup import GROUP, Project


def complete_method(incomplete: str) -> list[str]:
    """Methods that begin so: by their whole name, or by the service's or their own where typed so.

    Empty where there are no contracts, or no compiler to read them with.
    """
    names = _methods()
    return [*_beginning(names, incomplete), *_short(names, incomplete)] if incomplete else [*names]


def complete_argument(ctx: typer.Context, incomplete: str) -> list[str]:
    """The params of the method that is being called, as `name=`, but for those given already."""
    method: object = ctx.params.get("method")
    given: object = ctx.params.get("arguments")
    if not isinstance(method, str) or "=" in incomplete:
        return []
    typed = [str(each) for each in cast("Sequence[object]", given or ())]
    names = _methods()
    meant = [each for each in names if each == method or method in _short_names(each)]
    if len(meant) != 1:
        return []
    params = (f"{name}=" for name in names[meant[0]])
    return [
        each
        for each in _beginning(params, incomplete)
        if not any(argument.startswith(each) for argument in typed)
    ]


def _methods() -> Mapping[str, Sequence[str]]:
    schema = Project.here().schema
    if not schema.is_dir():
        return {}
    for entry in entry_points(group=GROUP, name="method_params"):
        try:
            read = cast("Callable[[Path], Mapping[str, Sequence[str]]]", entry.load())
            return read(schema)
        except (ModuleNotFoundError, OSError):
            # Without the extra `tools`, or without the right to read: there is nothing to offer.
            return {}
    return {}


def _beginning(names: Iterable[str], incomplete: str) -> Iterable[str]:
    return (name for name in names if name.startswith(incomplete))


def _short(names: Iterable[str], incomplete: str) -> list[str]:
    every = [short for name in names for short in _short_names(name)]
    return [short for short in _beginning(every, incomplete) if every.count(short) == 1]


def _short_names(name: str) -> tuple[str, str]:
    """`Rooms/join` and `join` for `chat.rooms.v1.Rooms/join`."""
    short = name.rpartition(".")[2]
    return short, short.partition("/")[2]
