"""What runs when a reservation is booked, followed and kept: lease, Slurm, and the look that proves it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import clock
from ..domain.fleet import Reservation
from ..domain.state import Phase
from ..domain.text import visible
from ..errors import LeaseError, Refused, SactuiError, SlurmError, TransportError
from ..leases.lease import Lease, lease_id
from ..slurm import environment, sbatch
from ..slurm import errors as slurm_errors
from ..transport.script import Section
from . import adoption, booking, fitting, heirs, succession
from .hosts import Host
from .jobs import look_at_jobs
from .limits import FRESH
from .observation import HostPicture
from .plan import Outcome, Plan, Result

if TYPE_CHECKING:
    from .controller import Controller


def plan_book(controller: Controller, request: booking.BookRequest) -> Plan:
    """Plan a booking; Refused when the name is taken by a lease on that host.

    A booking that was interrupted before its job was known is continued under its uuid.
    """
    before = lease_of(controller, request.host, request.name)
    if before is not None and booking.interrupted(before):
        note = "An earlier booking of this name was interrupted: its job is looked for first."
        return booking.plan_book(request, uuid=succession.uuid_of(before), notes=[note])
    if before is not None:
        taken = next((r for r in controller.fleet.reservations if r.lease_id == before.id), None)
        state = f"job {before.job_id or 'not known'}, {taken.state if taken else 'unknown'}"
        raise Refused(
            f"name {request.name!r} is taken: lease {before.id} ({state})",
            f"choose another name, or release it: sactui reservations release {request.name}",
        )
    return booking.plan_book(request)


async def prepare_book(controller: Controller, request: booking.BookRequest) -> Plan:
    """Plan a booking after asking the site whether it fits, and when it would start.

    Raises Refused with every reason why Slurm would refuse it or never start it. What the
    site does not say is not judged.
    """
    return await _checked(controller, await controller.host(request.host), plan_book(controller, request))


async def _checked(controller: Controller, host: Host, plan: Plan) -> Plan:
    request: booking.BookRequest = plan.data["request"]
    options = request.options
    try:
        await host.link.ready()
        limits = await host.limits.get(FRESH)
    except TransportError:
        raise
    except SactuiError as error:
        note = f"Whether it fits is not known: {error.message}"
        return booking.plan_book(request, uuid=plan.data["uuid"], notes=[note], checked=True)
    wish = fitting.wish_of(options, submits=2 if options.persistent else 1, from_nodes=options.persistent)
    submitted = sum(not job.phase.ended for _, job in controller.fleet.jobs if _ == request.host)
    misfits = fitting.check(wish, limits, submitted=submitted)
    notes = []
    if options.persistent and (alone := [each for each in misfits if each.field == "persistent"]):
        # The job cannot submit the next one, but whoever watches it can.
        misfits = [each for each in misfits if each.field != "persistent"]
        request = replace(request, options=replace(options, self_submitting=False))
        notes += [f"{each.what}: its successor is submitted from here." for each in alone]
    blocking = [each for each in misfits if each.blocks]
    if blocking:
        raise Refused(
            f"{request.host} would not run {request.name}: " + "; ".join(e.what for e in blocking),
            "\n".join(dict.fromkeys(f"{each.field}: {each.remedy}" for each in blocking if each.remedy)),
        )
    notes += [f"{each.what} ({each.remedy})." for each in misfits]
    notes += [await _estimate(host, plan)]
    return booking.plan_book(
        request, uuid=plan.data["uuid"], notes=[note for note in notes if note], checked=True
    )


async def _estimate(host: Host, plan: Plan) -> str:
    """What ``sbatch --test-only`` says of the start, or why it says nothing."""
    argv = [word for word in plan.data["argv"] if not word.startswith("--comment=")][:-2]
    script = f'cd "$HOME" && {environment.BEFORE_SUBMIT}printf "#!/bin/sh\\n:\\n" | ' + shlex.join(
        [argv[0], "--test-only", *argv[1:]]
    )
    try:
        answer = (await host.link.ask(Section("estimate", script, timeout=20), timeout=25))["estimate"]
    except TransportError as error:
        return f"When it would start is not known: {error.message}"
    text = answer.stderr.decode("utf-8", "replace")
    found = sbatch.parse_estimate(text)
    if found is not None:
        if found.start_at is None:
            return ""
        wait = found.start_at - clock.now()
        when = "at once" if wait < 60 else f"at {fitting.clock_text(found.start_at, clock.now())}"
        return f"Slurm expects it to start {when} on {found.node_list}."
    if answer.exit_status and answer.complete:
        # Not a refusal: jobs that can only wait (drained nodes) have no estimate either.
        return f"Slurm gives no time of its start: {slurm_errors.classify(text).message}"
    return "When it would start is not known."


async def book(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Lease first, then sbatch, exactly once; then what was granted is compared with what was asked."""
    if not plan.data["checked"]:
        plan = await _checked(controller, host, plan)
    lease = booking.new_lease(plan)
    if found := await _continued(controller, host, plan, lease):
        return found
    booking.UNDER_WAY.add(plan.data["uuid"])
    try:
        outcome = await booking.submit(host.link, plan)
    finally:
        booking.UNDER_WAY.discard(plan.data["uuid"])
    if outcome.result is Result.DONE:
        controller.bind(lease.id, int(outcome.evidence), None)
        outcome = await _granted(controller, host, plan, lease, outcome)
    elif outcome.result is Result.FAILED:
        controller.files.remove(lease.id, only_job="")
    controller.compose()
    return outcome


