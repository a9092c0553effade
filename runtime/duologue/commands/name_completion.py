"""What a shell may complete in `duologue call`: methods of the contracts, and names of params."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import typer

from duologue.commands.project_contracts import Project, method_params, short_names


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
    meant = [each for each in names if each == method or method in short_names(each)]
    if len(meant) != 1:
        return []
    params = (f"{name}=" for name in names[meant[0]])
    return [
        each
        for each in _beginning(params, incomplete)
        if not any(argument.startswith(each) for argument in typed)
    ]


def _methods() -> Mapping[str, Sequence[str]]:
    return method_params(Project.here().schema)


def _beginning(names: Iterable[str], incomplete: str) -> Iterable[str]:
    return (name for name in names if name.startswith(incomplete))


def _short(names: Iterable[str], incomplete: str) -> list[str]:
    every = [short for name in names for short in short_names(name)]
    return [short for short in _beginning(every, incomplete) if every.count(short) == 1]
