"""Generated packages that are imported without a disk: models, errors, and the table of methods.

They are what `duologue generate` writes, less the layout that Ruff gives it, which takes as long as
all the rest.
"""

import itertools
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from duologue.typed import ServiceContract
from duologue_codegen.model import Contract
from duologue_codegen.targets.python.models import models_module
from duologue_codegen.targets.python.modules import python_modules
from duologue_codegen.targets.python.target import view_of_contract
from duologue_codegen.targets.target import Options

_ORDER: Final = ("models.py", "errors.py", "_contract.py")
_NUMBERS: Final = itertools.count(1)


def sources_of(contract: Contract, import_root: str) -> dict[str, str]:
    """The modules of a package that do not speak of a peer, in the order of their imports."""
    view = view_of_contract(contract, Options(import_root=import_root))
    files = python_modules(view)
    if view.models.types:
        files["models.py"] = models_module(view.models, header=view.header, doc="Types.")
    # Ruff takes imports away that a package without errors does not need.
    return {name: files.get(name, "") for name in _ORDER}


@contextmanager
def quick_package(contract: Contract) -> Generator[dict[str, ModuleType]]:
    """The modules of a contract without imports, by their last names; gone afterwards."""
    root = f"quick_{next(_NUMBERS)}"
    package = f"{root}.{contract.package}"
    parts = package.split(".")
    made: dict[str, ModuleType] = {}
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        made[name] = ModuleType(name)
        made[name].__path__ = []
    sys.modules |= made
    try:
        for file, text in sources_of(contract, root).items():
            short = file.removesuffix(".py")
            name = f"{package}.{short}"
            module = ModuleType(name)
            module.__package__ = package
            made[name] = sys.modules[name] = module
            setattr(made[package], short, module)
            exec(compile(text, name, "exec"), module.__dict__)
        yield {name.rpartition(".")[2]: module for name, module in made.items()}
    finally:
        for name in made:
            sys.modules.pop(name, None)


def services_of(modules: dict[str, ModuleType]) -> dict[str, ServiceContract]:
    """The tables of the services in a quick package, by their names."""
    found = vars(modules["_contract"]).values() if "_contract" in modules else ()
    return {each.name: each for each in found if isinstance(each, ServiceContract)}
