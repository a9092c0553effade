from duologue_codegen.model import (
    Placeholder,
)
from tests.unit.codegen.contract_text import contract_of


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
