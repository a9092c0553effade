from pathlib import Path

import pytest

from tests.unit.codegen.contracts import view_of


@pytest.mark.parametrize(
    ("message", "literal"),
    [
        ("plain", '"plain"'),
        ("room {it} not found", 'f"room {self.data.it} not found"'),
        ("{{it}} is {it}", 'f"{{it}} is {self.data.it}"'),
        ("{{it}}", '"{it}"'),
    ],
)
def test_a_message_becomes_a_string_over_the_fields(
    message: str, literal: str, tmp_path: Path
) -> None:
    body = f'errors: {{Bad: {{fields: {{it: string}}, message: "{message}"}}}}'
    assert view_of(body, tmp_path).errors[0].message == literal


def test_quotes_and_backslashes_in_a_message_stay_inside_it(tmp_path: Path) -> None:
    body = """
    errors:
      Bad: {fields: {it: string}, message: 'it''s "{it}" \\ {{x}}'}
    """
    literal = view_of(body, tmp_path).errors[0].message
    assert literal is not None

    class Data:
        it = "A"

    class Self:
        data = Data

    assert eval(literal, {"self": Self}) == 'it\'s "A" \\ {x}'
