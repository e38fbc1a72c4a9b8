"""Agents with a job of their own (``runtime: slurm``): booked, found and ended like a reservation of one."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..domain.fleet import Agent, Problem, Reservation
from ..errors import ProtocolError, Refused, SactuiError
from ..leases import registry
from ..runtimes import agent_job, hold, startup, tenant
from ..spec.definition import AgentDefinition
from ..transport.script import Section
from . import booking, release, reservations, tenants
from .hosts import Host
from .plan import Grade, Outcome, Plan, Result

if TYPE_CHECKING:
    from .controller import Controller


def plan_starts(controller: Controller, definitions: Sequence[AgentDefinition]) -> list[Plan]:
    """One plan, and one job, per agent. Refused for one that has its job already."""
    return [_plan(controller, definition) for definition in definitions]


def _plan(controller: Controller, definition: AgentDefinition) -> Plan:
    name = definition.name
    home = _home(controller, name)
    if home is not None and not home.phase.ended and home.state != "gone":
        raise Refused(
            f"{name} has its job already: {home.job_id or 'not known yet'}, {home.state}",
            f"attach to it, or end it first: sactui stop {name}",
        )
    request = booking.BookRequest(name, _host(controller, definition), agent_job.options(definition))
    plan = reservations.plan_book(controller, request)
    impact = [
        f"Submits one job on {request.host}; the agent starts in it as soon as it runs.",
        *(
            [f"It submits its successor before its end: {request.options.generations} jobs at most."]
            if request.options.persistent
            else []
        ),
    ]
    if definition.slurm.auto_resubmit and not request.options.persistent:
        impact.append(f"{definition.slurm.time_limit} is too short for a successor: it submits none.")
    return replace(
        plan,
        kind="start-job",
        title=f"Start {name} as a job on {request.host}",
        impact=tuple(impact),
        data={**plan.data, "names": [name], "definition": definition},
    )


def _home(controller: Controller, name: str) -> Reservation | None:
    return next((r for r in controller.fleet.reservations if r.name == name), None)


def _host(controller: Controller, definition: AgentDefinition) -> str:
    """Where its job is submitted: the host the definition prefers, else the only one there is."""
    known = [host.name for host in controller.fleet.hosts]
    for host in (*definition.host, *definition.hosts):
        if host in known:
            return host
    if definition.host or definition.hosts:
        return (*definition.host, *definition.hosts)[0]
    if len(known) == 1:
        return known[0]
    raise Refused(
        f"{definition.name} may run on any host, and {len(known)} are known: {', '.join(known) or 'none'}",
        "say which: sactui --host H start ..., or spec.host in its definition",
    )


async def run_start(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Look for its hooks, put the agent's own file there, and submit its job, exactly once."""
    definition: AgentDefinition = plan.data["definition"]
    launch = tenants.launch(definition)
    token, path = secrets.token_hex(8), shlex.quote(agent_job.launcher_path(plan.data["uuid"]))
    text = agent_job.launcher(definition, launch)
    script = (
        f"{agent_job.missing_script(agent_job.hooks(definition))}"
        f"cd \"$HOME\" && (umask 077; mkdir -p {hold.RUN} && cat >{path} <<'{token}'\n{text}{token}\n) "
        f"{_told(definition, plan.data['uuid'], token)}&& echo ready"
    )
    answer = (await host.link.ask(Section("agent", script)))["agent"]
    said = answer.stdout.decode("utf-8", "replace").splitlines()
    if not answer.complete or (said and said[-1] != "ready") or not said:
        raise ProtocolError(
            f"{host.link.host}: the agent's file could not be written", "check the quota of ~"
        )
    if missing := said[:-1]:
        await host.link.ask(Section("agent", f'cd "$HOME" && rm -f {path}'))
        raise Refused(
            f"{definition.name} was not submitted: {', '.join(missing)} cannot be read on {host.link.host}",
            "mend spec.slurm.hooks; ~ is the home directory there",
        )
    outcome = await reservations.book(controller, host, plan)
    if outcome.result is Result.FAILED:
        await host.link.ask(Section("agent", f'cd "$HOME" && rm -f {path}'))
    elif outcome.result is Result.DONE and outcome.evidence:
        _remember(controller, plan, outcome.evidence)
    return outcome


def _told(definition: AgentDefinition, uuid: str, token: str) -> str:
    """Shell text that puts the agent's first words beside its file; empty when there are none."""
    if not startup.wanted(definition.startup):
        return ""
    text = startup.script(definition.startup)
    path = shlex.quote(agent_job.startup_path(uuid))
    return f"&& (umask 077; cat >{path} <<'{token}'\n{text}{token}\n) "


async def run_stop(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Cancel its job and every successor, see them end, and forget them."""
    outcome = await release.release(controller, host, plan)
    if outcome.result is Result.DONE:
        outcome = replace(outcome, message=outcome.message.replace("is released", "is stopped"))
        _remember(controller, plan, "")
    return outcome


def _remember(controller: Controller, plan: Plan, job_id: str) -> None:
    """Keep the reference's files true: what runs is in them, what was seen to end is not."""
    states = controller.configuration.slurm_state_directory
    entries = controller.configuration.registry_directory
    name = plan.target
    try:
        if not job_id:
            registry.clear_slurm_state(states, name)
            registry.unregister(entries, name)
            return
        definition: AgentDefinition = plan.data["definition"]
        script = plan.data["path"]
        said = f"Submitted batch job {job_id}"
        registry.save_slurm_state(states, registry.SlurmState(name, job_id, script, said))
        entry = registry.Entry(name, definition.path, 0, registry.timestamp(), tenant.session(name))
        registry.register(entries, entry)
    except SactuiError as error:
        controller.files.add_problem(Problem("registry", str(states), error.message, error.remedy))


def plan_stops(controller: Controller, agents: Sequence[Agent]) -> list[Plan]:
    """One plan per agent: its job is cancelled, with its successors; nothing is submitted again."""
    plans = []
    for agent in agents:
        home = _home(controller, agent.name)
        if home is None:
            raise Refused(f"{agent.name} has no job: nothing of it runs")
        plan = release.plan_release(controller, home)
        plans.append(
            replace(
                plan,
                kind="stop-job",
                title=f"Stop {agent.name}",
                impact=(*plan.impact, "Its screen and unsaved work are lost; no successor is submitted."),
                grade=Grade.ASK,
            )
        )
    return plans
