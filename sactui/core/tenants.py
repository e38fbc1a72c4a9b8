"""Starting, stopping and reading agents inside a reservation: one exchange each, then a look."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import clock
from ..domain.fleet import Agent, Problem, Reservation
from ..domain.pane import Pane, Server
from ..domain.state import Phase
from ..errors import Refused, SactuiError
from ..leases import registry
from ..runtimes import claude, tenant
from ..spec.definition import AgentDefinition
from .hosts import Host
from .plan import Grade, Outcome, Plan, Result, together
from .steps import Allocation, Steps

if TYPE_CHECKING:
    from .controller import Controller

#: An agent counts as started when its program still runs this many seconds later.
PROOF = 0.7


def allocation(reservation: Reservation) -> Allocation:
    """The allocation behind a reservation; refuses with the reason and the remedy."""
    job = reservation.job
    name = reservation.name
    if not reservation.tmux_server:
        raise Refused(
            f"reservation '{name}' was not booked with tmux_server set",
            "release it and book it again: "
            f"sactui reservations book {name} --host {reservation.host} --tmux-server sac",
        )
    if job is None or reservation.job_id is None:
        raise Refused(
            f"reservation '{name}' has no live job: {reservation.why or reservation.state}",
            f"look again (r), or book it: sactui reservations book {name} --host {reservation.host}",
        )
    if job.phase is not Phase.RUNNING:
        raise Refused(
            f"reservation '{name}' (job {job.id}) is {reservation.state}: {reservation.why or job.reason}",
            "agents start when it runs",
        )
    return Allocation(job.id, job.batch_host, reservation.tmux_server)


def launch(definition: AgentDefinition) -> tenant.Launch:
    """What a definition starts on the node."""
    options = definition.claude
    argv = definition.command or claude.argv(
        definition.model,
        session=options.session,
        flags=options.flags,
        channels=options.channels,
        resume_id=options.resume_id,
    )
    # The directory of the definition means something only where both share a file system.
    directory = str(Path(definition.path).parent)
    argv = tuple(word.replace("${SACTUI_AGENT_DIR}", directory) for word in argv)
    return tenant.Launch(
        definition.name, argv, definition.workdir, definition.environment, startup=definition.startup
    )


def plan_start(definitions: Sequence[AgentDefinition], reservation: Reservation) -> Plan:
    """The plan that starts agents into one reservation. Refused without a live server."""
    place = allocation(reservation)
    launches = [launch(definition) for definition in definitions]
    names = [item.name for item in launches]
    return Plan(
        "start",
        reservation.host,
        ", ".join(names),
        f"Start {', '.join(names)} in {reservation.name}",
        (f"Starts {_count(len(names))} on {reservation.node} in job {place.job_id} of {reservation.name}.",),
        tuple(
            shlex.join(["tmux", "-L", place.socket, "new-session", "-d", "-s", tenant.session(item.name)])
            + "  "
            + shlex.join(item.argv)
            for item in launches
        ),
        Grade.ASK,
        {"names": names, "allocation": place, "launches": launches},
    )


def plan_stop(agents: Sequence[tuple[str, str]], reservation: Reservation) -> Plan:
    """The plan that stops agents; ``agents`` are (name, state). The reservation stays."""
    place = allocation(reservation)
    names = [name for name, _ in agents]
    listed = ", ".join(f"{name} ({state})" for name, state in agents)
    return Plan(
        "stop",
        reservation.host,
        ", ".join(names),
        f"Stop {', '.join(names)}",
        (
            f"Ends {_count(len(names))} in {reservation.name}: {listed}.",
            "Their screens and unsaved work are lost. The reservation and every other agent stay.",
        ),
        tuple(
            shlex.join(["tmux", "-L", place.socket, "kill-session", "-t", f"={tenant.session(name)}"])
            for name in names
        ),
        Grade.ASK if len(names) <= 3 else Grade.TYPE,
        {"names": names, "allocation": place},
    )


def _count(number: int) -> str:
    return "one agent" if number == 1 else f"{number} agents"


async def start(steps: Steps, plan: Plan) -> Outcome:
    """Start all agents of a plan in one exchange, and prove it by a second look."""
    place: Allocation = plan.data["allocation"]
    names: list[str] = plan.data["names"]
    script = tenant.start_script(plan.data["launches"], place.socket, secrets.token_hex(8))
    said = tenant.outcome(await steps.run(place, script))
    # What cannot be rushed: a program that dies at once looks started until it has died.
    await asyncio.sleep(PROOF)
    server = await steps.look(place, None)
    panes = {name: pane_of(server, name) for name in names}
    # The last words of a dead pane: tmux scrolls the first line away when it marks the end.
    words = {
        name: await log_text(steps, place, name, 20)
        for name, pane in panes.items()
        if pane is not None and pane.dead
    }
    return together(
        {name: _started(name, said.get(name), panes[name], words.get(name, "")) for name in names}, "started"
    )


def _started(name: str, said: tuple[str, str] | None, pane: Pane | None, screen: str) -> Outcome:
    word, detail = said or ("", "")
    if word == "failed" and "duplicate session" in detail:
        word = "there"  # another console was quicker by a moment
    if word == "failed" or pane is None:
        return Outcome(
            Result.FAILED,
            f"{name} did not start: {detail or 'no session of it is on the node'}",
            remedy="see the agent's definition (y)",
        )
    if pane.dead:
        status = f"exit {pane.exit_status}" if pane.exit_status is not None else f"signal {pane.exit_signal}"
        return Outcome(
            Result.FAILED,
            f"{name} ended at once: {status}",
            screen,
            "its last screen says why; on 'not found', give the reservation a setup that loads its modules",
        )
    if word == "there":
        return Outcome(Result.DONE, f"{name} was already running", f"pane {pane.pane_id} alive")
    return Outcome(Result.DONE, f"{name} is running", f"pane {pane.pane_id} alive after {PROOF} s")


def pane_of(server: Server, name: str) -> Pane | None:
    """The pane of an agent: the one marked as its own, else the first of its session."""
    session = tenant.session(name)
    panes = [pane for pane in server.panes if pane.session == session]
    marked = [pane for pane in panes if pane.label == name]
    return next(iter(marked or panes), None)


async def stop(steps: Steps, plan: Plan) -> Outcome:
    """Stop the agents of a plan in one exchange, and look whether they are gone."""
    place: Allocation = plan.data["allocation"]
    names: list[str] = plan.data["names"]
    said = tenant.outcome(await steps.run(place, tenant.stop_script(names, place.socket)))
    server = await steps.look(place, None)
    return together({name: _stopped(name, said.get(name), server) for name in names}, "stopped")


def _stopped(name: str, said: tuple[str, str] | None, server: Server) -> Outcome:
    if pane_of(server, name) is not None:
        return Outcome(
            Result.FAILED, f"{name} is still there", said[1] if said else "", "attach (a) and look"
        )
    if said is not None and said[0] == "absent":
        return Outcome(Result.DONE, f"{name} was not running", "no session of it on the node")
    return Outcome(Result.DONE, f"{name} is stopped", f"no session of it at {clock.now():.0f}")


async def log_text(steps: Steps, place: Allocation, name: str, lines: int) -> str:
    """The last ``lines`` lines of content of an agent's pane: history and visible screen.

    A screen is padded with blank rows; several in a row count, and are shown, as one.
    """
    text = await steps.run(place, tenant.logs_script(name, place.socket, lines))
    rows: list[str] = []
    for row in text.strip("\n").splitlines():
        row = row.rstrip()
        if row or (rows and rows[-1]):
            rows.append(row)
    return "\n".join(rows[-lines:])


# -- as the controller calls them ---------------------------------------------------------


def plan_starts(controller: Controller, definitions: Sequence[AgentDefinition]) -> list[Plan]:
    """Plans to start tenants: one per reservation."""
    groups: dict[tuple[str, str], list[AgentDefinition]] = {}
    homes: dict[tuple[str, str], Reservation] = {}
    for definition in definitions:
        home = controller.reservation(definition.reservation)
        homes[home.key] = home
        groups.setdefault(home.key, []).append(definition)
    plans = [plan_start(group, homes[key]) for key, group in groups.items()]
    return [_with_stale(controller, plan) for plan in plans]


def _with_stale(controller: Controller, plan: Plan) -> Plan:
    """Say it when what starts is not what the file says now."""
    stale = [name for name in plan.data["names"] if name in controller.files.stale]
    if not stale:
        return plan
    note = f"The file of {', '.join(stale)} is broken: the version that was read last is started."
    return replace(plan, impact=(note, *plan.impact))


def plan_stops(controller: Controller, agents: Sequence[Agent]) -> list[Plan]:
    """Plans to stop tenants: one per reservation."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    homes: dict[tuple[str, str], Reservation] = {}
    for agent in agents:
        if not agent.reservation or not agent.host:
            raise Refused(f"{agent.name} has no reservation: nothing of it runs")
        home = controller.reservation(agent.reservation, agent.host)
        homes[home.key] = home
        groups.setdefault(home.key, []).append((agent.name, agent.state.value))
    return [plan_stop(group, homes[key]) for key, group in groups.items()]


