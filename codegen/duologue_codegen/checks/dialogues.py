"""What the two sides of a dialogue offer each other."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Related, quoted
from ..model import Contract, Dialogue, Role, ServiceRef
from ..spelling import nearest
from .registry import Findings, rule


@rule("known-services")
def known_services(contract: Contract) -> Findings:
    """Every service that a dialogue names is declared in the same contract."""
    for dialogue in contract.dialogues.values():
        for ref in (ref for role in dialogue.roles for ref in role.services):
            if ref.name in contract.services:
                continue
            meant = nearest(ref.name, contract.services)
            hint = f"did you mean {quoted(meant)}?" if meant else "declare it under `services`"
            if "." in ref.name:
                hint = "services cannot be imported: write the dialogue where they are declared"
            message = f"no service named {quoted(ref.name)}"
            yield Diagnostic("known-services", ref.at, message, hint)


@rule("dialogue-offers")
def dialogue_offers(contract: Contract) -> Findings:
    """In a dialogue something is offered, and no side offers a service twice."""
    for dialogue in contract.dialogues.values():
        for role in dialogue.roles:
            yield from _twice(dialogue, role)
        if dialogue.roles and not any(role.services for role in dialogue.roles):
            message = f"nobody offers anything in {quoted(dialogue.name)}"
            hint = "name a service, such as `host: [Rooms]`"
            yield Diagnostic("dialogue-offers", dialogue.at, message, hint)


def _twice(dialogue: Dialogue, role: Role) -> Findings:
    first: dict[str, ServiceRef] = {}
    for ref in role.services:
        other = first.setdefault(ref.name, ref)
        if other is not ref:
            message = f"{quoted(role.name)} of {quoted(dialogue.name)} offers {quoted(ref.name)}"
            related = Related(other.at, "here, too")
            hint = "once is enough"
            yield Diagnostic("dialogue-offers", ref.at, f"{message} twice", hint, related=related)
