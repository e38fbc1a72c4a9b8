"""Where leases, registry and defaults are: the rules of the programs that share them.

``$SCITEX_DIR`` (default ``~/.scitex``) is the user's scope. A git repository that has
``.scitex/<package>/`` is a scope of its own while one works inside it, and comes first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

LEASE_VARIABLE = "SCITEX_HPC_LEASE_DIR"
REGISTRY_VARIABLE = "SCITEX_AGENT_CONTAINER_REGISTRY_DIR"
SLURM_STATE_VARIABLE = "SCITEX_AGENT_CONTAINER_SLURM_STATE_DIR"


def user_root(environment: Mapping[str, str] | None = None) -> Path:
    """The user's scope."""
    variables = os.environ if environment is None else environment
    return Path(variables.get("SCITEX_DIR") or "~/.scitex").expanduser()


def project_scope(package: str, working_directory: Path | None = None) -> Path | None:
    """``<repository>/.scitex/<package>`` of the repository one is in, if it has one."""
    here = (working_directory or Path.cwd()).resolve()
    for directory in (here, *here.parents):
        if (directory / ".git").exists():
            scope = directory / ".scitex" / package
            return scope if scope.is_dir() else None
    return None


def lease_directory(
    environment: Mapping[str, str] | None = None, working_directory: Path | None = None
) -> Path:
    """Where leases are. It depends on the working directory, and need not exist."""
    variables = os.environ if environment is None else environment
    if override := variables.get(LEASE_VARIABLE):
        return Path(override).expanduser()
    return _runtime("hpc", "leases", variables, working_directory)


def registry_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Where the registry of started agents is; ``$SCITEX_DIR`` does not move it."""
    variables = os.environ if environment is None else environment
    return Path(variables.get(REGISTRY_VARIABLE) or "~/.scitex/agent-container/registry").expanduser()


def slurm_state_directory(
    environment: Mapping[str, str] | None = None, working_directory: Path | None = None
) -> Path:
    """Where the job ids of ``runtime: slurm`` agents are."""
    variables = os.environ if environment is None else environment
    if override := variables.get(SLURM_STATE_VARIABLE):
        return Path(override).expanduser()
    return _runtime("agent-container", "slurm-state", variables, working_directory)


def default_files(
    environment: Mapping[str, str] | None = None, working_directory: Path | None = None
) -> tuple[Path, ...]:
    """The files with booking defaults, most important first; they need not exist."""
    variables = os.environ if environment is None else environment
    files = []
    for package in ("hpc", "dev"):
        scope = project_scope(package, working_directory)
        own = scope / "config.yaml" if scope else None
        files.append(own if own and own.exists() else user_root(variables) / package / "config.yaml")
    return tuple(files)


def _runtime(package: str, part: str, variables: Mapping[str, str], working_directory: Path | None) -> Path:
    scope = project_scope(package, working_directory) or user_root(variables) / package
    return scope / "runtime" / part
