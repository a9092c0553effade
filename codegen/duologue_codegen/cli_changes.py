"""The commands about contracts that change: `breaking`, `image` and `new-version`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from .command_line.faults import EXIT_FINDINGS, faults
from .command_line.options import (
    Level,
    Paths,
    Schema,
    Shape,
    UpgradeOrder,
    WrongUse,
    judged_contracts,
    settings_of,
)
from .command_line.report import Format, report
from .configuration import Configuration

if TYPE_CHECKING:
    from .build import BuildResult
    from .next_version import Renewal

PEERS: Final = "duologue.peers"
"""The entry-point group by which the runtime is found: neither package imports the other."""

_NEXT: Final = """
Next: change the new contract and run `duologue generate`; a type checker names
the conversions that must change with it. One program can offer both versions."""

Against = Annotated[
    str | None,
    typer.Option(
        metavar="REV|DIR|IMAGE|PEER",
        help="The old contracts: a revision of git, a folder, a file of `duologue image`, or a "
        "peer that runs, as `duologue call` takes it.",
        show_default="from pyproject.toml",
    ),
]


def breaking(
    paths: Paths = None,
    schema: Schema = None,
    against: Against = None,
    level: Annotated[
        Level | None,
        typer.Option(
            help="What must not break: programs that run, code that is built anew, or both.",
            show_default="ALL, of a beta WIRE, of an alpha nothing",
        ),
    ] = None,
    order: Annotated[
        UpgradeOrder | None,
        typer.Option(help="Which side is upgraded first.", show_default="any"),
    ] = None,
    format_: Shape = Format.TEXT,
) -> None:
    """Compare contracts with older ones, and report every change that breaks something.

    Each finding says between which two sides it fails: `new caller against old provider`. What is
    meant to break is allowed on its line: `# duologue: allow RULE because REASON`.
    """
    with faults("breaking"):
        settings, asked = settings_of(paths or (), schema, None)
        result = judged_contracts(settings, asked)
        if result.ok:
            result = compared(result, settings, against, level, order)
        report(result, format_, all_good="nothing breaks")
    if not result.ok:
        raise typer.Exit(EXIT_FINDINGS)


def compared(
    result: BuildResult,
    settings: Configuration,
    against: str | None = None,
    level: Level | None = None,
    order: UpgradeOrder | None = None,
) -> BuildResult:
    """What right contracts break; what the command line leaves open, pyproject.toml says.

    Raises:
        WrongUse: nobody says what to compare with, or it cannot be had.
    """
    from .compatibility import Order, Scope
    from .compatibility.baseline import NoBaseline
    from .upgrade import judge_upgrade

    against = against or settings.breaking.get("against")
    if against is None:
        raise WrongUse(
            "say with what to compare: `--against main`, or `against` under "
            "[tool.duologue.breaking] in pyproject.toml"
        )
    scope = level.value if level else settings.breaking.get("level")
    stated_order = order.value if order else settings.breaking.get("order", Order.ANY)
    try:
        return judge_upgrade(
            result,
            against,
            scope=None if scope is None else Scope(scope),
            order=Order(stated_order),
            off=settings.off,
            ask_peer=_ask_peer,
        )
    except NoBaseline as error:
        raise WrongUse(str(error)) from None


def _ask_peer(address: str) -> Mapping[str, bytes]:
    from .compatibility.baseline import NoBaseline, ask_nobody
    from .contract_writing import contract_files

    for entry in entry_points(group=PEERS, name="contracts_of"):
        ask = cast("Callable[[str], Mapping[str, bytes]]", entry.load())
        try:
            texts = contract_files(ask(address))
        except ValueError as error:
            raise NoBaseline(str(error)) from None
        return {path: text.encode() for path, text in texts.items()}
    return ask_nobody(address)


def image(
    paths: Paths = None,
    schema: Schema = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where it goes.", show_default="stdout"),
    ] = None,
) -> None:
    """Write contracts as one JSON file, to compare later ones with: `breaking --against FILE`."""
    with faults("image"):
        from .compatibility.image import image_text

        settings, asked = settings_of(paths or (), schema, None)
        result = judged_contracts(settings, asked)
        if result.ok:
            text = image_text(
                {each.path: result.project.trees[each.path] for each in result.project.judged}
            )
            if out is None:
                typer.echo(text, nl=False)
            else:
                out.write_text(text, encoding="utf-8", newline="")
        else:
            report(result, Format.TEXT, with_changes=True)
    if not result.ok:
        raise typer.Exit(EXIT_FINDINGS)


def new_version(
    package: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE", help="`chat.rooms` or `chat.rooms.v1`.", show_default=False
        ),
    ],
    schema: Schema = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="What it becomes.", show_default="one number more"),
    ] = None,
    keep_deprecated: Annotated[
        bool, typer.Option("--keep-deprecated", help="Leave nothing out.")
    ] = False,
    conversions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where conversions go.", show_default="chat_rooms_v1_v2.py, here"
        ),
    ] = None,
) -> None:
    """Begin the next version of a package: its contract, and conversions between the two.

    The contract is the text of the present one, with new numbers on the wire, so that one peer can
    offer both. What is deprecated is left out, and what only that needed. The conversions are
    Python, written once and yours from then on. Nothing that is there is overwritten.
    """
    with faults("new-version"):
        from .build import BuildResult
        from .new_files import AlreadyThere, write_new
        from .next_version import NoNextVersion, next_package, package_called, renewed
        from .targets.python.conversions import conversions_module

        settings, asked = settings_of((), schema, None)
        result = judged_contracts(settings, asked)
        if result.ok:
            contracts = {each.package: each for each in result.project.everything}
            try:
                old = contracts[package_called(package, contracts)]
                chosen = next_package(old.package, contracts, to)
            except NoNextVersion as error:
                raise WrongUse(str(error)) from None
            renewal = renewed(result.project, old, chosen, keep_deprecated=keep_deprecated)
            result = BuildResult(renewal.project, renewal.findings)
            if result.ok:
                code = conversions or Path(f"{_joined(old.package, chosen)}.py")
                module = conversions_module(old, renewal.new, settings.import_root)
                contract = settings.schema / renewal.new.path
                try:
                    write_new({contract: renewal.text, code: module})
                except AlreadyThere as error:
                    place = error.paths[0].as_posix()
                    raise WrongUse(f"{place} is already there; nothing was written") from None
                _tell(renewal, contract, code)
            else:
                typer.echo(f"{chosen} would not be right without what is deprecated:\n", err=True)
        if result.diagnostics:
            report(result, Format.TEXT)
    if not result.ok:
        typer.echo("Nothing was written.", err=True)
        raise typer.Exit(EXIT_FINDINGS)


def _tell(renewal: Renewal, contract: Path, code: Path) -> None:
    typer.echo(f"wrote {contract.as_posix()}")
    for name in renewal.dropped:
        typer.echo(f"  left out {name}")
    for name, service in renewal.new.services.items():
        before = renewal.old.services[name].base
        typer.echo(f"  {name} has the base {service.base}, it had {before}")
    typer.echo(f"wrote {code.as_posix()}")
    typer.echo(_NEXT)


def _joined(old: str, new: str) -> str:
    """`chat.rooms.v1`, `chat.rooms.v2` as `chat_rooms_v1_v2`."""
    return f"{old}.{new.rpartition('.')[2]}".replace(".", "_")
