"""Which job a lease belongs to: through requeues, successors, lost answers and lost tenants.

Pure: a lease, the queue and what was seen in the allocation become the lease as it should
be. A job of ours is known by the uuid in its mark; a later generation is never a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ..domain.job import Job
from ..domain.pane import Server
from ..domain.state import Phase
from ..leases.lease import Lease
from ..runtimes import hold
from .observation import Same, Seen

_LIVE = (Phase.RUNNING, Phase.PAUSED, Phase.PENDING)


@dataclass(frozen=True, slots=True)
class Chain:
    """The jobs of one lease.

    ``current`` is the one it should name, ``successor`` the live one of a later
    generation, ``duplicates`` live ones of a generation that has one already.
    """

    current: Job | None = None
    successor: Job | None = None
    duplicates: tuple[Job, ...] = ()


def uuid_of(lease: Lease) -> str:
    """The uuid by which the jobs of a lease are known; empty for leases of other programs."""
    value = lease.ours.get("uuid")
    return value if isinstance(value, str) else ""


def generation(job: Job) -> int:
    """The generation in a job's mark; 1 when it has none."""
    mark = hold.read_mark(job.comment)
    return mark.generation if mark else 1


def marked(jobs: Iterable[Job], uuid: str) -> tuple[Job, ...]:
    """The jobs that carry this uuid, earliest generation first."""
    found = [job for job in jobs if (mark := hold.read_mark(job.comment)) is not None and mark.uuid == uuid]
    return tuple(sorted(found, key=lambda job: (generation(job), job.id)))


@dataclass(frozen=True, slots=True)
class _Index:
    """The live jobs of a queue: by uuid, by id, and by name those that carry no mark."""

    by_uuid: Mapping[str, tuple[Job, ...]]
    by_id: Mapping[int, Job]
    bare: Mapping[str, tuple[Job, ...]]


@lru_cache(maxsize=16)
def _index(jobs: Same[Sequence[Job]]) -> _Index:
    """Made once for each queue: every lease asks it, several times for each look."""
    by_uuid: dict[str, list[Job]] = {}
    bare: dict[str, list[Job]] = {}
    by_id = {}
    for job in jobs.value:
        if job.phase not in _LIVE:
            continue
        by_id[job.id] = job
        mark = hold.read_mark(job.comment)
        if mark is None:
            bare.setdefault(job.name, []).append(job)
        else:
            by_uuid.setdefault(mark.uuid, []).append(job)
    return _Index(
        {uuid: marked(found, uuid) for uuid, found in by_uuid.items()},
        by_id,
        {name: tuple(found) for name, found in bare.items()},
    )


