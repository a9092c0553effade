import pytest

from duologue_codegen.model import (
    MAX_ID,
    ListOf,
    Scalar,
    StreamOf,
)
from tests.unit.codegen.contract_text import contract_of, read


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1ms", 0.001), ("500ms", 0.5), ("5s", 5), ("2m", 120), ("1h", 3600), ("24h", 86400)],
)
def test_timeout_has_a_unit(text: str, seconds: float) -> None:
    contract = contract_of(f"services: {{S: {{methods: {{m: {{id: 1, timeout: {text}}}}}}}}}")
    assert contract.services["S"].methods["m"].timeout_s == seconds


@pytest.mark.parametrize("text", ["5", "5 s", "s", "1d", "-1s", "1e3s", "1000000000000s", "[5s]"])
def test_other_timeout_is_a_finding(text: str) -> None:
    _, faults = read(f"services: {{S: {{methods: {{m: {{id: 1, timeout: {text}}}}}}}}}")
    assert [fault.rule for fault in faults] == ["node-shape"]


@pytest.mark.parametrize("text", ["0s", "0.5ms", "24.1h"])
def test_timeout_beyond_its_limits_is_a_finding(text: str) -> None:
    _, faults = read(f"services: {{S: {{methods: {{m: {{id: 1, timeout: {text}}}}}}}}}")
    assert [fault.rule for fault in faults] == ["timeout-sane"]


@pytest.mark.parametrize(
    ("number", "fits"), [(0, False), (1, True), (MAX_ID, True), (MAX_ID + 1, False)]
)
def test_id_lies_within_its_limits(number: int, fits: bool) -> None:
    contract, faults = read(f"services: {{S: {{methods: {{m: {{id: {number}}}}}}}}}")
    assert [fault.rule for fault in faults] == ([] if fits else ["id-range"])
    assert contract.services["S"].methods["m"].id == (number if fits else 0)


def test_example_of_a_call_is_read() -> None:
    contract = contract_of("""
        errors: {Gone: {fields: {a: int}}}
        services:
          S:
            methods:
              m:
                id: 1
                errors: [Gone]
                examples:
                  - {name: works, params: {a: 1}, returns: true}
                  - {name: fails, error: {Gone: {a: 1}}}
                  - {name: fails again, error: Gone}
        """)
    works, fails, again = contract.services["S"].methods["m"].examples
    assert works.params is not None
    assert works.returns is not None
    assert (works.name, works.params.data, works.returns.data) == ("works", {"a": 1}, True)
    assert fails.error is not None
    assert fails.error_fields is not None
    assert (fails.error.name, fails.error_fields.data) == ("Gone", {"a": 1})
    assert again.error is not None
    assert again.error_fields is None


def test_arguments_are_positional_where_it_is_said() -> None:
    contract = contract_of("""
        types: {P: {fields: {}}}
        services:
          S:
            methods:
              m: {id: 1, params: {a: int}}
              n: {id: 2, params: {a: int}, args: positional}
              o: {id: 3, params: P, args: positional}
        """)
    positional = [one.positional for one in contract.services["S"].methods.values()]
    assert positional == [False, True, True]


@pytest.mark.parametrize("stated", ["", "params: {},"])
def test_arguments_without_params_are_a_finding(stated: str) -> None:
    method = f"{{id: 1, {stated} args: positional}}"
    contract, faults = read(f"services: {{S: {{methods: {{m: {method}}}}}}}")
    assert [fault.rule for fault in faults] == ["node-shape"]
    assert not contract.services["S"].methods["m"].positional


@pytest.mark.parametrize("text", ["byte stream", "text  stream", "'byte stream'"])
def test_result_may_be_a_stream(text: str) -> None:
    contract = contract_of(f"services: {{S: {{methods: {{m: {{id: 1, returns: {text}}}}}}}}}")
    returns = contract.services["S"].methods["m"].returns
    assert isinstance(returns, StreamOf)
    assert returns.kind == " ".join(text.strip("'").split())


@pytest.mark.parametrize("text", ["optional byte stream", "list of text stream", "byte stream 2"])
def test_stream_stands_alone(text: str) -> None:
    _, faults = read(f"services: {{S: {{methods: {{m: {{id: 1, returns: {text}}}}}}}}}")
    assert [fault.rule for fault in faults] == ["type-expression"]


def test_items_are_type_expressions() -> None:
    contract = contract_of("""
        services:
          S:
            methods:
              m: {id: 1, sends: bytes, yields: list of int, returns: bool, idle_timeout: 500ms}
              n: {id: 2}
        """)
    m, n = contract.services["S"].methods.values()
    assert isinstance(m.sends, Scalar)
    assert isinstance(m.yields, ListOf)
    assert (m.has_items, m.idle_timeout_s) == (True, 0.5)
    assert (n.has_items, n.idle_timeout_s, n.sends, n.yields) == (False, None, None, None)


@pytest.mark.parametrize("key", ["sends", "yields"])
def test_an_item_is_no_stream(key: str) -> None:
    _, faults = read(f"services: {{S: {{methods: {{m: {{id: 1, {key}: byte stream}}}}}}}}")
    assert [(fault.rule, fault.hint) for fault in faults] == [
        (
            "type-expression",
            "each item is a value, such as `bytes` or `string`; "
            "a result alone may be a byte stream",
        )
    ]


def test_an_idle_timeout_needs_items() -> None:
    _, faults = read("services: {S: {methods: {m: {id: 1, idle_timeout: 5s}}}}")
    assert [(fault.rule, fault.hint) for fault in faults] == [
        ("node-shape", "write `timeout`, or say what it `sends` or `yields`")
    ]


def test_example_of_a_call_with_items_is_read() -> None:
    contract = contract_of("""
        services:
          S:
            methods:
              m:
                id: 1
                sends: int
                yields: int
                examples: [{name: some, sends: [1, 2], yields: []}, {name: none}]
        """)
    some, none = contract.services["S"].methods["m"].examples
    assert some.sends is not None
    assert [item.data for item in some.sends] == [1, 2]
    assert some.yields == ()
    assert (none.sends, none.yields) == (None, None)
