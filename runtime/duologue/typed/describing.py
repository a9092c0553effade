"""The contracts of what a side offers, as it shows them to whoever asks."""

from collections.abc import Iterable

from duologue.errors import LimitExceeded, Unimplemented
from duologue.limits import MAX_DESCRIBED_BYTES
from duologue.protocol.control import Describe, described_text, names_text
from duologue.typed.contract import ServiceContract


class Descriptions:
    """What is said of the services that one endpoint offers (PROTOCOL 15)."""

    def __init__(self, contracts: Iterable[ServiceContract]) -> None:
        self._contracts = {each.name: each for each in contracts}
        self._texts: dict[str, bytes] = {}

    def answer(self, wish: Describe) -> bytes:
        """The answer to a control call, as JSON.

        Raises:
            Unimplemented: there is no such service, or its contract is not at hand.
            LimitExceeded: it is larger than may be told.
        """
        if wish.service is None:
            return names_text(sorted(self._contracts))
        text = self._texts.get(wish.service)
        if text is None:
            text = self._texts[wish.service] = self._find(wish.service)
        if len(text) > MAX_DESCRIBED_BYTES:
            raise LimitExceeded("MAX_DESCRIBED_BYTES", MAX_DESCRIBED_BYTES, len(text))
        return text

    def _find(self, name: str) -> bytes:
        contract = self._contracts.get(name)
        if contract is None:
            raise Unimplemented(f"{name} is not offered by this side")
        described = contract.description()
        if described is None:
            raise Unimplemented(f"the contract of {name} is not at hand where it is offered")
        return described_text(described)
