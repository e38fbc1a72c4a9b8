"""What runs when a reservation is booked or released: lease, Slurm, and the look that proves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..domain.fleet import Reservation
from ..domain.state import Phase
from ..errors import Refused
from . import booking
from .hosts import Host
from .plan import Outcome, Plan, Result

if TYPE_CHECKING:
    from .controller import Controller


def plan_book(controller: Controller, request: booking.BookRequest) -> Plan:
    """Plan a booking; Refused when the name is taken by a lease on that host."""
    plan = booking.plan_book(request)
    taken = next(
        (r for r in controller.fleet.reservations if (r.host, r.name) == (request.host, request.name)), None
    )
    if taken is not None:
        raise Refused(
            f"name {request.name!r} is taken: lease {taken.lease_id} (job {taken.job_id}, {taken.state})",
            f"choose another name, or release it: sactui reservations release {request.name}",
        )
    return plan


def plan_release(controller: Controller, reservation: Reservation) -> Plan:
    """Plan a release: what is cancelled and which agents stop."""
    return booking.plan_release(
        reservation.name,
        reservation.host,
        reservation.job,
        reservation.job_id,
        controller.tenants(reservation),
    )


async def book(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Lease first, then sbatch, exactly once."""
    lease = booking.new_lease(plan)
    controller.files.create(lease)
    outcome = await booking.submit(host.link, plan)
    if outcome.result is Result.DONE:
        controller.bind(lease.id, int(outcome.evidence), None)
    elif outcome.result is Result.FAILED:
        controller.files.remove(lease.id)
    controller.compose()
    return outcome


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
        await host.look()
        controller.compose()
        home = controller.reservation(plan.target, plan.host)
        line = f"{plan.target}: {home.state}" + (f" ({home.why})" if home.why else "")
        if progress and line != said:
            progress(line)
            said = line
        if home.phase is Phase.RUNNING and home.panes_at is not None:
            return replace(outcome, message=f"{plan.target} runs on {home.node} (job {home.job_id})")
        if home.phase.ended or home.state == "gone":
            return Outcome(
                Result.FAILED,
                f"{plan.target} ended: {home.state}",
                remedy="see its output under ~/.sactui/logs",
            )
        await asyncio.sleep(0.5)


async def release(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Cancel the job, see it end, and only then remove the lease."""
    outcome = await booking.cancel(host.link, plan)
    if outcome.result is Result.DONE:
        lease = next(
            (x for x in controller.files.leases if (x.host, x.name) == (plan.host, plan.target)), None
        )
        if lease is not None:
            controller.files.remove(lease.id, only_job=lease.job_id)
        outcome = replace(outcome, message=f"{plan.target} is released: {outcome.message}")
    controller.compose()
    return outcome
