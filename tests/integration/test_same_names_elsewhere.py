"""A recursive alias means the same in other packages, whatever their classes are called."""

from pathlib import Path

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from tests.generated_code import check_types, run_python

TREES = """\
duologue: 1
package: trees.v1
types:
  User: {fields: {id: int}}
  Tree: {is: string or User or list of Tree, examples: [a]}
"""
FOREST = """\
duologue: 1
package: forest.v1
imports: {trees: trees/v1.yaml}
types:
  User: {fields: {name: string, tree: trees.Tree}}
  Annotated: {fields: {tree: trees.Tree}}
  Union: {fields: {tree: trees.Tree}}
  Tree: {fields: {tree: trees.Tree}}
"""
USED = """
from made.forest.v1 import Annotated, Tree, Union, User
from made.trees.v1 import User as OfTrees

for model in (User, Annotated, Union, Tree):
    text = '{"name": "Ann", "tree": [{"id": 5}, "x", ["y"]]}'
    made = model.model_validate_json(text)
    assert made.tree == [OfTrees(id=5), "x", ["y"]], made
    assert type(made.tree[0]) is OfTrees
"""


def test_a_class_with_a_name_that_a_foreign_alias_uses_changes_nothing(tmp_path: Path) -> None:
    for path, text in (("trees/v1.yaml", TREES), ("forest/v1.yaml", FOREST)):
        (tmp_path / "schema" / path).parent.mkdir(parents=True)
        (tmp_path / "schema" / path).write_text(text)
    result = build(tmp_path / "schema", tmp_path / "made", targets=TARGETS, import_root="made")
    assert result.ok, result.diagnostics
    run_python(tmp_path, "-c", USED)
    check_types(tmp_path, "made")
