"""What a controller needs to know, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..leases.places import lease_directory, registry_directory, slurm_state_directory
from ..transport.choice import Route
from .poller import STEADY


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a controller needs to know; made from settings and the command line."""

    hosts: tuple[str, ...] = ()
    #: how a host is to be reached, where a person says so
    routes: Mapping[str, Route] = field(default_factory=dict)
    agent_directories: tuple[Path, ...] = ()
    lease_directory: Path = field(default_factory=lease_directory)
    registry_directory: Path = field(default_factory=registry_directory)
    slurm_state_directory: Path = field(default_factory=slurm_state_directory)
    state_directory: Path = Path()
    ssh_config: Path | None = None
    interval: float = STEADY
    read_only: bool = False
    follow_files: bool = True
    #: seconds between two agents that are started together
    stagger: float = 0.0
    #: host -> the Slurm cluster behind its login, where it has several (``squeue -M``)
    clusters: Mapping[str, str] = field(default_factory=dict)
