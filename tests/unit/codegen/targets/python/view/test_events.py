from pathlib import Path

from duologue_codegen.targets.python.view import EventView, package_view
from tests.unit.codegen.contracts import contract_of, view_of, write

OTHER = """
duologue: 1
package: other.v1
types: {Event: {fields: {name: string}}, Subscription: {fields: {}}}
"""


def event_of(stated: str, tmp_path: Path) -> EventView:
    body = f"""
    types: {{Peer: {{fields: {{name: string}}}}, Role: {{enum: {{a: A.}}, open: true}}}}
    services: {{Rooms: {{events: {{happened: {stated}}}}}}}
    """
    return view_of(body, tmp_path).services[0].events[0]


def test_an_event_has_a_class_named_after_service_and_event(tmp_path: Path) -> None:
    event = event_of("{id: 1, fields: {at: datetime, role: {type: Role, default: a}}}", tmp_path)
    assert (event.constant, event.full_name) == ("ROOMS_HAPPENED", "Rooms.happened")
    assert (event.constructor, event.payload) == ("Event", "Params(m.RoomsHappened)")
    assert event.handler_type == "EventHandler[RoomsHappened]"
    assert event.subscription_type == "Subscription[RoomsHappened]"
    assert [each.parameter for each in event.keywords] == [
        "at: datetime",
        "role: Role | str = Role.A",
    ]
    assert (event.peer, event.contract_module) == ("peer", "c")


def test_an_event_carries_a_named_object_directly(tmp_path: Path) -> None:
    event = event_of("{id: 1, payload: Peer}", tmp_path)
    assert event.payload == "Params(m.Peer)"
    assert event.handler_type == "EventHandler[Peer]"
    assert [each.parameter for each in event.keywords] == ["name: str"]


def test_an_event_that_carries_nothing_yet_has_its_class_all_the_same(tmp_path: Path) -> None:
    event = event_of("{id: 1, fields: {}}", tmp_path)
    assert (event.payload, event.keywords) == ("Params(m.RoomsHappened)", ())


def test_a_key_is_told_by_its_name_on_the_wire_and_its_type(tmp_path: Path) -> None:
    fields = "fields: {role: {type: Role, wire: as}}"
    event = event_of(f"{{id: 1, {fields}, key: role, replay: 3}}", tmp_path)
    assert event.key is not None
    assert event.key.startswith("('as', Codec[m.Role | str](")
    assert (event.key_field, event.key_type, event.replay) == ("role", "Role | str", 3)
    assert (event.max_waiting, event.when_full) == (None, None)


def test_a_buffer_is_told_where_it_is_not_the_usual_one(tmp_path: Path) -> None:
    buffer = "buffer: {max: 5, when_full: close}"
    event = event_of(f"{{id: 1, fields: {{}}, {buffer}}}", tmp_path)
    assert (event.key, event.max_waiting, event.when_full) == (None, 5, "'close'")


def test_a_method_that_is_called_int_is_not_the_type_of_replay(tmp_path: Path) -> None:
    body = "services: {S: {methods: {int: {id: 1}}, events: {e: {id: 2, fields: {}, replay: 1}}}}"
    assert view_of(body, tmp_path).services[0].events[0].replay_type == "int_"


def test_what_an_event_needs_makes_way_for_names_of_the_contract(tmp_path: Path) -> None:
    event = event_of("{id: 1, fields: {peer: string, c: string}}", tmp_path)
    assert (event.peer, event.peer_type, event.contract_module) == ("peer_", "Peer_", "_contract")


def test_what_an_event_needs_makes_way_for_imported_types(tmp_path: Path) -> None:
    write(tmp_path / "schema", "other/v1.yaml", OTHER)
    text = """
    duologue: 1
    package: test.v1
    imports: {other: other/v1.yaml}
    services: {Rooms: {events: {happened: {id: 1, payload: other.Event}}}}
    """
    view = package_view(
        contract_of(text, tmp_path), contract_json="", digest="", import_root="generated"
    )
    event = view.services[0].events[0]
    assert (event.constructor, event.payload) == ("Event_", "Params(Event)")
    assert event.subscription_type == "Subscription_[Event]"
