"""Messages of errors may name any field: every type, optional or not, explicit, deprecated.

Generated code warns nobody for using what it has made itself, and is clean for both checkers.
"""

import itertools
from pathlib import Path
from typing import Final

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.model import ScalarKind
from tests.generated_code import check_types, run_python

TYPES: Final = (
    *(kind.value for kind in ScalarKind),
    *("Blob", "Raw", "Flag", "Colour", "Body", "list of bytes", "map of Blob"),
    *("bool or bytes", "Sized", "text of Blob", "text of bool or Flag", "Raw or Text"),
)

AROUND: Final = """
duologue: 1
package: said.v1
types:
  Blob: {is: bytes}
  Raw: {schema: {type: string, format: binary}}
  Flag: {is: Blob}
  Sized: {is: bool or Blob}
  Colour: {enum: {red: Like blood.}, open: true}
  Text: {fields: {text: string}}
  Body: {union: {text: Text}, tag: kind, open: true}
errors:
  Failed:
    doc: Says everything.
"""

PROGRAM: Final = """
from made.said.v1 import models
from made.said.v1.errors import Failed

fields = models.FailedData.model_fields
given = {name: name for name in fields}
error = Failed.from_data(models.FailedData.model_construct(**given))
assert str(error).replace("'", "").split(", ") == list(fields)

required = {name: "given" for name, field in fields.items() if field.is_required()}
error = Failed.from_data(models.FailedData.model_construct(**required))
said = str(error).replace("'", "").split(", ")
assert len(said) == len(fields)
assert said.count("given") == len(required)
"""


def test_a_message_may_name_every_kind_of_field(tmp_path: Path) -> None:
    fields: list[str] = []
    for type_, form, is_deprecated in itertools.product(
        TYPES, ("", "optional", "explicit", "optional explicit"), (False, True)
    ):
        name = f"f_{len(fields)}"
        optional = "optional " if "optional" in form else ""
        presence = ", presence: explicit" if "explicit" in form else ""
        deprecated = ", deprecated: Use another." if is_deprecated else ""
        fields.append(f"      {name}: {{type: {optional}{type_}{presence}{deprecated}}}")
    message = ", ".join(f"{{f_{number}}}" for number in range(len(fields)))
    contract = tmp_path / "schema" / "said" / "v1.yaml"
    contract.parent.mkdir(parents=True)
    body = "\n".join(["    fields:", *fields, f'    message: "{message}"', ""])
    contract.write_text(AROUND.lstrip() + body)

    result = build(tmp_path / "schema", tmp_path / "made", targets=TARGETS, import_root="made")
    assert [f"{each.at.line}: {each.message}" for each in result.diagnostics] == []
    run_python(tmp_path, "-W", "error", "-bb", "-c", PROGRAM)
    check_types(tmp_path, "made")
