"""Errors, client, service and the table both read, from templates that only hold wording."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

import jinja2

from .docstrings import LINE_LENGTH, docstring
from .view import PackageView
from .view.fields import Keyword

_PARAGRAPH: Final = "\n\n"
_ONE_LINE: Final = LINE_LENGTH - len('        """"""')
_ALWAYS: Final = ("__init__.py",)
_WITH_ERRORS: Final = ("errors.py",)
_WITH_SERVICES: Final = ("_contract.py", "client.py", "service.py")
_WITH_DIALOGUES: Final = ("dialogues.py",)


def python_modules(view: PackageView) -> dict[str, str]:
    """Every module but models.py, by name and not yet formatted. Empty ones are left out."""
    names = [*_ALWAYS]
    names += _WITH_ERRORS if view.errors else ()
    names += _WITH_SERVICES if view.services else ()
    names += _WITH_DIALOGUES if view.sides else ()
    environment = _environment()
    return {name: environment.get_template(f"{name}.j2").render(vars_of(view)) for name in names}


def vars_of(view: PackageView) -> dict[str, object]:
    """What the templates know. A name that is not here is an error in them."""
    return {
        "header": view.header,
        "package": view.package,
        "doc": view.doc,
        "digest": view.digest,
        "models": view.models,
        "errors": view.errors,
        "services": view.services,
        "sides": view.sides,
        "imports": view.imports,
        "names": view.names,
    }


@cache
def _environment() -> jinja2.Environment:
    """With the templates that it has compiled: that takes longer than filling them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("duologue_codegen.targets.python", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Python, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["docstring"] = docstring
    environment.filters["paragraphs"] = _paragraphs
    environment.filters["a_tuple"] = _a_tuple
    environment.filters["in_one_paragraph"] = _in_one_paragraph
    environment.filters["in_one_line"] = _in_one_line
    environment.filters["passed_on"] = _passed_on
    return environment


def _paragraphs(texts: Iterable[str]) -> str:
    """The texts that say something, an empty line between them."""
    return _PARAGRAPH.join(text.strip() for text in texts if text)


def _a_tuple(names: Iterable[str]) -> str:
    """Names as a tuple. The comma at the end stands only where it makes the tuple."""
    listed = list(names)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"


def _in_one_paragraph(text: str) -> str:
    return " ".join(text.split())


def _in_one_line(texts: Iterable[str]) -> str:
    """Whole sentences as one line of a method's docstring if they fit in, else as paragraphs."""
    listed = [text.strip() for text in texts]
    joined = " ".join(listed)
    are_sentences = all("\n" not in text and text.endswith((".", "!", "?")) for text in listed)
    return joined if are_sentences and len(joined) <= _ONE_LINE else _PARAGRAPH.join(listed)


def _passed_on(keywords: Iterable[Keyword]) -> str:
    return ", ".join(f"{each.name}={each.name}" for each in keywords)
