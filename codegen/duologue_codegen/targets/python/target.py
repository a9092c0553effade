"""The target `python`: a contract as a typed package, formatted and ready to be imported."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...model import Contract
from ...model.canonical import canonical, contract_digest
from ..target import Marks, Options
from .header import HEADER

if TYPE_CHECKING:
    from .view import PackageView

_GENERATORS: Final = ("datamodel-code-generator", "ruff")
"""Distributions whose version decides bytes; pinned exactly for that reason."""


class PythonTarget:
    """Packages with models, errors, a client and a service."""

    name = "python"
    marks = Marks(
        ending=".py",
        header=HEADER,
        front="__init__.py",
        between=f"{HEADER}. Do not edit.\n"
        '"""Packages that `duologue generate` made from contracts."""\n',
        without_header=("contract.json", "py.typed"),
        sign="contract.json",
    )

    def files(self, contract: Contract, options: Options) -> dict[str, str]:
        """Every file of the package, by name. Modules that would be empty are left out.

        Raises:
            ModelsRefused: datamodel-code-generator did not take the types.
            Unformattable: a file is not Python.
        """
        # Only here: the generators take most of the time, and unchanged packages need none.
        from .formatting import format_all
        from .models import models_module
        from .modules import python_modules

        view = view_of_contract(contract, options)
        files = python_modules(view)
        if view.models.types:
            doc = f"The types of `{view.package}`."
            files["models.py"] = models_module(view.models, header=view.header, doc=doc)
        files |= {"contract.json": view.contract_json, "py.typed": ""}
        first_party = (options.import_root or view.package).partition(".")[0]
        return format_all(files, first_party=(first_party,))

    def made_from(self, contract: Contract, options: Options) -> str:
        """A digest of the contract, the options, the generators' versions and our own source."""
        stated = {
            # Not sorted: the order of a contract is that of its package.
            "contract": canonical(contract),
            "path": contract.path,
            "imports": {each.alias: each.path for each in contract.imports.values()},
            "options": asdict(options),
            "versions": self.versions(),
            "source": _source_digest(),
        }
        return f"sha256:{hashlib.sha256(json.dumps(stated).encode()).hexdigest()}"

    def versions(self) -> dict[str, str]:
        """Those of the generators."""
        return _versions()


def view_of_contract(contract: Contract, options: Options) -> PackageView:
    """Everything that the files of a package say."""
    # Only here: unchanged packages need none.
    from .view import package_view

    # Several lines, so that a change of the contract shows as what it is.
    form = canonical(contract)
    text = json.dumps(form, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return package_view(
        contract,
        contract_json=f"{text}\n",
        digest=contract_digest(contract),
        import_root=options.import_root,
    )


@cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _GENERATORS}


@cache
def _source_digest() -> str:
    """Digest of this folder: nothing else of ours shapes a byte that the contract does not say."""
    here = Path(__file__).parent
    total = hashlib.sha256()
    for file in sorted(each for each in here.rglob("*") if each.suffix in {".py", ".j2"}):
        total.update(file.relative_to(here).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()