def place(controller: Controller, agent: Agent) -> tuple[str, Allocation]:
    """(host, allocation) of a tenant that has a session; Refused with the reason otherwise."""
    if not agent.reservation or not agent.host:
        raise Refused(f"{agent.name} is not running: {agent.verdict.why}", "start it (s)")
    home = controller.reservation(agent.reservation, agent.host)
    found = allocation(home)
    if agent.pane is None:
        raise Refused(f"{agent.name} has no session in {home.name}", "start it (s)")
    return home.host, found


def plan_restarts(controller: Controller, definitions: Sequence[AgentDefinition]) -> list[Plan]:
    """Plans to stop tenants where they run, and to start them again as their files say now."""
    plans = []
    for plan in plan_starts(controller, definitions):
        names: list[str] = plan.data["names"]
        agents = {agent.name: agent for agent in controller.fleet.agents}
        alive = [name for name in names if name in agents and agents[name].state.alive]
        note = (
            f"Ends {', '.join(f'{name} ({agents[name].state.value})' for name in alive)} first; "
            "what is not saved there is lost."
            if alive
            else "None of them runs now."
        )
        place: Allocation = plan.data["allocation"]
        kills = tuple(
            shlex.join(["tmux", "-L", place.socket, "kill-session", "-t", f"={tenant.session(name)}"])
            for name in alive
        )
        plans.append(
            replace(
                plan,
                kind="restart",
                title=plan.title.replace("Start", "Restart", 1),
                impact=(note, *plan.impact),
                commands=(*kills, *plan.commands),
                grade=Grade.ASK if len(alive) <= 3 else Grade.TYPE,
            )
        )
    return plans


