"""The files of this machine: definitions, leases, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..domain.fleet import Problem
from ..leases import lease as lease_files
from ..leases.lease import Lease
from ..spec import discovery
from ..spec.definition import AgentDefinition


class Files:
    """What the directories held when they were last read.

    ``definitions`` are by name; a file that is broken keeps its last good version.
    """

    def __init__(self, agent_directories: Sequence[Path], lease_directory: Path) -> None:
        self.agent_directories = tuple(agent_directories)
        self.lease_directory = lease_directory
        self.definitions: dict[str, AgentDefinition] = {}
        self.leases: tuple[Lease, ...] = ()
        self._catalogue: discovery.Catalogue | None = None
        self._lease_problems: tuple[Problem, ...] = ()
        self._broken: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What a person must mend: sactui itself first, then definitions, then leases."""
        found = self._catalogue.problems if self._catalogue else ()
        return (*self._broken, *found, *self._lease_problems)

    @property
    def stale(self) -> frozenset[str]:
        """Names whose definition is an earlier version, because the file is broken now."""
        return self._catalogue.stale if self._catalogue else frozenset()

    def add_problem(self, problem: Problem) -> None:
        """Take note of a problem that no file has."""
        self._broken = (*self._broken, problem)

    def read(self) -> None:
        """Read definitions and leases again."""
        catalogue = discovery.discover(self.agent_directories, self._catalogue)
        if self._catalogue is not None:
            catalogue = catalogue.keep_last_good(self._catalogue)
        self._catalogue = catalogue
        self.definitions = {definition.name: definition for definition in catalogue.definitions}
        self.read_leases()

    def read_leases(self) -> None:
        """Read the leases again: other consoles and scitex-hpc change them too."""
        self.leases, self._lease_problems = lease_files.load_all(self.lease_directory)

    def create(self, lease: Lease) -> None:
        """Write a new lease. Raises LeaseError when there is one already."""
        lease_files.create(self.lease_directory, lease)
        self.read_leases()

    def update(self, identifier: str, change: Callable[[Lease], Lease]) -> None:
        """Change a lease with nobody in between. Raises LeaseError when it is gone."""
        lease_files.update(self.lease_directory, identifier, change)
        self.read_leases()

    def remove(self, identifier: str, *, only_job: str | None = None) -> None:
        """Remove a lease; with ``only_job`` only while it still names that job."""
        lease_files.remove(self.lease_directory, identifier, only_job=only_job)
        self.read_leases()
