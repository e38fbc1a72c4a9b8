"""Booking and releasing reservations: lease first, then Slurm, then a look."""

from __future__ import annotations

import asyncio
import re
import secrets
import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from .. import clock
from ..domain.job import Job
from ..domain.state import Phase
from ..errors import ConnectionLost, Refused, RunTimeout, SettingsError, SlurmError, TransportError
from ..leases.lease import Lease, lease_id
from ..runtimes import hold
from ..slurm import environment, sbatch, scancel, values
from ..slurm import errors as slurm_errors
from ..transport.script import Section
from .jobs import look_at_jobs
from .link import HostLink
from .plan import Grade, Outcome, Plan, Result

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")

#: Variables a batch job gets from the login: enough to run, nothing that surprises.
EXPORTED = (
    *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "SLURM_CONF"),
    *("MODULEPATH", "MODULESHOME", "LMOD_CMD", "LMOD_DIR"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)


@dataclass(frozen=True, slots=True)
class BookRequest:
    """What a person asked for: a name, a host, and what the job should hold."""

    name: str
    host: str
    options: hold.HoldOptions


def check(request: BookRequest) -> None:
    """Refuse what cannot be, before anything is asked of the cluster.

    Raises SettingsError whose message starts with the field's label.
    """
    options = request.options
    if not _NAME.fullmatch(request.name):
        raise SettingsError(
            f"name {request.name!r} cannot be a job name, a file name and a tmux name",
            "use letters, digits, - and _",
        )
    if not request.host:
        raise SettingsError("host is missing", "name an SSH alias, as in: sactui --host spartan")
    if options.cpus < 1:
        raise SettingsError("cpus must be at least 1")
    if options.time and values.duration(options.time) is None:
        raise SettingsError(f"time {options.time!r} is not a time limit", "write 4:00:00 or 7-0 (days-hours)")
    if options.memory and not re.fullmatch(r"[1-9][0-9]*[KMGT]", options.memory):
        raise SettingsError(f"memory {options.memory!r} needs a unit", "write 16G or 800M")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", options.tmux_prefix):
        raise SettingsError(
            f"tmux server {options.tmux_prefix!r} cannot be a socket name", "use letters and digits"
        )
    for field, value in (
        ("partition", options.partition),
        ("account", options.account),
        ("qos", options.qos),
    ):
        if value and not re.fullmatch(r"[A-Za-z0-9_.,-]+", value):
            raise SettingsError(f"{field} {value!r} has characters that Slurm's names do not have")


def plan_book(request: BookRequest, *, uuid: str | None = None) -> Plan:
    """The plan of a booking: the script and the exact sbatch command."""
    check(request)
    uuid = uuid or secrets.token_hex(6)
    script = hold.batch_script(request.name, uuid, request.options)
    path = f".sactui/scripts/{hold.script_name(request.name, uuid)}"
    argv = _sbatch(request, uuid, path)
    return Plan(
        "book",
        request.host,
        request.name,
        f"Book {request.name} on {request.host}",
        (f"Submits one job on {request.host} that holds the allocation and runs a tmux server for tenants.",),
        (shlex.join(argv), script),
        Grade.ASK,
        {"uuid": uuid, "script": script, "path": path, "argv": argv, "request": request},
    )


def _sbatch(request: BookRequest, uuid: str, path: str) -> list[str]:
    o = request.options
    return sbatch.command(
        path,
        partition=o.partition,
        cpus_per_task=o.cpus,
        memory=o.memory,
        time=o.time,
        gpus=o.gpus,
        account=o.account,
        qos=o.qos,
        nodes=o.nodes,
        node_list=o.node_list,
        constraint=o.constraint,
        job_name=request.name,
        comment=hold.mark("reservation", request.host, request.name, uuid),
        output=".sactui/logs/%x-%j.out",
        export=EXPORTED,
        extra=o.options,
    )


def new_lease(plan: Plan) -> Lease:
    """The lease of a booking before its job exists: the intent is on disk first."""
    request: BookRequest = plan.data["request"]
    return Lease(
        id=lease_id(request.host, request.name),
        name=request.name,
        host=request.host,
        job_id="",
        node="",
        persistent=False,
        submitted_at=datetime.fromtimestamp(clock.now(), UTC).isoformat(),
        walltime_end="",
        extras={
            "tmux_server": request.options.tmux_prefix,
            "sactui": {"uuid": plan.data["uuid"], "generation": 1, "intent": "book"},
        },
    )


async def submit(link: HostLink, plan: Plan) -> Outcome:
    """Write the script on the host and submit it, once.

    A lost answer is settled by looking for the mark in the queue, never by a second
    submit. The outcome's evidence is the job id.
    """
    data = plan.data
    token = secrets.token_hex(8)
    path = shlex.quote(data["path"])
    script = (
        'cd "$HOME" || exit 1\n'
        "(umask 077; mkdir -p .sactui/scripts .sactui/logs) || exit 1\n"
        f"(umask 077; cat > {path} <<'{token}'\n{data['script']}{token}\n) || exit 1\n"
        # The job must not inherit how times are printed for us.
        f"{environment.BEFORE_SUBMIT}{shlex.join(data['argv'])} </dev/null"
    )
    try:
        answers = await link.ask(Section("submit", script, timeout=55), timeout=60)
        answer = answers["submit"]
        if not answer.complete:
            raise ConnectionLost(f"{link.host}: the answer to sbatch was cut")
    except (ConnectionLost, RunTimeout) as error:
        return await _settle(link, plan, error.message)
    stdout, stderr = answer.stdout.decode("utf-8", "replace"), answer.stderr.decode("utf-8", "replace")
    job_id = sbatch.parse_job_id(stdout)
    if job_id is None:
        failure = slurm_errors.classify(stderr or stdout)
        # Without a configuration sbatch had nobody to send it to: that is an answer.
        if failure.layer == "controller" and failure.kind not in ("config", "version"):
            return await _settle(link, plan, failure.message)
        return Outcome(
            Result.FAILED,
            f"{plan.host} refused {plan.target}: {failure.message}",
            failure.text,
            failure.remedy,
        )
    return Outcome(Result.DONE, f"{plan.target} is job {job_id} on {plan.host}", str(job_id))


