"""Methods by the names that people type, in generated packages or in a folder of contracts."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final, cast

from duologue.commands.project_contracts import Project, method_params, of_compiler, short_names
from duologue.protocol.wording import words_of
from duologue.typed.client import Client
from duologue.typed.contract import Event, Method
from duologue.typed.model import Model

_METHOD: Final = re.compile(r"((?:\w+\.)+)(\w+)/(\w+)")
_MADE_ROOT: Final = "duologue_made_for_this_call"


class WrongUse(ValueError):
    """What was asked for makes no sense; the text says why."""


class NotHere(WrongUse):
    """The contract is not among the files of this project."""


@dataclass(frozen=True, slots=True)
class Found:
    """A method of a generated package."""

    client: type[Client]
    method: Method[..., Any, Any]
    params: type[Model] | None


def split_name(name: str) -> tuple[str, str, str]:
    """Package, service and method of `chat.rooms.v1.Rooms/join`.

    Raises:
        WrongUse: it is none of a method.
    """
    parts = _METHOD.fullmatch(name)
    if parts is None:
        raise WrongUse(f"{name} is no method; write it like chat.rooms.v1.Rooms/join")
    return parts[1].rstrip("."), parts[2], parts[3]


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event of a generated package."""

    client: type[Client]
    event: Event[..., Any]


def whole_name(name: str, schema: Path | None) -> str:
    """The whole name of a method or event that may be given shortly, by the contracts at hand.

    Raises:
        WrongUse: it means more than one, or none and is much like one.
    """
    if _METHOD.fullmatch(name):
        return name
    known = method_params(Project.here().schema if schema is None else schema)
    meant = sorted(each for each in known if name in short_names(each))
    if len(meant) > 1:
        raise WrongUse(f"{name} is one of {', '.join(meant)}: name it whole")
    if meant:
        return meant[0]
    service, slash, method = name.partition("/")
    homes = {
        each.partition("/")[0] for each in known if short_names(each)[0].startswith(f"{service}/")
    }
    # With its service known, what the name may have been meant for can be said.
    if slash and len(homes) == 1:
        return f"{homes.pop()}/{method}"
    near = get_close_matches(name, [short_names(each)[not slash] for each in known], n=1)
    if near:
        raise WrongUse(f"there is no {name}; did you mean {near[0]}?")
    return name


def find_event(name: str, packages: str | None, schema: Path | None) -> FoundEvent:
    """The event that `chat.rooms.v1.Rooms/message_posted` means, as `find_method` looks it up.

    Raises:
        WrongUse: there is none; says what there is.
    """
    name = whole_name(name, schema)
    service, event = split_name(name)[1:]
    client = _client_in(name, packages=packages, schema=schema)
    contract = client.__contract__
    events = {each.name: each for each in contract.events}
    if event not in events:
        if event in {each.name for each in contract.methods}:
            raise WrongUse(f"{event} is a method: call it without --events")
        raise WrongUse(f"{service} has no event {event}{suggestion(event, events)}")
    return FoundEvent(client, events[event])


def find_method(name: str, *, packages: str | None = None, schema: Path | None = None) -> Found:
    """The method that `chat.rooms.v1.Rooms/join` means.

    It is looked up in the contracts below `schema`, if that is given; else in the generated
    packages below `packages`; else in those of this project, and in its schema folder if there is
    no such package.

    Raises:
        NotHere: there is no such package, and none was named by an argument.
        WrongUse: there is none; says what there is.
    """
    name = whole_name(name, schema)
    service, method = split_name(name)[1:]
    client = _client_in(name, packages=packages, schema=schema)
    contract = client.__contract__
    methods = {each.name: each for each in contract.methods}
    if method not in methods:
        if method in {each.name for each in contract.events}:
            raise WrongUse(f"{method} is an event: watch it with --events")
        raise WrongUse(f"{service} has no method {method}{suggestion(method, methods)}")
    return Found(client, methods[method], methods[method].params.model)


def _client_in(name: str, *, packages: str | None, schema: Path | None) -> type[Client]:
    package, service, _ = split_name(name)
    if schema is not None:
        module = _made(package, schema)
    else:
        module = _generated(package, Project.here(), packages)
    client: object = getattr(module, f"{service}Client", None)
    if not (isinstance(client, type) and issubclass(client, Client)):
        services = [each.removesuffix("Client") for each in vars(module) if _names_client(each)]
        raise WrongUse(f"{package} has no service {service}{suggestion(service, services)}")
    return client


def suggestion(name: str, known: Collection[str]) -> str:
    """What may have been meant by a wrong name, and what there is."""
    if not known:
        return "; it has none"
    near = get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"{meant or ';'} it has {', '.join(sorted(known))}"


def _names_client(name: str) -> bool:
    return name.endswith("Client") and name != "Client"


def _generated(package: str, project: Project, packages: str | None) -> ModuleType:
    root = project.import_root if packages is None else packages
    path = f"{root}.{package}" if root else package
    # What was generated for the project one stands in.
    sys.path.insert(0, str(project.folder))
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if not f"{path}.".startswith(f"{error.name}."):
            raise WrongUse(f"the package {path} cannot be imported: {words_of(error)}") from None
    if packages is None and project.schema.is_dir():
        try:
            return _made(package, Path(os.path.relpath(project.schema)))
        except WrongUse as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise NotHere(str(error)) from error
            raise
    raise NotHere(
        f"there is no package {path} here; generate it first (duologue generate), or name the "
        "folder of its contract with --schema"
    )


def _made(package: str, schema: Path) -> ModuleType:
    """The package, made in a temporary folder that is gone when this returns."""
    compile_package = cast("Callable[..., str]", needed_of_compiler("compile_package"))
    with TemporaryDirectory(prefix="duologue-") as folder:
        out = Path(folder) / _MADE_ROOT
        colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        try:
            findings = compile_package(schema, package, out, _MADE_ROOT, colour=colour)
        except ModuleNotFoundError as error:
            raise WrongUse(needs_tools(f"`{error.name}`")) from None
        except (OSError, ValueError) as error:
            raise WrongUse(str(error)) from error
        if findings:
            raise WrongUse(f"{findings}\nThe contract of {package} must be mended first.")
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            return importlib.import_module(f"{_MADE_ROOT}.{package}")
        finally:
            sys.path.remove(folder)


def needed_of_compiler(name: str) -> Any:
    """What the compiler has by this name.

    Raises:
        WrongUse: the compiler is not installed.
    """
    found = of_compiler(name)
    if found is None:
        raise WrongUse(needs_tools("the compiler"))
    return found


def needs_tools(what: str) -> str:
    """What to say where a part of the compiler is missing."""
    return (
        f"duologue call needs {what}, which is not installed, to read contracts.\n"
        "Install it: pip install 'duologue[tools]'"
    )
