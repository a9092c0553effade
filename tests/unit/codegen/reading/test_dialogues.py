import pytest

from duologue_codegen.model import ServiceRef
from tests.unit.codegen.contract_text import contract_of, read


def test_a_dialogue_has_two_roles_with_what_each_offers() -> None:
    contract = contract_of("""
        services: {A: {methods: {}}, B: {methods: {}}}
        dialogues:
          Session:
            doc: They talk.
            host: [A, B]
            guest: []
            deprecated: Use Talk.
        """)
    session = contract.dialogues["Session"]
    host, guest = session.roles
    assert (session.doc, session.deprecated) == ("They talk.", "Use Talk.")
    assert (host.name, guest.name) == ("host", "guest")
    assert host.services == (ServiceRef("A", host.at), ServiceRef("B", host.at))
    assert guest.services == ()
    assert session.other(host) is guest
    assert session.other(guest) is host


@pytest.mark.parametrize(
    "stated", ["{}", "{one: []}", "{one: [], two: [], three: []}", "A", "{one: A, two: []}"]
)
def test_another_shape_is_a_finding(stated: str) -> None:
    _, faults = read(f"dialogues: {{Session: {stated}}}")
    assert [fault.rule for fault in faults] == ["node-shape"]


def test_there_may_be_no_dialogues_yet() -> None:
    assert contract_of("dialogues: {}").dialogues == {}