async def _settle(link: HostLink, plan: Plan, why: str) -> Outcome:
    """Find out from Slurm alone whether a submit took effect."""
    try:
        await link.ready()
        jobs = await look_at_jobs(link)
    except (TransportError, SlurmError) as error:
        return Outcome(
            Result.UNKNOWN,
            f"whether {plan.host} took {plan.target} is not known: {why}; {error.message}",
            remedy="sactui keeps the lease and binds the job when it sees it: "
            f"sactui reservations refresh {plan.target}",
        )
    job = marked(jobs, plan.data["uuid"])
    if job is not None:
        return Outcome(
            Result.DONE, f"{plan.target} is job {job.id} on {plan.host} (found by its mark)", str(job.id)
        )
    return Outcome(Result.UNKNOWN, f"no job of {plan.target} is in the queue of {plan.host} after: {why}")


def marked(jobs: tuple[Job, ...], uuid: str) -> Job | None:
    """The job that carries this uuid in its mark; a running one before a pending one."""
    found = [job for job in jobs if f":{uuid}:" in job.comment and job.comment.startswith("sactui:")]
    found.sort(key=lambda job: (job.phase is not Phase.RUNNING, job.phase.ended, -job.id))
    return found[0] if found else None


def bound_lease(lease: Lease, job_id: int, job: Job | None) -> Lease:
    """The lease with its job: socket named after the job, node and end when known."""
    end = datetime.fromtimestamp(job.ends_at, UTC).isoformat() if job and job.ends_at else lease.walltime_end
    node = job.batch_host if job and job.batch_host else lease.node
    bound = replace(lease, job_id=str(job_id), node=node, walltime_end=end)
    if not lease.ours.get("uuid"):
        return bound  # booked by another program: its socket is used as recorded
    prefix = str(lease.ours.get("tmux_prefix") or lease.tmux_server or "sac")
    return bound.with_tmux_server(hold.socket(prefix, job_id)).with_ours(tmux_prefix=prefix, intent=None)


def plan_release(
    name: str, host: str, job: Job | None, job_id: int | None, agents: list[tuple[str, str]]
) -> Plan:
    """The plan of a release: which job is cancelled, and which agents stop with it.

    ``agents`` are (name, state) of the tenants that are alive.
    """
    if job_id is None:
        impact = [f"{name} has no job: only its lease is removed."]
    elif job is None:
        impact = [f"Cancels job {job_id} on {host}, which the queue does not show."]
    else:
        impact = [f"Cancels job {job_id} on {host} ({job.state.lower()})."]
    if agents:
        listed = ", ".join(f"{agent} ({state})" for agent, state in agents)
        impact.append(f"{len(agents)} {'agent stops' if len(agents) == 1 else 'agents stop'}: {listed}.")
    commands = (shlex.join(scancel.command([job_id])),) if job_id is not None else ()
    return Plan(
        "release",
        host,
        name,
        f"Release {name}",
        tuple(impact),
        commands,
        Grade.TYPE if agents else Grade.ASK,
        {"job_id": job_id, "identity": job.identity if job else None},
    )


async def cancel(link: HostLink, plan: Plan, *, patience: float = 30.0) -> Outcome:
    """Cancel the job of a plan and look until Slurm says that it has ended.

    The identity is checked first: a job id that now belongs to another job, or to the
    same job after a requeue, is not the one that was confirmed.
    """
    job_id = plan.data["job_id"]
    if job_id is None:
        return Outcome(Result.DONE, f"{plan.target} had no job")
    jobs = await look_at_jobs(link, ids=[job_id])
    job = next((j for j in jobs if j.id == job_id), None)
    expected = plan.data["identity"]
    if job is not None and expected is not None and job.identity != tuple(expected):
        raise Refused(
            f"job {job_id} is not what was confirmed: now {job.name!r}, submitted at another time",
            "look again (r) and confirm what is there now",
        )
    if job is None or job.phase.ended:
        return Outcome(Result.DONE, f"job {job_id} of {plan.target} had already ended")
    await link.ask(Section("scancel", shlex.join(scancel.command([job_id]))), timeout=30)
    deadline = clock.monotonic() + patience
    while True:
        jobs = await look_at_jobs(link, ids=[job_id])
        job = next((j for j in jobs if j.id == job_id), None)
        if job is None or job.phase.ended:
            return Outcome(Result.DONE, f"job {job_id} has ended", job.state if job else "not in the queue")
        if clock.monotonic() > deadline:
            return Outcome(
                Result.UNKNOWN,
                f"job {job_id} is still {job.state.lower()} {patience:.0f} s after scancel",
                remedy="the lease is kept; look again in a minute",
            )
        await asyncio.sleep(0.3)
