"""`generate --plugins`: the programs that a project has for its contracts, one after the other."""

from __future__ import annotations

from dataclasses import replace

from .build import BuildResult, make
from .command_line.options import WrongUse
from .configuration import Configuration, read_configuration
from .targets.plugin import PluginTarget, run_program


def must_have_plugins(settings: Configuration) -> None:
    """See that there are programs to run, and that they are meant for these contracts.

    Raises:
        WrongUse: there are none, or the contracts are others than those of pyproject.toml.
    """
    if not settings.plugins:
        raise WrongUse("--plugins: there is no [tool.duologue.plugins] in pyproject.toml")
    if settings.schema.resolve() != read_configuration().schema.resolve():
        raise WrongUse(
            "--plugins is for the schema folder of pyproject.toml: their files of its contracts "
            "would be removed"
        )


def not_run(settings: Configuration) -> str:
    """What to say where there are programs and nobody has asked for them."""
    names = ", ".join(each.name for each in settings.plugins)
    return f"not run: {names}; --plugins runs the programs of [tool.duologue.plugins]"


def with_plugins(
    result: BuildResult, settings: Configuration, *, complete: bool, dry_run: bool
) -> BuildResult:
    """`result`, and what the programs have made of the same contracts.

    Raises:
        PluginFailed: a program did; its files are as they were.
        ForeignFiles: files that are not ours are in the way of one.
        OSError: a folder cannot be read or written.
    """
    for plugin in settings.plugins:
        if not result.ok:
            break
        made = make(
            result,
            plugin.out,
            targets=(PluginTarget(plugin, run_program(plugin)),),
            import_root="",
            complete=complete,
            dry_run=dry_run,
        )
        result = replace(made, packages=result.packages, changes=(*result.changes, *made.changes))
    return result
