"""The container of the relay holds what was tested."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[4]
CONTAINERFILE = (ROOT / "runtime" / "deploy" / "Containerfile").read_text()
PINNED = {
    canonicalize_name(line.partition("==")[0])
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if "==" in line
}


def needed(name: str, extras: frozenset[str], known: set[str]) -> set[str]:
    """Every distribution that `name` with `extras` brings along on this machine."""
    found: set[str] = set()
    try:
        stated = requires(name) or []
    except PackageNotFoundError:
        return found
    for requirement in map(Requirement, stated):
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": each}) for each in ("", *extras)):
            continue
        inner = canonicalize_name(requirement.name)
        if inner not in known:
            known.add(inner)
            found |= {inner} | needed(inner, frozenset(requirement.extras), known)
    return found


def test_all_that_the_relay_needs_is_pinned() -> None:
    everything = needed("duologue", frozenset({"relay", "fast", "cluster"}), set())
    assert {"websockets", "prometheus-client", "pydantic-core", "nats-py"} <= everything
    assert everything - PINNED == set()


def test_what_builds_the_package_is_pinned() -> None:
    assert "hatchling" in PINNED
    assert needed("hatchling", frozenset(), set()) - PINNED == set()


def test_the_container_installs_by_the_pins() -> None:
    copied = re.findall(r"^COPY (.*) /source/$", CONTAINERFILE, re.MULTILINE)
    assert any("constraints.txt" in each.split() for each in copied)
    before, installing, _ = CONTAINERFILE.partition("pip install")
    assert installing
    assert "PIP_CONSTRAINT=/source/constraints.txt" in before
    assert "PIP_BUILD_CONSTRAINT=/source/constraints.txt" in before
