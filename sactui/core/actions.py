"""The actions: a plan's kind names what runs it. The one gate through which every change goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..errors import Refused, SactuiError, SettingsError
from . import (
    adoption,
    agent_jobs,
    attaching,
    heirs,
    job_actions,
    release,
    remote_files,
    reservations,
    tenants,
)
from .hosts import Host
from .plan import Outcome, Plan, Result

if TYPE_CHECKING:
    from .controller import Controller

#: Runs one plan on its host and proves what came of it by looking.
Runner = Callable[["Controller", Host, Plan], Awaitable[Outcome]]

RUNNERS: dict[str, Runner] = {
    "book": reservations.book,
    "release": release.release,
    "adopt": adoption.adopt,
    "restore": adoption.restore,
    "successor": heirs.submit,
    "extend": heirs.extend,
    "purge": remote_files.purge,
    "start": tenants.run_start,
    "stop": tenants.run_stop,
    "restart": tenants.run_restart,
    "start-job": agent_jobs.run_start,
    "stop-job": agent_jobs.run_stop,
    "send": attaching.send,
    **job_actions.RUNNERS,
}


async def run(
    controller: Controller,
    plan: Plan,
    *,
    wait: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Run one plan: refused when read-only; verified by looking; audited; looked at again.

    Errors become an outcome: what is shown is the same on the screen and in the CLI.
    """
    if controller.configuration.read_only:
        raise Refused(f"{plan.title}: sactui runs read-only", "start it without --read-only")
    runner = RUNNERS.get(plan.kind)
    if runner is None:
        raise SettingsError(f"there is no action {plan.kind!r}")
    host = await controller.host(plan.host)
    try:
        # Whoever asks for a change is the person that a refused login waits for.
        host.link.retry_now()
        await host.link.ready()
        outcome = await runner(controller, host, plan)
    except SactuiError as error:
        unsure = error.layer in ("ssh", "timeout", "controller")
        outcome = Outcome(
            Result.UNKNOWN if unsure else Result.FAILED,
            f"{plan.title}: {error.message}",
            "",
            error.remedy,
        )
    controller.audit.write(plan, outcome)
    host.poller.look_now()
    if wait and plan.kind == "book" and outcome.result is Result.DONE:
        return await reservations.follow(controller, host, plan, outcome, progress)
    return outcome
