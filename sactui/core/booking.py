"""Booking a reservation: what cannot be is refused, then lease first, then sbatch, exactly once."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import clock
from ..domain.job import UNLIMITED, Job
from ..domain.state import Phase
from ..errors import ConnectionLost, RunTimeout, SettingsError, SlurmError, TransportError
from ..leases.lease import Lease, lease_id
from ..runtimes import hold
from ..slurm import environment, records, sacct, sbatch, values
from ..slurm import errors as slurm_errors
from ..transport.script import Section
from . import succession
from .jobs import look_at_jobs
from .link import HostLink
from .plan import Grade, Outcome, Plan, Result

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
#: Seconds after which an intent to book is nobody's: an sbatch that hangs is over by then.
_STALE_INTENT = 150.0
#: The uuids that this process is submitting at this moment.
UNDER_WAY: set[str] = set()


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
    if options.nodes < 1:
        raise SettingsError("nodes must be at least 1")
    if options.persistent:
        _check_persistent(options)
    for field, value in (
        ("partition", options.partition),
        ("account", options.account),
        ("qos", options.qos),
    ):
        if value and not re.fullmatch(r"[A-Za-z0-9_.,-]+", value):
            raise SettingsError(f"{field} {value!r} has characters that Slurm's names do not have")


def _check_persistent(options: hold.HoldOptions) -> None:
    if not 1 <= options.generations <= 1000:
        raise SettingsError(f"generations {options.generations} is not between 1 and 1000")
    if options.until and options.until <= clock.now():
        raise SettingsError("until is in the past", "name a day to come, as 2030-12-24")
    limit = values.duration(options.time) if options.time else None
    if why := hold.no_successor(options, limit):
        raise SettingsError(f"time {options.time}: {why}", "ask for more time, or book without --persistent")


def plan_book(
    request: BookRequest, *, uuid: str | None = None, notes: Sequence[str] = (), checked: bool = False
) -> Plan:
    """The plan of a booking: the script and the exact sbatch command.

    ``notes`` are further sentences for whoever confirms; ``checked`` says that the site's
    limits were asked.
    """
    check(request)
    uuid = uuid or secrets.token_hex(6)
    options = request.options
    script = hold.batch_script(request.name, uuid, options, request.host)
    argv = hold.submit_argv(request.host, request.name, uuid, options)
    impact = [
        f"Submits one job on {request.host} that holds the allocation and runs a tmux server for tenants."
    ]
    if options.persistent:
        who = "It submits" if options.self_submitting else "This console, or sactui wait, submits"
        impact.append(
            f"{who} its successor {options.lead // 60} min before its end: "
            f"{options.generations} jobs at most, one after the other"
            + (
                f", none after {datetime.fromtimestamp(options.until):%Y-%m-%d %H:%M}."
                if options.until
                else "."
            )
        )
    return Plan(
        "book",
        request.host,
        request.name,
        f"Book {request.name} on {request.host}",
        (*impact, *notes),
        (shlex.join(argv), script),
        Grade.ASK,
        {
            "uuid": uuid,
            "script": script,
            "path": hold.script_path(request.name, uuid),
            "argv": argv,
            "request": request,
            "checked": checked,
        },
    )


def new_lease(plan: Plan) -> Lease:
    """The lease of a booking before its job exists: the intent is on disk first."""
    request: BookRequest = plan.data["request"]
    options = request.options
    ours = hold.booked(request.host, request.name, plan.data["uuid"], options)
    ours |= {"generation": 1, "intent": "book", "by": _process()}
    return Lease(
        id=lease_id(request.host, request.name),
        name=request.name,
        host=request.host,
        job_id="",
        node="",
        persistent=options.persistent,
        submitted_at=datetime.fromtimestamp(clock.now(), UTC).isoformat(),
        walltime_end="",
        extras={"tmux_server": options.tmux_prefix},
    ).with_ours(**ours)


def _process() -> dict[str, Any]:
    return {"pid": os.getpid(), "on": platform.node()}


def interrupted(lease: Lease) -> bool:
    """True when a booking was intended and whoever began it is not at it any more."""
    if lease.ours.get("intent") != "book" or lease.job is not None:
        return False
    by = lease.ours.get("by")
    if isinstance(by, dict) and by.get("on") == platform.node() and isinstance(by.get("pid"), int):
        try:
            os.kill(by["pid"], 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
        if by["pid"] == os.getpid():
            return lease.ours.get("uuid") not in UNDER_WAY
    return clock.now() - booked_at(lease) > _STALE_INTENT


def booked_at(lease: Lease) -> float:
    """When a lease was written, in epoch seconds; 0 when it does not say."""
    try:
        return datetime.fromisoformat(lease.submitted_at).timestamp()
    except ValueError:
        return 0.0


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
        f"(umask 077; mkdir -p {hold.SCRIPTS} {hold.LOGS} {hold.RUN}) || exit 1\n"
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
        job = await find(link, plan.target, plan.data["uuid"])
    except (TransportError, SlurmError) as error:
        return Outcome(
            Result.UNKNOWN,
            f"whether {plan.host} took {plan.target} is not known: {why}; {error.message}",
            remedy="sactui keeps the lease and binds the job when it sees it: "
            f"sactui reservations refresh {plan.target}",
        )
    if job is not None:
        return Outcome(
            Result.DONE, f"{plan.target} is job {job} on {plan.host} (found by its mark)", str(job)
        )
    return Outcome(
        Result.UNKNOWN,
        f"no job of {plan.target} is in the queue of {plan.host} after: {why}",
        remedy=f"book it again, or forget it: sactui reservations release {plan.target}",
    )


async def find(link: HostLink, name: str, uuid: str) -> int | None:
    """The job of a booking, from Slurm alone: by the mark in its comment, by its script's
    path where the site rewrites comments, or by what accounting remembers of its submission.

    Raises TransportError, SlurmError.
    """
    found = succession.marked(await look_at_jobs(link), uuid)
    live = [job for job in found if not job.phase.ended]
    if found:
        return (live or list(found))[0].id
    path = hold.script_path(name, uuid)
    user = link.hello.user if link.hello else ""
    tokens = records.fresh()
    answers = await link.ask(
        Section("commands", shlex.join(["squeue", "-h", "-u", user, "-t", "all", "-o", "%A %o"]), timeout=20),
        Section(
            "accounting",
            shlex.join(sacct.command(tokens, since="now-2days", user=user, steps=False, able=link.able)),
            timeout=20,
        ),
        timeout=50,
    )
    for line in answers["commands"].stdout.decode("utf-8", "replace").splitlines():
        job, _, command = line.partition(" ")
        if job.isdigit() and f"/{path}" in command:
            return int(job)
    # Accounting may be absent or slow: then it knows nothing, and nothing is concluded.
    accounted, _ = sacct.parse(answers["accounting"].stdout, tokens, link.able)
    return next((each.job_id for each in accounted if path in each.submit_line), None)


def differences(request: BookRequest, job: Job) -> tuple[str, ...]:
    """Where the job that is in the queue is not what was asked for: a site's plugin may change it."""
    asked, found = request.options, []
    limit = values.duration(asked.time) if asked.time else None
    for what, wanted, granted in (
        ("partition", asked.partition, job.partition),
        ("account", asked.account, job.account),
        ("QOS", asked.qos, job.qos),
    ):
        if wanted and granted and granted not in wanted.split(","):
            found.append(f"{what} {granted} instead of {wanted}")
    if limit is not None and job.time_limit is not None and job.time_limit != limit:
        found.append(f"{_duration(job.time_limit)} instead of {_duration(limit)}")
    if job.cpus and job.cpus < asked.cpus * asked.nodes:
        found.append(f"{job.cpus} CPUs instead of {asked.cpus * asked.nodes}")
    if job.nodes and job.phase is Phase.RUNNING and job.nodes != asked.nodes:
        found.append(f"{job.nodes} nodes instead of {asked.nodes}")
    if asked.memory and job.memory_mib is not None:
        wanted_mib = (values.memory_mib(asked.memory) or 0) * asked.nodes
        if job.memory_mib < wanted_mib:
            found.append(f"{job.memory_mib} MiB instead of {wanted_mib} MiB")
    return tuple(found)


def _duration(seconds: int) -> str:
    return "no time limit" if seconds == UNLIMITED else values.duration_text(seconds)
