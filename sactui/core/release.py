"""Releasing a reservation: its job and all its successors end, that is seen, and then the lease goes.

Where anything is uncertain the lease stays: it is the only thing that still knows the job.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from .. import clock
from ..domain.fleet import Reservation
from ..domain.job import Job
from ..errors import Refused
from ..leases.lease import Lease
from ..runtimes import hold
from ..slurm import scancel
from ..transport.script import Section
from . import booking, succession
from .hosts import Host
from .jobs import look_at_jobs
from .link import HostLink
from .plan import Grade, Outcome, Plan, Result

if TYPE_CHECKING:
    from .controller import Controller

#: Seconds that a cancelled job may take to end (its KillWait is 30 s on most sites).
_PATIENCE = 60.0


def plan_release(controller: Controller, reservation: Reservation) -> Plan:
    """Plan a release: what is cancelled and which agents stop."""
    lease = next((x for x in controller.files.leases if x.id == reservation.lease_id), None)
    jobs = [job for host, job in controller.fleet.jobs if host == reservation.host]
    heirs = [
        job for job in (succession.descendants(lease, jobs) if lease else ()) if job.id != reservation.job_id
    ]
    return planned(
        reservation.name,
        reservation.host,
        reservation.job,
        reservation.job_id,
        controller.tenants(reservation),
        heirs,
        lease_id=reservation.lease_id,
    )


def planned(
    name: str,
    host: str,
    job: Job | None,
    job_id: int | None,
    agents: list[tuple[str, str]],
    heirs: list[Job] | None = None,
    *,
    lease_id: str = "",
) -> Plan:
    """The plan of a release: which jobs are cancelled, and which agents stop with them.

    ``agents`` are (name, state) of the tenants that are alive.
    """
    if job_id is None:
        impact = [f"No job of {name} is known; it is looked for, cancelled, and the lease removed."]
    elif job is None:
        impact = [f"Cancels job {job_id} on {host}, which the queue does not show."]
    else:
        impact = [f"Cancels job {job_id} on {host} ({job.state.lower()})."]
    for heir in heirs or ():
        impact.append(f"Cancels its successor, job {heir.id} ({heir.state.lower()}).")
    if agents:
        listed = ", ".join(f"{agent} ({state})" for agent, state in agents)
        impact.append(f"{len(agents)} {'agent stops' if len(agents) == 1 else 'agents stop'}: {listed}.")
    ids = [*([job_id] if job_id is not None else []), *(heir.id for heir in heirs or ())]
    return Plan(
        "release",
        host,
        name,
        f"Release {name}",
        tuple(impact),
        (shlex.join(scancel.command(ids)),) if ids else (),
        Grade.TYPE if agents else Grade.ASK,
        {"job_id": job_id, "identity": job.identity if job else None, "lease_id": lease_id},
    )


async def release(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Cancel the job and every successor, see them end, and only then remove the lease."""
    controller.files.read_leases()
    lease = next(
        (
            x
            for x in controller.files.leases
            if x.id == plan.data["lease_id"] or (x.host, x.name) == (plan.host, plan.target)
        ),
        None,
    )
    if lease is None:
        return Outcome(Result.DONE, f"{plan.target} had been released already")
    confirmed = plan.data["job_id"]
    if lease.job not in (confirmed, None) and confirmed is not None and not succession.uuid_of(lease):
        raise Refused(
            f"{plan.target} is job {lease.job} now, not job {confirmed}", "look again (r) and confirm it"
        )
    controller.files.update(lease.id, lambda now: now.with_ours(intent="release"))
    try:
        ended = await cancel(host.link, plan, lease)
    except Refused:
        controller.files.update(lease.id, lambda now: now.with_ours(intent=None))
        raise
    if ended.result is Result.DONE:
        await _purge(host.link, lease)
        # Not while it names a job that nobody here has seen end.
        controller.files.remove(lease.id)
        ended = Outcome(Result.DONE, f"{plan.target} is released: {ended.message}", ended.evidence)
    controller.compose()
    return ended


