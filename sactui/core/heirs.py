"""Successors that are submitted from here: where nodes may not submit, or when a person asks.

Exactly once: the intent is in the lease before sbatch, under its lock, so that two
consoles never submit the same generation; a lost answer is settled by looking.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .. import clock
from ..domain.fleet import Reservation
from ..domain.state import Phase
from ..errors import LeaseError, Refused, SactuiError
from ..leases.lease import Lease
from ..runtimes import hold
from ..slurm import environment, sbatch, scontrol, values
from ..slurm import errors as slurm_errors
from ..transport.script import Section
from . import succession
from .hosts import Host
from .jobs import look_at_jobs
from .observation import HostPicture
from .plan import Grade, Outcome, Plan, Result

if TYPE_CHECKING:
    from .controller import Controller

#: Seconds after which an intent to submit is void when no job of it has been seen.
_STALE = 150.0


def due(lease: Lease, picture: HostPicture, now: float) -> bool:
    """Whether the console owes this lease a successor: the rules of the batch script, seen from here."""
    own = lease.ours
    if own.get("submits") != "console" or own.get("intent") or not lease.persistent:
        return False
    found = succession.chain(lease, picture.jobs.value or ())
    job = found.current
    if job is None or found.successor is not None:
        return False
    generation = int(own.get("generation") or 1)
    until, lead = int(own.get("until") or 0), int(own.get("lead") or hold.LEAD)
    if generation >= int(own.get("generations") or hold.GENERATIONS):
        return False
    if job.started_at is None or not job.time_limit or job.time_limit < 0 or lead * 2 >= job.time_limit:
        return False
    end = job.started_at + job.time_limit
    if until and end >= until:
        return False
    if job.phase is not Phase.RUNNING:
        # Where a user may have one job only, the next one is submitted when this one is over.
        return job.state == "TIMEOUT"
    return end - lead <= now and now - job.started_at >= hold.LEAST_LIFE


def submit_due(controller: Controller, picture: HostPicture) -> None:
    """Begin to submit every successor that is due on a host; a console or ``wait`` is running."""
    for lease in controller.files.leases:
        if lease.host != picture.host or not due(lease, picture, clock.now()):
            continue
        begun = lease.ours.get("heir")
        if isinstance(begun, dict) and clock.now() - float(begun.get("at") or 0) < _STALE:
            continue
        controller.run_soon(plan(lease))


def plan(lease: Lease) -> Plan:
    """The plan that submits the next generation of a lease. Refused when its script is not known."""
    argv = lease.ours.get("argv")
    uuid = succession.uuid_of(lease)
    if not uuid or not isinstance(argv, list) or not all(isinstance(word, str) for word in argv):
        raise Refused(
            f"how {lease.name} was submitted is not known: it was booked by another program",
            f"book another: sactui reservations book NAME --host {lease.host}",
        )
    # The lease counts; the words it was booked with may be of an earlier generation.
    generation = int(lease.ours.get("generation") or 1)
    words = [*argv[:-1], str(generation)]
    return Plan(
        "successor",
        lease.host,
        lease.name,
        f"Submit the successor of {lease.name}",
        (f"Submits job {generation + 1} of {lease.name} on {lease.host}; the one that runs is not touched.",),
        (shlex.join(hold.next_argv(words, uuid)),),
        Grade.ASK,
        {
            "lease_id": lease.id,
            "uuid": uuid,
            "argv": hold.next_argv(words, uuid),
            "generation": generation + 1,
        },
    )


def plan_successor(controller: Controller, reservation: Reservation) -> Plan:
    """As :func:`plan`, for a person; Refused when there is one already."""
    if reservation.successor is not None:
        raise Refused(
            f"{reservation.name} has a successor: job {reservation.successor.id} "
            f"({reservation.successor.state.lower()})"
        )
    lease = next((x for x in controller.files.leases if x.id == reservation.lease_id), None)
    if lease is None:
        raise Refused(f"the lease of {reservation.name} is gone", "look again (r)")
    return plan(lease)


async def submit(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Submit one successor, once; proved by its id, or by its mark in the queue."""
    data: dict[str, Any] = plan.data
    uuid, generation = data["uuid"], data["generation"]

    def intend(lease: Lease) -> Lease:
        begun = lease.ours.get("heir")
        if isinstance(begun, dict) and clock.now() - float(begun.get("at") or 0) < _STALE:
            raise LeaseError(f"the successor of {lease.name} is being submitted elsewhere", "look again (r)")
        if int(lease.ours.get("generation") or 1) + 1 != generation:
            raise LeaseError(f"{lease.name} has moved on to another job meanwhile", "look again (r)")
        return lease.with_ours(heir={"generation": generation, "at": clock.now()})

    controller.files.update(data["lease_id"], intend)
    outcome = await _submit(host, plan, uuid, generation)
    if outcome.result is not Result.UNKNOWN:
        failed = outcome.result is Result.FAILED
        note = {"generation": generation, "at": clock.now(), "failed": outcome.message} if failed else None
        controller.files.update(data["lease_id"], lambda lease: lease.with_ours(heir=note))
    return outcome


