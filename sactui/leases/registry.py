"""The registry of started agents, and the job ids of ``runtime: slurm`` agents.

Both are files of the reference, one an agent; it knows no other keys, but keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import clock
from ..domain.fleet import Problem
from .files import Record, UnusableFileError, delete, file_of, list_files, locked, read, write

_REGISTRY_KEYS = ("name", "config", "pid", "started_at", "screen")
_STATE_KEYS = ("name", "job_id", "script", "submitted_stdout")


@dataclass(frozen=True, slots=True)
class Entry:
    """One started agent. ``pid`` is that of the program that started it, long gone."""

    name: str
    config: str  # absolute path of the definition
    pid: int = 0
    started_at: str = ""  # YYYY-MM-DDTHH:MM:SSZ
    screen: str = ""  # its session
    unknown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SlurmState:
    """The job of one ``runtime: slurm`` agent."""

    name: str
    job_id: str
    script: str = ""
    submitted_stdout: str = ""
    unknown: Mapping[str, Any] = field(default_factory=dict)


def timestamp(at: float | None = None) -> str:
    """Epoch seconds (default: now) in the registry's form."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now() if at is None else at))


def load_registry(directory: Path) -> tuple[tuple[Entry, ...], tuple[Problem, ...]]:
    """Every registered agent, and what is wrong with the other files. Never raises."""
    paths, problems = list_files(directory, "registry")
    entries = []
    for path in paths:
        try:
            record = read(path, "registry")
            if record is not None:
                entries.append(_entry(record))
        except UnusableFileError as error:
            problems.append(error.problem)
    return tuple(entries), tuple(problems)


def registered(directory: Path, name: str) -> Entry | None:
    """The entry of one agent. Raises LeaseError when its file cannot be used."""
    record = read(file_of(directory, name), "registry")
    return None if record is None else _entry(record)


def register(directory: Path, entry: Entry) -> None:
    """Write an entry, over an earlier one. Raises LeaseError."""
    path = file_of(directory, entry.name)
    with locked(directory):
        write(path, {**_known(entry, _REGISTRY_KEYS), **entry.unknown}, sort_keys=False)


def unregister(directory: Path, name: str) -> bool:
    """Delete an entry; False when it was not there. Raises LeaseError."""
    return _remove(directory, name)


def load_slurm_states(directory: Path) -> tuple[tuple[SlurmState, ...], tuple[Problem, ...]]:
    """The job of every ``runtime: slurm`` agent, and what is wrong with the other files."""
    paths, problems = list_files(directory, "slurm-state")
    states = []
    for path in paths:
        try:
            record = read(path, "slurm-state")
            if record is not None:
                states.append(_state(record))
        except UnusableFileError as error:
            problems.append(error.problem)
    return tuple(states), tuple(problems)


def slurm_state(directory: Path, name: str) -> SlurmState | None:
    """The job of one agent. Raises LeaseError when its file cannot be used."""
    record = read(file_of(directory, name), "slurm-state")
    return None if record is None else _state(record)


def save_slurm_state(directory: Path, state: SlurmState) -> None:
    """Write the job of an agent, over an earlier one. Raises LeaseError."""
    path = file_of(directory, state.name)
    with locked(directory):
        write(path, {**_known(state, _STATE_KEYS), **state.unknown}, sort_keys=False)


def clear_slurm_state(directory: Path, name: str) -> bool:
    """Forget the job of an agent; False when none was known. Raises LeaseError."""
    return _remove(directory, name)


def _remove(directory: Path, name: str) -> bool:
    path = file_of(directory, name)
    if not directory.is_dir():
        return False
    with locked(directory):
        return delete(path)


def _known(value: Entry | SlurmState, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: getattr(value, key) for key in keys}


def _entry(record: Record) -> Entry:
    pid = record.data.get("pid", 0)
    if not isinstance(pid, int) or isinstance(pid, bool):
        raise record.unusable("pid", "pid must be a whole number", "registry")
    return Entry(
        name=record.string("name", "registry"),
        config=record.string("config", "registry"),
        pid=pid,
        started_at=record.string("started_at", "registry", default=""),
        screen=record.string("screen", "registry", default=""),
        unknown={key: value for key, value in record.data.items() if key not in _REGISTRY_KEYS},
    )


def _state(record: Record) -> SlurmState:
    return SlurmState(
        name=record.string("name", "slurm-state"),
        job_id=record.string("job_id", "slurm-state"),
        script=record.string("script", "slurm-state", default=""),
        submitted_stdout=record.string("submitted_stdout", "slurm-state", default=""),
        unknown={key: value for key, value in record.data.items() if key not in _STATE_KEYS},
    )
