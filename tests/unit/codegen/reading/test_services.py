import pytest

from duologue_codegen.model import (
    MAX_BASE,
    InlineParams,
    Ref,
)
from tests.unit.codegen.contract_text import contract_of, read


def test_service_is_read_whole() -> None:
    contract = contract_of("""
        types: {P: {fields: {a: int}}}
        errors:
          Gone: {doc: It left., fields: {room: string}, message: "{room} is {{gone}}", retry: later}
          Busy:
        services:
          S:
            doc: A service.
            base: 100
            errors: [Gone]
            methods:
              m: {id: 1, doc: Does it., effect: read, timeout: 1.5s, since: 1.10, params: {a: int}}
              n: {id: 2, params: P, returns: list of P, errors: [Busy], deprecated: Use m.}
              o: {id: 3, params: {}}
            reserved: {ids: [4], names: [old]}
        """)
    service = contract.services["S"]
    m, n, o = service.methods.values()
    assert (service.base, service.doc) == (100, "A service.")
    assert [one.id for one in service.reserved_ids] == [4]
    assert [one.name for one in service.reserved_names] == ["old"]
    assert (m.id, m.effect, m.timeout_s, m.since) == (1, "read", 1.5, "1.10")
    assert isinstance(m.params, InlineParams)
    assert isinstance(n.params, Ref)
    assert n.deprecated == "Use m."
    assert (o.params, o.returns, o.effect) == (None, None, "write")
    assert (contract.errors["Gone"].code, contract.errors["Gone"].retry) == ("gone", "later")
    assert (contract.errors["Busy"].code, contract.errors["Busy"].message) == ("busy", None)


@pytest.mark.parametrize(
    ("number", "fits"), [(-1, False), (0, True), (MAX_BASE, True), (MAX_BASE + 1, False)]
)
def test_base_lies_within_its_limits(number: int, fits: bool) -> None:
    _, faults = read(f"services: {{S: {{base: {number}, methods: {{}}}}}}")
    assert [fault.rule for fault in faults] == ([] if fits else ["base-range"])


def test_service_needs_methods_or_events() -> None:
    for stated in ("methods: {}", "events: {}", "methods: {}, events: {}"):
        contract_of(f"services: {{S: {{{stated}}}}}")
    _, faults = read("services: {S: {doc: Empty.}}")
    assert [fault.rule for fault in faults] == ["node-shape"]