async def _submit(host: Host, plan: Plan, uuid: str, generation: int) -> Outcome:
    async def there() -> int | None:
        jobs = succession.marked(await look_at_jobs(host.link), uuid)
        live = (job for job in jobs if not job.phase.ended and succession.generation(job) == generation)
        return next((job.id for job in live), None)

    name = plan.target
    if (job := await there()) is not None:
        return Outcome(Result.DONE, f"the successor of {name} is there: job {job}", str(job))
    script = f'cd "$HOME" || exit 1\n{environment.BEFORE_SUBMIT}{shlex.join(plan.data["argv"])} </dev/null'
    answer = (await host.link.ask(Section("submit", script, timeout=55), timeout=60))["submit"]
    job = sbatch.parse_job_id(answer.stdout.decode("utf-8", "replace"))
    job = job if job is not None else await there()
    if job is not None:
        return Outcome(Result.DONE, f"the successor of {name} is job {job} on {plan.host}", str(job))
    failure = slurm_errors.classify(answer.stderr.decode("utf-8", "replace"))
    return Outcome(
        Result.FAILED,
        f"{plan.host} refused the successor of {name}: {failure.message}",
        failure.text,
        failure.remedy,
    )


# -- extending ----------------------------------------------------------------------------


def plan_extend(reservation: Reservation, time: str) -> Plan:
    """The plan that changes the time limit of a reservation's job. Refused with the reason."""
    seconds = values.duration(time)
    if seconds is None:
        raise Refused(f"time {time!r} is not a time limit", "write 4:00:00 or 7-0 (days-hours)")
    job = reservation.job
    if job is None or job.phase.ended:
        raise Refused(
            f"reservation {reservation.name!r} has no live job: {reservation.why or reservation.state}",
            f"book it again: sactui reservations book NAME --host {reservation.host}",
        )
    was = values.duration_text(job.time_limit) if job.time_limit is not None else "unknown"
    text = values.duration_text(seconds)
    return Plan(
        "extend",
        reservation.host,
        reservation.name,
        f"Set the time limit of {reservation.name} to {text}",
        (
            f"Job {job.id}: from {was} to {text}, counted from its start.",
            "Most sites let users lower a limit, and only administrators raise it.",
        ),
        (shlex.join(scontrol.update_command(job.id, {"TimeLimit": text})),),
        Grade.ASK,
        {
            "job_id": job.id,
            "identity": job.identity,
            "seconds": seconds,
            "text": text,
            "before": job.time_limit,
        },
    )


async def extend(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Change the time limit and look whether it changed."""
    data = plan.data
    jobs = await look_at_jobs(host.link, ids=[data["job_id"]])
    job = next((each for each in jobs if each.id == data["job_id"]), None)
    if job is None or job.identity != tuple(data["identity"]):
        raise Refused(f"job {data['job_id']} is not what was confirmed", "look again (r)")
    answer = (await host.link.ask(Section("update", plan.commands[0]), timeout=30))["update"]
    jobs = await look_at_jobs(host.link, ids=[data["job_id"]])
    job = next((each for each in jobs if each.id == data["job_id"]), None)
    # Slurm keeps whole minutes.
    if job is not None and job.time_limit is not None and abs(job.time_limit - data["seconds"]) < 60:
        return Outcome(
            Result.DONE,
            f"{plan.target} has {values.duration_text(job.time_limit)} now",
            f"job {job.id}: {values.duration_text(job.time_limit)}",
        )
    text = answer.stderr.decode("utf-8", "replace")
    raised = data["before"] is not None and data["seconds"] > data["before"]
    try:
        failure = slurm_errors.classify(text)
        why = failure.message
    except SactuiError as error:
        why = error.message
    return Outcome(
        Result.FAILED,
        f"the time limit of {plan.target} was not changed: {why}",
        text.strip(),
        "users may lower a limit, administrators raise it; go on in a further job instead: "
        f"sactui reservations extend {plan.target} --successor"
        if raised
        else "",
    )
