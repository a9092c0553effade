"""What holds for all tests."""

import gc
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Collect no garbage while a failure is told.

    pytest parses sources to tell it. If what is collected meanwhile parses, too (pytest does, to
    tell of a finalizer that has failed), Python 3.11 raises `SystemError: AST constructor recursion
    depth mismatch`, and that ends the whole run.
    """
    if call.excinfo is None or not gc.isenabled():
        return (yield)
    gc.collect()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