async def cancel(link: HostLink, plan: Plan, lease: Lease, *, patience: float = _PATIENCE) -> Outcome:
    """Cancel every job of a lease and look until Slurm says that they have ended.

    The identity is checked first: a job id that now belongs to another job, or to the
    same job after a requeue, is not the one that was confirmed.
    """
    uuid = succession.uuid_of(lease)
    jobs = await look_at_jobs(link)
    _confirm(plan, jobs)
    if uuid:
        # From here on its script submits no successor.
        marker = shlex.quote(f"{hold.RUN}/{uuid}.released")
        await link.ask(Section("mark", f'cd "$HOME" && mkdir -p {hold.RUN} && : >{marker}'), timeout=20)
        jobs = await look_at_jobs(link)
    known = {job.id for job in jobs}
    if uuid and lease.job is None and not succession.marked(jobs, uuid):
        found = await booking.find(link, lease.name, uuid)
        live = {found} if found is not None else set()
    else:
        live = {job.id for job in succession.descendants(lease, jobs)}
    if lease.job is not None and lease.job not in known:
        # Not among the newest: asked by its id, also when the queue has forgotten it.
        live |= {job.id for job in await look_at_jobs(link, ids=[lease.job]) if not job.phase.ended}
    if not live:
        return Outcome(Result.DONE, "no job of it is in the queue", f"looked at {clock.now():.0f}")
    cancelled: set[int] = set()
    deadline = clock.monotonic() + patience
    while True:
        if fresh := sorted(live - cancelled):
            await link.ask(Section("scancel", shlex.join(scancel.command(fresh))), timeout=30)
            cancelled |= live
        jobs = await look_at_jobs(link)
        live = {job.id for job in succession.descendants(lease, jobs)}
        live |= {job.id for job in jobs if job.id in cancelled and not job.phase.ended}
        if not live:
            names = ", ".join(str(each) for each in sorted(cancelled))
            word = "job" if len(cancelled) == 1 else "jobs"
            verb = "has" if len(cancelled) == 1 else "have"
            return Outcome(Result.DONE, f"{word} {names} {verb} ended", f"looked at {clock.now():.0f}")
        if clock.monotonic() > deadline:
            left = ", ".join(f"{job.id} ({job.state.lower()})" for job in jobs if job.id in live)
            return Outcome(
                Result.UNKNOWN,
                f"{plan.target} is not released: still there {patience:.0f} s after scancel: {left}",
                remedy="the lease is kept; release it again in a minute",
            )
        await asyncio.sleep(0.3)


def _confirm(plan: Plan, jobs: tuple[Job, ...]) -> None:
    expected, job_id = plan.data["identity"], plan.data["job_id"]
    job = next((each for each in jobs if each.id == job_id), None)
    if job is not None and expected is not None and job.identity != tuple(expected) and not job.phase.ended:
        raise Refused(
            f"job {job_id} is not what was confirmed: now {job.name!r}, submitted at another time",
            "look again (r) and confirm what is there now",
        )


async def _purge(link: HostLink, lease: Lease) -> None:
    """Remove the files of a released reservation from the host; what stays is listed by nobody."""
    uuid = succession.uuid_of(lease)
    if not uuid:
        return
    script, name = hold.script_path(lease.name, uuid), shlex.quote(lease.name)
    await link.ask(
        Section(
            "purge",
            f'cd "$HOME" || exit 1\nids=$(cat {hold.RUN}/{uuid}.*/id 2>/dev/null)\n'
            # Each job that has submitted one left a directory of its own id.
            f'for each in {hold.RUN}/{uuid}.*; do ids="$ids ${{each##*.}}"; done\n'
            f"for id in {shlex.quote(lease.job_id)} $ids; do\n"
            f'  case "$id" in ""|*[!0-9]*) continue ;; esac\n'
            f'  rm -rf {hold.LOGS}/{name}-"$id".out {hold.RUN}/"$id".env {hold.RUN}/{uuid}."$id"\n'
            f"done\nrm -rf {shlex.quote(script)} {hold.RUN}/{uuid}.*\n",
        ),
        timeout=20,
    )
