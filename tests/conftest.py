"""One private Slurm cluster for the whole run, started when the first test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sactui.lab import Lab, LabOptions, Partition


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The shared lab. What is missing on this machine fails the tests that need it, with the remedy.

    Its name is this process's, so that runs side by side have a lab each; it ends with
    this process even when the run is killed.
    """
    options = LabOptions(
        name=f"t{os.getpid()}",
        partitions=(Partition("main"), Partition("short", "04:00:00")),
        gpus=2,
        logins=2,
        owner=os.getpid(),
    )
    shared = Lab(options)
    shared.up()
    try:
        yield shared
    finally:
        shared.down()
    assert shared.processes() == set()
    assert not shared.directory.exists()
