"""Services that never stand on one connection may share numbers, if a comment says why."""

from pathlib import Path

import pytest

from duologue_codegen.build import judge
from duologue_codegen.compatibility.image import image_text
from duologue_codegen.upgrade import judge_upgrade
from tests.unit.codegen.contracts import write

RULE = "wire-number-unique"
ALLOW = f" # duologue: allow {RULE} because they stand on connections of their own"


def service(name: str, id_: int = 1, *, comment: str = "") -> str:
    return (
        f"duologue: 1\npackage: {name.lower()}.v1\n"
        f"services:\n  {name}: {{methods: {{go: {{id: {id_}}}}}}}{comment}\n"
    )


def told(root: Path, *asked: str) -> list[tuple[str, str]]:
    """File and rule of each finding, when only `asked` are judged."""
    found = judge(root, [root / name for name in asked], import_root="generated").diagnostics
    return [(Path(each.at.file).parent.name, each.rule) for each in found]


@pytest.mark.parametrize("asked", [(), ("a",), ("b",)], ids=["both", "the first", "the second"])
@pytest.mark.parametrize("at", ["a", "b"])
def test_comment_at_either_service_allows_it_whichever_is_judged(
    tmp_path: Path, at: str, asked: tuple[str, ...]
) -> None:
    for name in ("a", "b"):
        write(tmp_path, f"{name}/v1.yaml", service(name.upper()))
    assert [rule for _, rule in told(tmp_path, *asked)] == [RULE]
    write(tmp_path, f"{at}/v1.yaml", service(at.upper(), comment=ALLOW))
    assert told(tmp_path, *asked) == []


def test_what_is_allowed_hides_no_collision_of_two_others(tmp_path: Path) -> None:
    write(tmp_path, "a/v1.yaml", service("A", comment=ALLOW))
    write(tmp_path, "b/v1.yaml", service("B"))
    write(tmp_path, "c/v1.yaml", service("C"))
    assert told(tmp_path) == [("c", RULE)]


def test_comment_is_told_when_no_number_is_shared_any_more(tmp_path: Path) -> None:
    write(tmp_path, "a/v1.yaml", service("A", comment=ALLOW))
    write(tmp_path, "b/v1.yaml", service("B", 2))
    assert told(tmp_path) == [("a", "allow-used")]
    assert told(tmp_path, "b") == []


def test_an_image_without_its_comments_is_still_a_baseline(tmp_path: Path) -> None:
    write(tmp_path / "new", "a/v1.yaml", service("A", comment=ALLOW))
    write(tmp_path / "new", "b/v1.yaml", service("B"))
    judged = judge(tmp_path / "new", import_root="generated")
    image = tmp_path / "image.json"
    image.write_text(image_text(judged.project.trees))
    assert judge_upgrade(judged, str(image)).diagnostics == ()
