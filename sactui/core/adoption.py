"""Jobs that need a lease: those of ours whose file was lost, and those that a person names."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .. import clock
from ..domain.job import Job
from ..domain.state import Phase
from ..errors import Refused, SactuiError
from ..leases.lease import Lease, lease_id
from ..runtimes import hold
from ..slurm import scontrol
from ..transport.script import Section
from . import succession
from .hosts import Host
from .jobs import look_at_jobs
from .observation import HostPicture
from .plan import Grade, Outcome, Plan, Result
from .steps import Allocation

if TYPE_CHECKING:
    from .controller import Controller


class Strays:
    """The marks without a lease that the look before this one saw.

    A job is adopted when two looks in a row have seen it without a lease: a single one
    may be older than the release that has just removed it.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}

    @property
    def waiting(self) -> bool:
        """True while some were seen once."""
        return bool(self._seen)

    def again(self, host: str, uuids: set[str], at: float) -> set[str]:
        """Take note of a look; returns those that an earlier one has seen too."""
        twice = {
            uuid for uuid in uuids if (before := self._seen.get((host, uuid))) is not None and before < at
        }
        for key in [key for key in self._seen if key[0] == host and key[1] not in uuids]:
            del self._seen[key]
        for uuid in uuids:
            self._seen.setdefault((host, uuid), at)
        return twice


def strays(host: str, leases: tuple[Lease, ...], jobs: tuple[Job, ...]) -> dict[str, list[Job]]:
    """The live jobs by uuid that carry a mark of this host and have no lease."""
    known = {uuid for lease in leases if (uuid := succession.uuid_of(lease))}
    named = {lease.job for lease in leases if lease.host == host}
    found: dict[str, list[Job]] = {}
    for job in jobs:
        mark = hold.read_mark(job.comment)
        if mark is None or mark.kind != "reservation" or mark.uuid in known or job.id in named:
            continue
        if job.phase.ended or mark.identity != f"{host}-{job.name}":
            continue
        found.setdefault(mark.uuid, []).append(job)
    return found


def adopt_lost(controller: Controller, picture: HostPicture) -> None:
    """Begin to write the lease of jobs that have none any more: one lease for all jobs of a uuid."""
    jobs, at = picture.jobs.value, picture.jobs.at
    if jobs is None or at is None:
        return
    found = strays(picture.host, controller.files.leases, jobs)
    for uuid in controller.strays.again(picture.host, set(found), at):
        first = min(
            found[uuid], key=lambda job: (job.phase is not Phase.RUNNING, succession.generation(job), job.id)
        )
        title = f"Write the lost lease of {first.name} again"
        plan = Plan("restore", picture.host, first.name, title, data={"uuid": uuid, "job": first})
        controller.run_soon(plan)


