"""What was on the screen when it was last left: shown at once, with its age, until a look is there.

One file per host in ``snapshots/`` of the state directory (0600), bounded, and without what may
hold a secret: no screens, no sentences from screens, no comments, paths or scripts of jobs. A
remembered row is only shown. Nothing acts on it: every action asks the controller, which has
never heard of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import clock
from ..domain.fleet import Agent, Fleet, HostView, Reservation, Verdict
from ..domain.job import Job
from ..domain.state import AgentState, Link, Phase

VERSION = 1
#: Seconds between two writings while the console runs.
EVERY = 60.0
_MOST_JOBS, _MOST_OTHERS = 2000, 500
_LARGEST = 4 * 1024 * 1024

_NOT_KEPT = frozenset({"comment", "work_dir", "dependency"})
_JOB_FIELDS = tuple(field for field in fields(Job) if field.name not in _NOT_KEPT)
_JOB_NAMES = tuple(field.name for field in _JOB_FIELDS)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}


class Memory:
    """The last snapshots of some hosts, and the writing of new ones."""

    def __init__(self, directory: Path, hosts: Iterable[str] = ()) -> None:
        self._directory = directory / "snapshots"
        self._written = clock.monotonic()
        wanted = list(hosts)
        places = [self._place(host) for host in wanted]
        if not wanted:
            with contextlib.suppress(OSError):
                places = sorted(self._directory.glob("*.json"))
        self._remembered = {fleet.hosts[0].name: fleet for fleet in map(read, places) if fleet is not None}

    def over(self, live: Fleet) -> Fleet:
        """``live``, with what is remembered of every host that has not been looked at yet."""
        if not self._remembered:
            return live
        if live.hosts:
            known = {host.name for host in live.hosts}
            self._remembered = {
                name: fleet
                for name, fleet in self._remembered.items()
                if name in known and not _looked_at(live, name)
            }
        for fleet in self._remembered.values():
            live = overlay(live, fleet)
        return live

    def save(self, fleet: Fleet, *, now: bool = False) -> None:
        """Write what was seen of each host; at most once a minute unless ``now``."""
        if not now and clock.monotonic() - self._written < EVERY:
            return
        self._written = clock.monotonic()
        for host in fleet.hosts:
            # Of a host that was never looked at the older snapshot stays.
            if host.name in fleet.jobs_at:
                _write(self._place(host.name), plain(fleet, host))

    def _place(self, host: str) -> Path:
        return self._directory / f"{quote(host, safe='@')[:200]}.json"


def _looked_at(live: Fleet, host: str) -> bool:
    """Whether everything of a host has been looked at, or could not be, in this run."""
    if host not in live.jobs_at:
        return False
    return all(
        home.panes_at is not None or home.trouble is not None or home.phase is not Phase.RUNNING
        for home in live.reservations
        if home.host == host
    )


def overlay(live: Fleet, remembered: Fleet) -> Fleet:
    """Put what is remembered of one host where the live picture knows nothing yet. Pure."""
    view = remembered.hosts[0]
    name = view.name
    hosts = tuple(
        replace(host, data_at=view.data_at, user=host.user or view.user)
        if host.name == name and host.data_at is None
        else host
        for host in live.hosts
    ) or (view,)
    if name not in {host.name for host in hosts}:
        hosts = (*hosts, view)
    agents = {agent.key: agent for agent in remembered.agents}
    # Definitions and leases are files of this machine: what they say now is true at once.
    # Only before they have been read does the memory stand for them.
    shown = tuple(
        _filled(agent, agents.get(agent.key)) if agent.host in ("", name) else agent for agent in live.agents
    )
    homes = {home.key: home for home in remembered.reservations}
    asked = name in live.jobs_at
    return replace(
        live,
        hosts=hosts,
        agents=shown if live.hosts else (*live.agents, *remembered.agents),
        reservations=tuple(
            homes[home.key]
            if not asked and home.key in homes and homes[home.key].job_id == home.job_id
            else home
            for home in live.reservations
        )
        if live.hosts
        else (*live.reservations, *remembered.reservations),
        jobs=live.jobs if asked else (*live.jobs, *remembered.jobs),
        jobs_at=live.jobs_at if asked else {**live.jobs_at, **remembered.jobs_at},
    )


def _filled(agent: Agent, old: Agent | None) -> Agent:
    """An agent that was not looked at yet, as it was; it keeps what its definition says now."""
    if old is None or agent.observed_at is not None or agent.reservation != old.reservation:
        return agent
    return replace(
        agent,
        verdict=old.verdict,
        host=old.host,
        node=old.node,
        job_id=old.job_id,
        observed_at=old.observed_at,
    )


# --- the file ----------------------------------------------------------------


def plain(fleet: Fleet, host: HostView) -> dict[str, Any]:
    """What is kept of one host."""
    return {
        "version": VERSION,
        "host": host.name,
        "user": host.user,
        "cluster": host.cluster,
        "at": fleet.jobs_at[host.name],
        "columns": list(_JOB_NAMES),
        "jobs": [
            [getattr(job, name) for name in _JOB_NAMES] for place, job in fleet.jobs if place == host.name
        ][:_MOST_JOBS],
        "reservations": [
            {
                "name": home.name,
                "lease": home.lease_id,
                "job": home.job_id,
                "server": home.tmux_server,
                "persistent": home.persistent,
                "state": home.state,
                "node": home.node,
                "ends_at": home.ends_at,
            }
            for home in fleet.reservations
            if home.host == host.name
        ][:_MOST_OTHERS],
        "agents": [
            {
                "name": agent.name,
                "runtime": agent.runtime,
                "reservation": agent.reservation,
                "model": agent.model,
                "path": agent.path,
                "node": agent.node,
                "job": agent.job_id,
                "state": agent.state.value,
                "since": agent.verdict.since,
                "seen": agent.observed_at,
            }
            for agent in fleet.agents
            if agent.host == host.name and agent.observed_at is not None
        ][:_MOST_OTHERS],
    }


def read(place: Path) -> Fleet | None:
    """The snapshot in a file; None for one that is not there, too large, or not ours any more."""
    try:
        if place.stat().st_size > _LARGEST:
            return None
        data = json.loads(place.read_text(encoding="utf-8"))
        return _fleet(data) if data["version"] == VERSION else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _fleet(data: dict[str, Any]) -> Fleet:
    host, at = _text(data["host"]), _number(data["at"])
    if at is None or data["columns"] != list(_JOB_NAMES):
        raise ValueError("another form")
    jobs = {job.id: job for job in map(_job, data["jobs"])}
    return Fleet(
        at=at,
        hosts=(
            HostView(host, Link.IDLE, data_at=at, user=_text(data["user"]), cluster=_text(data["cluster"])),
        ),
        reservations=tuple(_reservation(entry, host, jobs, at) for entry in data["reservations"]),
        agents=tuple(_agent(entry, host) for entry in data["agents"]),
        jobs=tuple((host, job) for job in jobs.values()),
        jobs_at={host: at},
    )


def _job(row: list[Any]) -> Job:
    values = dict(zip(_JOB_NAMES, row, strict=True))
    for field in _JOB_FIELDS:
        base, _, optional = str(field.type).partition(" | ")
        value = values[field.name]
        if not isinstance(value, _TYPES.get(base, (str,))) and not (optional and value is None):
            raise TypeError(field.name)
    values["phase"] = Phase(values["phase"])
    return Job(**values)


def _reservation(entry: dict[str, Any], host: str, jobs: Mapping[int, Job], at: float) -> Reservation:
    job = jobs.get(entry["job"]) if isinstance(entry["job"], int) else None
    return Reservation(
        name=_text(entry["name"]),
        host=host,
        lease_id=_text(entry["lease"]),
        job_id=job.id if job else entry["job"] if isinstance(entry["job"], int) else None,
        tmux_server=_text(entry["server"]),
        persistent=entry["persistent"] is True,
        job=job,
        phase=job.phase if job else Phase.UNKNOWN,
        state=_text(entry["state"]),
        node=_text(entry["node"]),
        ends_at=_number(entry["ends_at"]),
        observed_at=at,
    )


def _agent(entry: dict[str, Any], host: str) -> Agent:
    seen = _number(entry["seen"])
    return Agent(
        name=_text(entry["name"]),
        runtime=_text(entry["runtime"]),
        host=host,
        reservation=_text(entry["reservation"]),
        model=_text(entry["model"]),
        verdict=Verdict(
            AgentState(entry["state"]),
            "as it was when it was last seen",
            _number(entry["since"]),
            seen_at=seen,
            stale=True,
        ),
        path=_text(entry["path"]),
        node=_text(entry["node"]),
        job_id=entry["job"] if isinstance(entry["job"], int) else None,
        observed_at=seen,
        source="memory",
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _write(place: Path, data: dict[str, Any]) -> None:
    """Replace the file at once; a snapshot that cannot be written is no error."""
    temporary = place.with_name(f".{secrets.token_hex(6)}")
    try:
        text = json.dumps(data, separators=(",", ":"))
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(place)
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            temporary.unlink()
