"""Names in what stands in quotes, so that they mean the same wherever it is read.

pydantic reads what is in quotes where an alias is used, and there a class may have a name that is
meant here. So each name that a class could have gets an underscore, as none of them has.
"""

from __future__ import annotations

import ast


def guarded(expression: str) -> tuple[str, frozenset[str]]:
    """A type expression with such names, and the names that it had instead of them."""
    tree = ast.parse(expression, mode="eval")
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id[0].isupper() and not node.id.endswith("_"):
            names.add(node.id)
            node.id += "_"
    return ast.unparse(tree), frozenset(names)
