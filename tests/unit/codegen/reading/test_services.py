import pytest

from duologue_codegen.model import InlineParams, InlinePayload, Placeholder, Ref, StreamOf
from duologue_codegen.reading.services import MAX_BASE, MAX_ID

from ..contract_text import contract_of, read


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


def test_message_is_split_at_its_placeholders() -> None:
    message = (
        contract_of("""
        errors: {Gone: {fields: {a: int}, message: "{{{a}}} of {a}"}}
        """)
        .errors["Gone"]
        .message
    )
    assert message is not None
    shown = [part.name if isinstance(part, Placeholder) else part for part in message.parts]
    assert shown == ["{", "a", "} of ", "a"]
    second = message.parts[3]
    assert isinstance(second, Placeholder)
    assert second.at.length == len("{a}")


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


@pytest.mark.parametrize(
    ("number", "fits"), [(-1, False), (0, True), (MAX_BASE, True), (MAX_BASE + 1, False)]
)
def test_base_lies_within_its_limits(number: int, fits: bool) -> None:
    _, faults = read(f"services: {{S: {{base: {number}, methods: {{}}}}}}")
    assert [fault.rule for fault in faults] == ([] if fits else ["base-range"])


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


def test_event_is_read_whole() -> None:
    contract = contract_of("""
        types: {P: {fields: {a: int}}}
        services:
          S:
            events:
              e:
                id: 1
                doc: It happens.
                fields: {a: int, b: {type: int, default: 1}}
                examples: [{name: one, payload: {a: 1}}, {name: none}]
              f: {id: 2, payload: P, deprecated: Use e.}
              g: {id: 3, fields: {}}
        """)
    e, f, g = contract.services["S"].events.values()
    assert (e.name, e.id, e.doc, e.deprecated) == ("e", 1, "It happens.", None)
    assert isinstance(e.payload, InlinePayload)
    assert list(e.payload.fields) == ["a", "b"]
    one, none = e.examples
    assert one.payload is not None
    assert (one.name, one.payload.data, none.payload) == ("one", {"a": 1}, None)
    assert isinstance(f.payload, Ref)
    assert f.deprecated == "Use e."
    assert g.payload == InlinePayload({}, g.at)


@pytest.mark.parametrize(
    ("number", "fits"), [(0, False), (1, True), (MAX_ID, True), (MAX_ID + 1, False)]
)
def test_id_of_an_event_lies_within_the_same_limits(number: int, fits: bool) -> None:
    contract, faults = read(f"services: {{S: {{events: {{e: {{id: {number}, fields: {{}}}}}}}}}}")
    assert [fault.rule for fault in faults] == ([] if fits else ["id-range"])
    assert contract.services["S"].events["e"].id == (number if fits else 0)


@pytest.mark.parametrize("key", ["key: a", "replay: 5", "buffer: {max: 5, when_full: close}"])
def test_what_events_cannot_do_yet_is_a_finding(key: str) -> None:
    _, faults = read(f"services: {{S: {{events: {{e: {{id: 1, fields: {{a: int}}, {key}}}}}}}}}")
    assert [fault.rule for fault in faults] == ["not-supported-yet"]


def test_service_needs_methods_or_events() -> None:
    for stated in ("methods: {}", "events: {}", "methods: {}, events: {}"):
        contract_of(f"services: {{S: {{{stated}}}}}")
    _, faults = read("services: {S: {doc: Empty.}}")
    assert [fault.rule for fault in faults] == ["node-shape"]


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
