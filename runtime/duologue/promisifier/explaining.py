"""Failures of calls in words that help: what the other side offers, and how contracts differ."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from duologue.errors import CallError, ContractMismatch, DuologueError, Unimplemented, UnknownError
from duologue.limits import Limits
from duologue.promisifier.contract_question import ContractQuestion
from duologue.promisifier.own_call import Call
from duologue.protocol.control import DESCRIBE, read_method_names
from duologue.protocol.hello import CalledContract, Counterpart
from duologue.protocol.parcels import Payload
from duologue.protocol.session import UNKNOWN_SERVICE

MAX_NAMED: Final = 20
"""Services or methods named in one error; of the rest the number."""


class Explaining:
    """Of one connection. Asks the other side once for each service, when a call has failed.

    Nobody waits longer than for a hello: then the call fails with what is known anyway.
    """

    def __init__(
        self,
        counterpart: Counterpart,
        limits: Limits,
        send: Callable[[Call[Any], Payload], bool],
    ) -> None:
        self._counterpart = counterpart
        self._timeout_s = limits.hello_timeout_s
        self._send = send
        self._described: dict[str, bytes] = {}
        """What was answered, by service; nothing where the other side does not tell."""
        self._waiting: dict[str, list[Callable[[bytes], None]]] = {}

    def explain(self, call: Call[Any], error: DuologueError) -> bool:
        """Say more in `error`. False: what is there to be said is not known yet; `call` will fail
        with it then.
        """
        contract = call.target.contract
        if contract is None:
            return True
        if isinstance(error, CallError) and _may_come_of_contracts(error):
            error.digests = self._counterpart.digests_of(contract)
        if not (
            isinstance(error, ContractMismatch)
            or (isinstance(error, Unimplemented) and error.code == UNKNOWN_SERVICE)
        ):
            return True
        name = call.reading.full_name
        if contract.name in self._described or not self._may_ask(contract):
            _tell(error, name, contract, self._counterpart, self._described.get(contract.name, b""))
            return True
        self._ask(call, contract, partial(self._fail, call, error, contract))
        return False

    def _may_ask(self, contract: CalledContract) -> bool:
        return self._counterpart.has(DESCRIBE) and self._counterpart.offers(contract)

    def _ask(
        self, call: Call[Any], contract: CalledContract, then: Callable[[bytes], None]
    ) -> None:
        waiting = self._waiting.setdefault(contract.name, [])
        waiting.append(then)
        if len(waiting) > 1:
            return
        loop = call.get_loop()
        left_s = math.inf if call.due_s == math.inf else call.due_s - loop.time()
        question = ContractQuestion(contract.name)
        asked = Call(loop, question, question, call.owner, min(self._timeout_s, max(left_s, 0.0)))
        asked.add_done_callback(partial(self._note_answer, contract.name))
        self._send(asked, question.args)

    def _note_answer(self, service: str, asked: "asyncio.Future[bytes]") -> None:
        described = b""
        if not asked.cancelled() and asked.exception() is None:
            described = asked.result()
        self._described[service] = described
        for then in self._waiting.pop(service):
            then(described)

    def _fail(
        self, call: Call[Any], error: DuologueError, contract: CalledContract, described: bytes
    ) -> None:
        _tell(error, call.reading.full_name, contract, self._counterpart, described)
        if not call.done():
            call.fail(error)


def _may_come_of_contracts(error: CallError) -> bool:
    return error.code in ("INVALID_PARAMS", "INVALID_RESULT", UNKNOWN_SERVICE) or isinstance(
        error, UnknownError
    )


def _tell(
    error: DuologueError,
    name: str,
    contract: CalledContract,
    counterpart: Counterpart,
    described: bytes,
) -> None:
    if isinstance(error, ContractMismatch):
        error.differences = contract.differences(described)
    elif isinstance(error, CallError):
        offer = _offer(contract, counterpart, name, described)
        error.message = f"{name} is not offered by the other side{offer}"


def _offer(contract: CalledContract, counterpart: Counterpart, name: str, described: bytes) -> str:
    if not counterpart.is_introduced:
        return ", which speaks the base profile and does not say what it offers"
    if not counterpart.offers(contract):
        return f"; it offers: {_listed(counterpart.offered_names) or 'nothing'}"
    methods = read_method_names(described, contract.name)
    if name.rpartition("/")[2] in methods:
        return ", though its contract has it"
    has = f", which has: {_listed(methods)}" if methods else " without it"
    return f"; it offers {contract.name}{has}"


def _listed(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(sorted(names)[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
