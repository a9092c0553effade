"""Level, order and stability decide what is told of a change."""

from pathlib import Path

import pytest

from duologue_codegen.build import judge
from duologue_codegen.compatibility import Order, Scope
from duologue_codegen.compatibility.baseline import NoBaseline
from duologue_codegen.compatibility.verdict import scope_of
from duologue_codegen.diagnostics import Diagnostic
from duologue_codegen.upgrade import judge_upgrade
from tests.unit.codegen.contracts import write

OLD = """
duologue: 1
package: test.v1
types:
  Shared: {fields: {a: int}}
services:
  Things:
    methods:
      take: {id: 1, params: Shared}
      give: {id: 2, returns: Shared}
"""


def told(
    tmp_path: Path,
    new: str,
    old: str = OLD,
    *,
    scope: Scope | None = None,
    order: Order = Order.ANY,
    path: str = "test/v1.yaml",
) -> list[Diagnostic]:
    write(tmp_path / "old", path, old)
    write(tmp_path / "new", path, new)
    judged = judge(tmp_path / "new", import_root="generated")
    assert judged.ok
    found = judge_upgrade(judged, str(tmp_path / "old"), scope=scope, order=order)
    return list(found.diagnostics)


REQUIRED = OLD.replace("{a: int}", "{a: int, b: int}")


def test_shared_type_fails_in_both_pairs(tmp_path: Path) -> None:
    (found,) = told(tmp_path, REQUIRED)
    assert found.rule == "field-added"
    assert found.message == (
        "old caller against new provider: `Shared.b` missing in the params of `Things.take`; "
        "new caller against old provider: `Shared.b` missing in what `Things.give` returns"
    )
    assert found.related is not None
    assert found.related.at.file.endswith("old/test/v1.yaml")


@pytest.mark.parametrize(
    ("order", "pair"),
    [
        (Order.PROVIDER_FIRST, "old caller against new provider"),
        (Order.CALLER_FIRST, "new caller against old provider"),
    ],
)
def test_order_of_upgrades_leaves_one_pair(order: Order, pair: str, tmp_path: Path) -> None:
    (found,) = told(tmp_path, REQUIRED, order=order, scope=Scope.WIRE)
    assert found.message.startswith(f"{pair}: ")
    assert ";" not in found.message


def test_what_only_fails_the_other_way_round_passes(tmp_path: Path) -> None:
    old = OLD.replace("returns: Shared", "returns: bool")
    assert told(
        tmp_path, REQUIRED.replace("returns: Shared", "returns: bool"), old, scope=Scope.WIRE
    )
    left = told(
        tmp_path,
        REQUIRED.replace("returns: Shared", "returns: bool"),
        old,
        scope=Scope.WIRE,
        order=Order.CALLER_FIRST,
    )
    assert left == []


def test_level_tells_wire_and_source_apart(tmp_path: Path) -> None:
    renamed = OLD.replace("take:", "accept:")
    assert told(tmp_path, renamed, scope=Scope.WIRE) == []
    (found,) = told(tmp_path, renamed, scope=Scope.SOURCE)
    assert found.rule == "call-renamed"
    assert told(tmp_path, renamed, scope=Scope.ALL) == [found]


@pytest.mark.parametrize(
    ("package", "scope"),
    [("a.v1", Scope.ALL), ("a.b.v2beta1", Scope.WIRE), ("a.v1alpha3", None)],
)
def test_stability_of_a_package_decides_how_much_is_promised(
    package: str, scope: Scope | None
) -> None:
    assert scope_of(package, None) is scope
    assert scope_of(package, Scope.SOURCE) is Scope.SOURCE


def test_comment_allows_one_rule_on_its_line(tmp_path: Path) -> None:
    allowed = REQUIRED.replace(
        "{a: int, b: int}}", "{a: int, b: int}} # duologue: allow field-added because all is new"
    )
    assert told(tmp_path, allowed) == []


def test_comment_that_allows_nothing_is_told(tmp_path: Path) -> None:
    idle = OLD.replace("{a: int}}", "{a: int}} # duologue: allow field-added because of nothing")
    (found,) = told(tmp_path, idle)
    assert (found.rule, found.level) == ("allow-used", "warning")
    assert found.message == "`field-added` finds nothing on this line"


def test_contracts_of_another_project_are_no_baseline(tmp_path: Path) -> None:
    write(tmp_path / "old", "other/v1.yaml", OLD.replace("test.v1", "other.v1"))
    write(tmp_path / "new", "test/v1.yaml", OLD)
    judged = judge(tmp_path / "new", import_root="generated")
    with pytest.raises(NoBaseline, match=r"has none of these contracts, but other\.v1"):
        judge_upgrade(judged, str(tmp_path / "old"))


def test_wrong_contracts_are_no_baseline(tmp_path: Path) -> None:
    write(tmp_path / "old", "test/v1.yaml", OLD.replace("returns: Shared", "returns: Nothing"))
    write(tmp_path / "new", "test/v1.yaml", OLD)
    judged = judge(tmp_path / "new", import_root="generated")
    with pytest.raises(NoBaseline, match=r"are not right: .*:9:.* no type named `Nothing`"):
        judge_upgrade(judged, str(tmp_path / "old"))


def test_recursive_types_are_compared_once(tmp_path: Path) -> None:
    tree = OLD.replace("{a: int}", "{a: int, more: list of Shared}")
    (found,) = told(tmp_path, tree.replace("a: int", "a: string"), tree, scope=Scope.WIRE)
    assert found.rule == "type-replaced"


def test_type_that_travels_nowhere_breaks_only_code(tmp_path: Path) -> None:
    old = OLD.replace("types:", "types:\n  Idle: {fields: {x: int}}")
    new = OLD.replace("types:", "types:\n  Idle: {fields: {x: string}}")
    assert told(tmp_path, new, old, scope=Scope.WIRE) == []
    assert [each.rule for each in told(tmp_path, new, old)] == ["type-replaced"]
