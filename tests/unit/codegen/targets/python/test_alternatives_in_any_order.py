"""Alternatives of several contracts in one process, in every order of the same types.

`typing` remembers unions without their order, so a package could get the order of another.
"""

import json
from contextlib import ExitStack
from itertools import permutations
from typing import Any, Final

import pytest

from duologue_codegen.reading.project import project_of_texts
from tests.quick_packages import quick_package, services_of

VALUES: Final[dict[str, Any]] = {"int": 5, "string": "five", "bool": True, "(list of int)": [5]}


@pytest.mark.parametrize("suffix", ["", "?"])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_value_belongs_to_the_type_of_its_kind_whatever_order_another_package_has(
    count: int, suffix: str
) -> None:
    with ExitStack() as stack:
        for order in permutations(VALUES, count):
            type_ = f"({' or '.join(order)})?" if suffix else " or ".join(order)
            text = f"services:\n  S:\n    methods:\n      m: {{id: 1, returns: '{type_}'}}\n"
            (contract,) = project_of_texts({"demo/v1.yaml": text.encode()}, "schema").contracts
            modules = stack.enter_context(quick_package(contract))
            (method,) = services_of(modules)["demo.v1.S"].methods
            values = [VALUES[each] for each in order] + ([None] if suffix else [])
            for value in values:
                assert method.returns.decode(json.dumps(value).encode()) == value, order
