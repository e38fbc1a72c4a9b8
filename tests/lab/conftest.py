"""Every test here runs on the shared lab, and finds it whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sactui.lab import Lab

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture
def mended(lab: Lab) -> Iterator[Lab]:
    """The shared lab for a test that breaks it: mended afterwards, whatever the test did."""
    try:
        yield lab
    finally:
        lab.proxy.normal()
        lab.faults.restore()
