"""The page of each rule: what it is for, and contracts that break it and keep it.

Pages are Markdown in the folder `pages`. Their contracts are whole but for the head, which is
always the same; tests compile them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAGES: Final = Path(__file__).parent / "pages"
_SECTION: Final = re.compile(
    r"^## (?P<name>.+?)$(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)
_CODE: Final = re.compile(r"^```yaml\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
HEAD: Final = "duologue: 1\npackage: demo.v1\n\n"
"""What stands before each contract of a page that does not begin with it."""


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to say of a rule."""

    rule: str
    text: str
    """All of it, in Markdown."""
    before: str
    """The older contract, of a rule about changes; else empty, as is one that is no more."""
    wrong: str
    """A contract that breaks the rule."""
    right: str
    """One that keeps it."""


def rules_with_pages() -> list[str]:
    """The rules that there is a page of, sorted."""
    return sorted(file.stem for file in _PAGES.glob("*.md"))


def page_of(rule: str) -> Page | None:
    """The page of a rule; None when there is no such rule."""
    if rule not in rules_with_pages():
        return None
    text = (_PAGES / f"{rule}.md").read_text("utf-8")
    sections = {found["name"]: found["text"] for found in _SECTION.finditer(text)}
    return Page(
        rule,
        text,
        before=_contract(sections.get("Before", "")),
        wrong=_contract(sections.get("Wrong", "")),
        right=_contract(sections.get("Right", "")),
    )


def _contract(section: str) -> str:
    found = _CODE.search(section)
    if found is None:
        return ""
    code = found["code"]
    return code if code.startswith("duologue:") else HEAD + code