async def restore(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Write a lost lease again; how it was booked is read from the head of its script."""
    uuid, job = plan.data["uuid"], plan.data["job"]
    path = shlex.quote(hold.script_path(job.name, uuid))
    answer = (await host.link.ask(Section("head", f'cd "$HOME" && head -n 5 {path}'), timeout=20))["head"]
    known = hold.read_booked(answer.stdout.decode("utf-8", "replace"), uuid) or {"uuid": uuid}
    lease = Lease(
        id=lease_id(plan.host, job.name),
        name=job.name,
        host=plan.host,
        submitted_at=_iso(job.submitted_at),
        persistent="generations" in known,
        extras={"tmux_server": known.get("tmux_prefix", "sac")},
    ).with_ours(**known, adopted=_iso(clock.now()))
    controller.files.read_leases()
    if any(succession.uuid_of(each) == uuid for each in controller.files.leases):
        return Outcome(Result.DONE, f"{job.name} has its lease again")
    # A lease of the same name keeps it: then the job stays without one, and is seen as such.
    controller.files.create(succession.bound(lease, job.id, job))
    controller.compose()
    return Outcome(Result.DONE, f"job {job.id} has its lease {lease.id} again", f"mark {uuid}")


def _iso(at: float | None) -> str:
    return datetime.fromtimestamp(clock.now() if at is None else at, UTC).isoformat()


async def plan_adopt(
    controller: Controller, host_name: str, job_id: int, name: str, prefix: str = ""
) -> Plan:
    """Plan to write a lease for a running job of the user's; Refused with the reason.

    ``prefix`` is the name of its tmux server, looked for when empty. A job without one is
    adopted, and cannot take tenants.
    """
    host = await controller.host(host_name)
    await host.link.ready()
    jobs = await look_at_jobs(host.link, ids=[job_id])
    job = next((each for each in jobs if each.id == job_id), None)
    if job is None or job.phase.ended:
        state = f"has ended ({job.state.lower()})" if job else "is not in the queue"
        raise Refused(f"job {job_id} of {host_name} {state}", "see: sactui jobs")
    if host.link.hello and job.user != host.link.hello.user:
        raise Refused(f"job {job_id} belongs to {job.user}", "only own jobs can be adopted")
    owner = next((x for x in controller.files.leases if x.host == host_name and x.job == job_id), None)
    if owner is not None:
        raise Refused(f"job {job_id} is the reservation {owner.name!r} already", f"lease {owner.id}")
    notes = [
        f"Writes a lease for job {job_id} ({job.name}, {job.state.lower()}). Nothing changes on {host_name}."
    ]
    if await _interactive(host, job_id):
        notes.append(
            "It was made by salloc: it ends with the terminal it was made in, and its agents with it."
        )
    socket = ""
    if job.phase is Phase.RUNNING:
        socket = await _server(host, job, prefix)
    if socket:
        notes.append(f"Its tmux server {socket} is its own: agents can be started in it.")
    else:
        notes.append("It has no tmux server of its own: it cannot take agents.")
    mark = hold.read_mark(job.comment)
    lease = Lease(
        id=lease_id(host_name, name),
        name=name,
        host=host_name,
        submitted_at=_iso(job.submitted_at),
        extras={"tmux_server": socket} if socket else {},
    )
    lease = succession.bound(lease, job_id, job)
    if mark is not None and mark.kind == "reservation" and socket.endswith(f"-{job_id}"):
        lease = lease.with_ours(uuid=mark.uuid, tmux_prefix=socket.removesuffix(f"-{job_id}"))
    return Plan(
        "adopt",
        host_name,
        name,
        f"Adopt job {job_id} as {name}",
        tuple(notes),
        (),
        Grade.ASK,
        {"lease": lease},
    )


async def _interactive(host: Host, job_id: int) -> bool:
    answer = (await host.link.ask(Section("job", shlex.join(scontrol.show_job_command(job_id)))))["job"]
    try:
        shown = scontrol.parse_job(answer.stdout)
    except SactuiError:
        return False
    return shown.fields.get("BatchFlag") == "0"


async def _server(host: Host, job: Job, prefix: str) -> str:
    """The tmux server in the job that is its own; empty when there is none."""
    for socket in dict.fromkeys((prefix,) if prefix else (f"sac-{job.id}", "sac")):
        try:
            await host.steps.look(Allocation(job.id, job.batch_host, socket), None)
        except SactuiError:
            continue
        return socket
    return ""


async def adopt(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Write the lease of a plan, unless its job has gone meanwhile."""
    lease: Lease = plan.data["lease"]
    jobs = await look_at_jobs(host.link, ids=[int(lease.job_id)])
    if not any(job.id == lease.job and not job.phase.ended for job in jobs):
        return Outcome(Result.FAILED, f"job {lease.job_id} has ended meanwhile")
    controller.files.create(lease)
    controller.compose()
    return Outcome(
        Result.DONE, f"job {lease.job_id} is the reservation {lease.name} now", f"lease {lease.id}"
    )
