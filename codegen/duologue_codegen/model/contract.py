"""A contract file, and the others it imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..diagnostics import Position
from .dialogues import Dialogue
from .errors import ErrorDef
from .events import InlinePayload
from .methods import InlineParams, Method
from .services import Service
from .type_expressions import Ref
from .types import Field, ObjectType, TypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Another contract, under a short name."""

    alias: str
    path: str
    """From the schema root: `chat/common/v1.yaml`."""
    path_at: Position = field(compare=False)
    contract: Contract | None
    """None when it could not be read, or when importing it again would never end."""
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One contract file."""

    edition: int
    package: str
    package_at: Position = field(compare=False)
    path: str
    """From the schema root, with `/`: `chat/rooms/v1.yaml`. The same on every machine."""
    imports: Mapping[str, Import]
    """By alias."""
    types: Mapping[str, TypeDef]
    errors: Mapping[str, ErrorDef]
    services: Mapping[str, Service]
    dialogues: Mapping[str, Dialogue] = field(default_factory=dict[str, Dialogue])
    doc: str = ""
    at: Position = field(compare=False)
    """The start of the file; `at.file` is the path as the user gave it."""

    def home_of(self, ref: Ref) -> Contract | None:
        """The contract that `ref`, written in this one, points into, or None."""
        if ref.alias is None:
            return self
        found = self.imports.get(ref.alias)
        return None if found is None else found.contract

    def resolve(self, ref: Ref) -> TypeDef | None:
        """The type that `ref`, written in this contract, means. None when there is none.

        Refs inside an imported type belong to the contract that declares it: `home_of`.
        """
        home = self.home_of(ref)
        return None if home is None else home.types.get(ref.name)

    def fields_of(
        self, stated: InlineParams | InlinePayload | Ref | None
    ) -> tuple[Mapping[str, Field], Contract]:
        """The fields of params or of a payload, and the contract in which they are written."""
        match stated:
            case InlineParams(fields=fields) | InlinePayload(fields=fields):
                return fields, self
            case Ref():
                target, home = self.resolve(stated), self.home_of(stated)
                if isinstance(target, ObjectType) and home is not None:
                    return target.fields, home
            case None:
                pass
        return {}, self

    def errors_of(self, service: Service, method: Method) -> tuple[ErrorDef, ...]:
        """What `method` may raise: the errors of its service, then its own, each once."""
        names = dict.fromkeys(ref.name for ref in (*service.errors, *method.errors))
        return tuple(self.errors[name] for name in names if name in self.errors)