async def run_start(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Run a plan of :func:`plan_start`, one agent after the other when a person wants it so."""
    wait = controller.configuration.stagger
    launches: list[tenant.Launch] = plan.data["launches"]
    if wait <= 0 or len(launches) < 2:
        outcome = await start(host.steps, plan)
    else:
        parts: dict[str, Outcome] = {}
        for index, item in enumerate(launches):
            if index:
                await asyncio.sleep(wait)
            one = replace(plan, data={**plan.data, "names": [item.name], "launches": [item]})
            try:
                parts[item.name] = await start(host.steps, one)
            except SactuiError as error:
                parts[item.name] = Outcome(Result.UNKNOWN, f"{item.name}: {error.message}", "", error.remedy)
        outcome = together(parts, "started")
    _note(controller, plan, outcome, started=True)
    return outcome


async def run_stop(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Run a plan of :func:`plan_stop`."""
    outcome = await stop(host.steps, plan)
    _note(controller, plan, outcome, started=False)
    return outcome


async def run_restart(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Stop, see that they are gone, and only then start."""
    stopped = await stop(host.steps, plan)
    if stopped.result is not Result.DONE:
        return replace(stopped, message=f"nothing was started: {stopped.message}")
    return await run_start(controller, host, plan)


def _note(controller: Controller, plan: Plan, outcome: Outcome, *, started: bool) -> None:
    """Keep the reference's registry true: only what was seen is written, or removed."""
    directory = controller.configuration.registry_directory
    parts = outcome.parts or ((plan.data["names"][0], outcome),)
    for name, part in parts:
        if part.result is not Result.DONE:
            continue
        try:
            if started:
                definition = controller.files.definitions.get(name)
                path = definition.path if definition else ""
                entry = registry.Entry(name, path, 0, registry.timestamp(), tenant.session(name))
                registry.register(directory, entry)
            else:
                registry.unregister(directory, name)
        except SactuiError as error:
            controller.files.add_problem(Problem("registry", str(directory), error.message, error.remedy))