async def _continued(controller: Controller, host: Host, plan: Plan, lease: Lease) -> Outcome | None:
    """Write the lease; the outcome when an interrupted booking had submitted its job already."""
    controller.files.read_leases()
    before = lease_of(controller, plan.host, plan.target)
    if before is None or not booking.interrupted(before):
        controller.files.create(lease)
        return None
    if succession.uuid_of(before) != plan.data["uuid"]:
        raise Refused(f"the lease {before.id} has changed meanwhile", "look again (r)")
    job = await booking.find(host.link, plan.target, plan.data["uuid"])
    if job is not None:
        controller.bind(lease.id, job, None)
        controller.compose()
        return Outcome(
            Result.DONE, f"{plan.target} had been submitted: it is job {job} on {plan.host}", str(job)
        )

    def take(now: Lease) -> Lease:
        if not booking.interrupted(now):
            raise LeaseError(f"another sactui books {plan.target} at this moment", "look again (r)")
        return lease

    controller.files.update(before.id, take)
    return None


async def _granted(controller: Controller, host: Host, plan: Plan, lease: Lease, outcome: Outcome) -> Outcome:
    try:
        jobs = await look_at_jobs(host.link, ids=[int(outcome.evidence)])
    except SactuiError:
        return outcome  # it is there; what it was granted is shown by the next look
    job = next((job for job in jobs if job.id == int(outcome.evidence)), None)
    if job is None:
        return outcome
    changed = booking.differences(plan.data["request"], job)
    if not changed:
        return outcome
    controller.files.update(lease.id, lambda now: now.with_ours(changed=list(changed)))
    return replace(outcome, message=f"{outcome.message}; the site gave {', '.join(changed)}")


async def follow(
    controller: Controller,
    host: Host,
    plan: Plan,
    outcome: Outcome,
    progress: Callable[[str], None] | None,
) -> Outcome:
    """Follow a new reservation until it runs, and has its tmux server, or has ended."""
    said = ""
    while True:
        if await _left(controller, host):
            name = shlex.quote(plan.target)
            return replace(
                outcome,
                message=f"{outcome.message}; it waits without you, and its lease is kept",
                remedy=f"see it: sactui reservations show {name}",
            )
        controller.compose()
        home = controller.reservation(plan.target, plan.host)
        line = f"{plan.target}: {home.state}" + (f" ({home.why})" if home.why else "")
        if home.phase is Phase.PENDING and home.job is not None and home.job.expected_start:
            line += f"; expected {fitting.clock_text(home.job.expected_start, clock.now())}"
        if progress and line != said:
            progress(line)
            said = line
        if home.phase is Phase.RUNNING and home.panes_at is not None:
            report = home.report
            warning = "".join(f"\n{each}" for each in report.warnings) if report else ""
            message = outcome.message.partition(f" is job {home.job_id} on {plan.host}")[2]
            return replace(
                outcome,
                message=f"{plan.target} runs on {home.node} (job {home.job_id}){message}",
                remedy=f"{outcome.remedy}{warning}".strip(),
            )
        if home.phase.ended or home.state == "gone":
            return Outcome(
                Result.FAILED,
                f"{plan.target} ended: {home.state}",
                await _last_words(host, home),
                f"its output is in ~/.sactui/logs/{home.name}-{home.job_id}.out there; "
                "release it, and book it again",
            )
        await asyncio.sleep(0.5)


async def _left(controller: Controller, host: Host) -> bool:
    """Look; True when whoever waits has left meanwhile."""
    look = asyncio.ensure_future(host.look())
    leave = asyncio.ensure_future(controller.leave.wait())
    try:
        await asyncio.wait({look, leave}, return_when=asyncio.FIRST_COMPLETED)
        if look.done():
            look.result()
        return leave.done()
    finally:
        for task in (look, leave):
            task.cancel()
        await asyncio.gather(look, leave, return_exceptions=True)


async def _last_words(host: Host, home: Reservation) -> str:
    """The end of the job's output, without its control bytes; empty when it cannot be read."""
    name = shlex.quote(f".sactui/logs/{home.name}-{home.job_id}.out")
    try:
        answer = (await host.link.ask(Section("log", f'cd "$HOME" && tail -n 12 {name}'), timeout=15))["log"]
    except SactuiError:
        return ""
    lines = answer.stdout.decode("utf-8", "replace").splitlines()
    return "\n".join(visible(line) for line in lines)


def lease_of(controller: Controller, host: str, name: str) -> Lease | None:
    """The lease of that host and name, or of the id that they would make."""
    wanted = lease_id(host, name)
    return next(
        (x for x in controller.files.leases if (x.host, x.name) == (host, name) or x.id == wanted), None
    )


def bind_leases(controller: Controller, picture: HostPicture) -> None:
    """After a look at the queue: every lease names the job that is its own now.

    Jobs of ours whose lease is gone get one; successors that are due here are submitted.
    """
    jobs = picture.jobs.value
    if picture.jobs.trouble is not None or jobs is None or controller.configuration.read_only:
        return
    for lease in controller.files.leases:
        if lease.host != picture.host:
            continue
        if succession.follow(lease, jobs, picture.servers) is not lease:
            try:
                controller.files.update(lease.id, lambda now: succession.follow(now, jobs, picture.servers))
            except LeaseError:
                continue  # released meanwhile by another program
    adoption.adopt_lost(controller, picture)
    heirs.submit_due(controller, picture)


__all__ = ["SlurmError", "bind_leases", "book", "follow", "lease_of", "plan_book", "prepare_book"]
