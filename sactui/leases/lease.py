"""Leases: what is remembered of a reservation, in the files of ``scitex-hpc``.

Its reader knows exactly nine keys and ignores a file with any other, so that whatever
sactui adds goes into ``extras``, under one key of its own. Functions block, shortly.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..domain.fleet import Problem
from ..errors import LeaseError
from . import places
from .files import Record, UnusableFileError, delete, file_of, list_files, locked, read, write

#: sactui's key in ``extras``.
OURS = "sactui"

_KEYS = frozenset(
    {"extras", "host", "id", "job_id", "name", "node", "persistent", "submitted_at", "walltime_end"}
)


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease.

    ``job_id`` is empty while a booking is only intended; times are ISO 8601 or empty.
    ``unknown`` holds keys that neither program knows: they are written back as they were.
    """

    id: str
    name: str
    host: str
    job_id: str = ""
    node: str = ""
    submitted_at: str = ""
    walltime_end: str = ""
    persistent: bool = False
    extras: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tmux_server(self) -> str:
        """The socket name of its tmux server; empty when it was booked without one."""
        value = self.extras.get("tmux_server")
        return value if isinstance(value, str) else ""

    @property
    def job(self) -> int | None:
        """The raw Slurm job id, or ``None``."""
        text = self.job_id
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None

    @property
    def ours(self) -> Mapping[str, Any]:
        """What sactui keeps in it (uuid, generation, intent ...); empty for others' leases."""
        value = self.extras.get(OURS)
        return value if isinstance(value, dict) else {}

    def with_ours(self, **changes: Any) -> Lease:
        """The lease with some of sactui's own values changed; ``None`` removes one."""
        own = {key: value for key, value in {**self.ours, **changes}.items() if value is not None}
        extras = {key: value for key, value in self.extras.items() if key != OURS}
        if own:
            extras[OURS] = own
        return dataclasses.replace(self, extras=extras)

    def with_tmux_server(self, socket: str) -> Lease:
        """The lease with another tmux socket; an empty one removes it."""
        extras = {key: value for key, value in self.extras.items() if key != "tmux_server"}
        if socket:
            extras["tmux_server"] = socket
        return dataclasses.replace(self, extras=extras)


def lease_id(host: str, name: str) -> str:
    """The id of a lease: ``<host>-<name>``, not doubled, safe as a file's name."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    return safe if safe == host or safe.startswith(f"{host}-") else f"{host}-{safe}"


def directory() -> Path:
    """Where leases are now; it depends on the environment and the working directory."""
    return places.lease_directory()


def load_all(directory: Path) -> tuple[tuple[Lease, ...], tuple[Problem, ...]]:
    """Every lease of a directory, sorted by file, and what is wrong with the others. Never raises."""
    paths, problems = list_files(directory)
    leases: list[Lease] = []
    for path in paths:
        try:
            record = read(path)
            if record is None:
                continue
            lease = _lease(record)
        except UnusableFileError as error:
            problems.append(error.problem)
            continue
        leases.append(lease)
        if lease.id != path.stem:
            what = f"holds the lease {lease.id!r}, whose file must be called {lease.id}.json"
            problems.append(record.unusable("id", what).problem)
        if lease.unknown:
            keys = ", ".join(sorted(lease.unknown))
            what = f"has keys that make it invisible to scitex-hpc: {keys}"
            problem = record.unusable(min(lease.unknown), what).problem
            problems.append(dataclasses.replace(problem, remedy="move them into extras"))
    return tuple(leases), tuple(problems)


def find(directory: Path, name_or_id: str, host: str | None = None) -> Lease | None:
    """The lease of that id, or the first of that name (on ``host``, if given).

    Raises LeaseError when two hosts have one of that name and ``host`` does not say which.
    """
    leases, _ = load_all(directory)
    for lease in leases:
        if lease.id == name_or_id and (host is None or lease.host == host):
            return lease
    named = [one for one in leases if one.name == name_or_id and (host is None or one.host == host)]
    if len({one.host for one in named}) > 1:
        hosts = ", ".join(sorted({one.host for one in named}))
        raise LeaseError(f"the reservation {name_or_id} exists on several hosts: {hosts}", "add --host")
    return named[0] if named else None


def get(directory: Path, identifier: str) -> Lease | None:
    """The lease in ``<identifier>.json``. Raises LeaseError when the file cannot be used."""
    record = read(file_of(directory, identifier))
    return None if record is None else _lease(record)


def create(directory: Path, lease: Lease) -> None:
    """Write a lease that must not exist yet. Raises LeaseError."""
    path = file_of(directory, lease.id)
    with locked(directory):
        if path.exists():
            remedy = "release it first, or choose another name"
            raise LeaseError(f"the lease {lease.id} is there already ({path})", remedy)
        write(path, _data(lease), sort_keys=True)


def save(directory: Path, lease: Lease) -> None:
    """Write a lease, over an earlier one. Raises LeaseError.

    What another program changed since it was read is lost: prefer :func:`update`.
    """
    path = file_of(directory, lease.id)
    with locked(directory):
        write(path, _data(lease), sort_keys=True)


def update(directory: Path, identifier: str, change: Callable[[Lease], Lease | None]) -> Lease:
    """Read, change and write one lease with nobody in between; returns what is there now.

    ``change`` returns the new lease, or ``None`` to leave it. What it raises goes through,
    and the file stays. Raises LeaseError when the lease is not there or not usable.
    """
    path = file_of(directory, identifier)
    with locked(directory):
        record = read(path)
        if record is None:
            raise LeaseError(f"there is no lease {identifier} ({path})", "it may have been released")
        before = _lease(record)
        after = change(before)
        if after is None or after == before:
            return before
        if after.id != identifier:
            raise LeaseError(f"the lease {identifier} cannot become {after.id}", "write a new one")
        write(path, _data(after), sort_keys=True)
        return after


def remove(directory: Path, identifier: str, *, only_job: str | None = None) -> bool:
    """Delete a lease; False when it was not there.

    With ``only_job`` a lease that names another job by now stays: then LeaseError.
    """
    path = file_of(directory, identifier)
    if not directory.is_dir():
        return False
    with locked(directory):
        if only_job is not None and (record := read(path)) is not None:
            job = _lease(record).job_id
            if job != only_job:
                message = f"the lease {identifier} names job {job or 'none'} now, not {only_job}"
                raise LeaseError(message, "look again before you release it")
        return delete(path)


def _data(lease: Lease) -> dict[str, Any]:
    known = {key: getattr(lease, key) for key in _KEYS}
    return {**lease.unknown, **known, "extras": dict(lease.extras)}


def _lease(record: Record) -> Lease:
    """The lease in a file. Raises UnusableFileError."""
    data = record.data
    extras = data.get("extras", {})
    if not isinstance(extras, dict):
        raise record.unusable("extras", "extras must be an object")
    persistent = data.get("persistent", False)
    if not isinstance(persistent, bool):
        raise record.unusable("persistent", "persistent must be true or false")
    for key in ("id", "name", "host"):
        if not record.string(key):
            raise record.unusable(key, f"{key} is empty")
    return Lease(
        id=record.string("id"),
        name=record.string("name"),
        host=record.string("host"),
        job_id=record.string("job_id"),
        node=record.string("node", default=""),
        submitted_at=record.string("submitted_at", default=""),
        walltime_end=record.string("walltime_end", default=""),
        persistent=persistent,
        extras=extras,
        unknown={key: value for key, value in data.items() if key not in _KEYS},
    )
