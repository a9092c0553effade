"""The command `duologue keygen`."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from duologue.commands.outcome import EXIT_FAILED, EXIT_USAGE, Format
from duologue.errors import UnsafeKeyFile
from duologue.identity import Identity

DEFAULT_FILE: Final = Path("duologue.key")


def keygen(
    file: Annotated[Path, typer.Argument(help="Where to keep the secret.")] = DEFAULT_FILE,
    format: Annotated[
        Format, typer.Option("--format", help="text: the public key alone, one line.")
    ] = Format.text,
    show: Annotated[
        bool, typer.Option("--show", help="Make nothing; print the public key of FILE.")
    ] = False,
) -> None:
    """Make a new identity: a key file that only you can read.

    Prints the public key, which others need to reach you or to let you in. The secret is shown
    nowhere. An existing file is never touched.
    """
    if show:
        _tell(_load(file), file, format)
        return
    identity = Identity.generate()
    try:
        identity.save(file)
    except FileExistsError:
        typer.echo(f"{file} exists and is left as it is; name another file.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    except OSError as error:
        typer.echo(f"{file} cannot be written: {error.strerror}", err=True)
        raise typer.Exit(EXIT_FAILED) from None
    if format is Format.text:
        typer.echo(f"Secret kept in {file}; the public key is:", err=True)
    _tell(identity, file, format)


def _load(file: Path) -> Identity:
    try:
        return Identity.load(file)
    except FileNotFoundError:
        typer.echo(f"there is no key file {file}; duologue keygen {file} makes one", err=True)
    except UnsafeKeyFile as error:
        typer.echo(str(error), err=True)
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error.strerror}", err=True)
    raise typer.Exit(EXIT_USAGE)


def _tell(identity: Identity, file: Path, format: Format) -> None:
    if format is Format.json:
        typer.echo(json.dumps({"file": str(file), "publicKey": str(identity)}))
    else:
        typer.echo(str(identity))