def descendants(lease: Lease, jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The live jobs of a lease: by its uuid, or, of a lease of ``scitex-hpc``, by id and name.

    Its jobs resubmit themselves under the lease's name and carry nothing else.
    """
    index, own = _index(Same(jobs)), lease.job
    named = index.by_id.get(own) if own is not None else None
    uuid = uuid_of(lease)
    if uuid:
        found = index.by_uuid.get(uuid, ())
        # A site may have rewritten the comment of the job that the lease names.
        return found if named is None or named in found else (*found, named)
    later: tuple[Job, ...] = ()
    if lease.persistent and own is not None:
        later = tuple(job for job in index.bare.get(lease.name, ()) if job.id > own)
    return later if named is None else (named, *later)


def chain(lease: Lease, jobs: Sequence[Job]) -> Chain:
    """Which of the jobs is the lease's own now, and which comes after it.

    The one it names is kept while it runs: its tenants live there. Otherwise one that
    runs goes before one that waits.
    """
    live = descendants(lease, jobs)
    # Another program may have moved the lease on already; the tenants are where they were.
    home = str(lease.ours.get("life") or lease.job_id).partition(".")[0]
    order = (
        [job for job in live if str(job.id) == home and job.phase in (Phase.RUNNING, Phase.PAUSED)]
        + [job for job in live if job.id == lease.job and job.phase in (Phase.RUNNING, Phase.PAUSED)]
        + [job for job in live if job.phase is Phase.RUNNING]
        + [job for job in live if job.id == lease.job]
        + list(live)
    )
    if not order:
        return Chain(next((job for job in jobs if job.id == lease.job), None))
    current = order[0]
    if not uuid_of(lease):
        later = [job for job in live if job.id > current.id]
        return Chain(current, later[0] if later else None)
    later = [job for job in live if generation(job) > generation(current)]
    taken: set[int] = {generation(current)}
    duplicates = []
    for job in live:
        if job.id == current.id:
            continue
        if generation(job) in taken:
            duplicates.append(job)
        taken.add(generation(job))
    return Chain(current, later[0] if later else None, tuple(duplicates))


def alive(server: Server | None) -> tuple[str, ...]:
    """The names of the tenants that live in a server."""
    panes = server.panes if server else ()
    return tuple(
        sorted({p.session.removeprefix("sac-") for p in panes if p.session.startswith("sac-") and not p.dead})
    )


def bound(lease: Lease, job_id: int, job: Job | None) -> Lease:
    """The lease with its job: socket named after the job, node and end when known."""
    end = datetime.fromtimestamp(job.ends_at, UTC).isoformat() if job and job.ends_at else lease.walltime_end
    node = job.batch_host if job and job.batch_host else ("" if lease.job != job_id else lease.node)
    after = replace(lease, job_id=str(job_id), node=node, walltime_end=end)
    if not uuid_of(lease):
        return after  # booked by another program: its socket is used as recorded
    prefix = str(lease.ours.get("tmux_prefix") or lease.tmux_server or "sac")
    changes: dict[str, Any] = {"tmux_prefix": prefix}
    if lease.ours.get("intent") == "book":
        changes["intent"] = None
    if job is not None:
        changes["generation"] = generation(job)
    return after.with_tmux_server(hold.socket(prefix, job_id)).with_ours(**changes)


def follow(lease: Lease, jobs: Sequence[Job], servers: Mapping[int, Seen[Server]]) -> Lease:
    """The lease as it should be after a good look at the queue; the same object when nothing changed.

    Tenants that were seen alive in a job that is over are ``lost`` until they are started
    again. A job that was requeued is another life of the same id.
    """
    found = chain(lease, jobs)
    current = found.current
    if current is None or (current.phase not in _LIVE and current.id == lease.job):
        return lease
    if current.state == "COMPLETING":
        # Of a requeued one the count of lives has risen already, and its old server may still answer.
        return lease
    after = bound(lease, current.id, current)
    life = f"{current.id}.{current.restarts}"
    before = str(after.ours.get("life") or "")
    if before and before != life:
        tenants = _names(after.ours.get("tenants"))
        still = _lost_names(lease)
        job, _, _ = before.partition(".")
        if names := sorted({*tenants, *still}):
            how = "requeued" if job == str(current.id) else "ended"
            after = after.with_ours(lost={"job": int(job), "how": how, "names": names}, tenants=None)
    after = after.with_ours(life=life)
    seen = servers.get(current.id)
    if seen is not None and seen.trouble is None and seen.value is not None:
        names = list(alive(seen.value))
        after = after.with_ours(tenants=names or None)
        lost = [name for name in _lost_names(after) if name not in names]
        if lost != list(_lost_names(after)):
            record = {**after.ours["lost"], "names": lost} if lost else None
            after = after.with_ours(lost=record)
    return lease if after == lease else after


def lost(lease: Lease) -> tuple[int | None, str, tuple[str, ...]]:
    """(job, how it ended, names) of the tenants that were lost with an earlier job or life."""
    record = lease.ours.get("lost")
    if not isinstance(record, dict):
        return None, "", ()
    job = record.get("job")
    return job if isinstance(job, int) else None, str(record.get("how") or "ended"), _lost_names(lease)


def _lost_names(lease: Lease) -> tuple[str, ...]:
    record = lease.ours.get("lost")
    return _names(record.get("names")) if isinstance(record, dict) else ()


def _names(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
