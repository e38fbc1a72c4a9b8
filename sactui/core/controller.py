"""The headless console: hosts, definitions, leases and actions; two front ends use it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace

from ..domain.fleet import Agent, Fleet, Problem, Reservation
from ..domain.job import Job
from ..domain.state import Link, Phase
from ..errors import Refused, SactuiError, SettingsError
from ..runtimes import tenant
from ..slurm import srun
from ..spec import rules
from ..spec.definition import AgentDefinition
from ..spec.watching import watch
from ..transport.base import Asker, Terminal, Transport
from ..transport.choice import choose
from . import booking, tenants
from .audit import Audit
from .configuration import Configuration
from .files import Files
from .link import HostLink
from .observation import HostPicture
from .plan import Outcome, Plan, Result
from .poller import HostPoller, Wanted, running
from .steps import Allocation, Steps
from .store import assemble
from .terminals import LeavingTerminal


class _Host:
    """One host's link, steps, poller and the task that runs it."""

    def __init__(self, link: HostLink, steps: Steps, poller: HostPoller) -> None:
        self.link, self.steps, self.poller = link, steps, poller
        self.task: asyncio.Task[None] | None = None


class Controller:
    """Owns every connection and task. ``async with controller:`` starts and ends them.

    ``listen`` callbacks get each new :class:`Fleet`. Nothing here imports a user
    interface.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        asker: Asker | None = None,
        open_transport: Callable[[str], Awaitable[Transport]] | None = None,
    ) -> None:
        self.configuration = configuration
        self.fleet = Fleet()
        self.files = Files(configuration.agent_directories, configuration.lease_directory)
        self._asker = asker
        self._open_transport = open_transport or self._choose
        self._hosts: dict[str, _Host] = {}
        self._pictures: dict[str, HostPicture] = {}
        self._rules = rules.load_rules()
        self._audit = Audit(configuration.state_directory)
        self._listeners: list[Callable[[Fleet], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._compose_due = False

    async def _choose(self, host: str) -> Transport:
        return await choose(host, ssh_config=self.configuration.ssh_config, asker=self._asker)

    # -- life -------------------------------------------------------------------------

    async def start(self, *, polling: bool = True) -> None:
        """Read the files, open a link per host, and begin to look."""
        self.files.read()
        names = list(dict.fromkeys([*self.configuration.hosts, *(lease.host for lease in self.files.leases)]))
        for name in names:
            await self._add_host(name, polling)
        if self.configuration.follow_files:
            self._own(self._follow_files())
        self._compose()

    async def _add_host(self, name: str, polling: bool) -> _Host:
        transport = await self._open_transport(name)
        link = HostLink(transport, lambda: self._link_changed(name))
        steps = Steps(link)
        poller = HostPoller(link, steps, self._wanted, self._seen, self.configuration.interval)
        host = _Host(link, steps, poller)
        self._hosts[name] = host
        self._pictures[name] = poller.picture
        if polling:
            host.task = asyncio.create_task(poller.run(), name=f"poll {name}")
            host.task.add_done_callback(self._ended)
        return host

    async def close(self) -> None:
        """End every task, step and connection; returns when they are gone."""
        self._stop.set()
        tasks = [*self._tasks, *(host.task for host in self._hosts.values() if host.task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(self._close_host(host) for host in self._hosts.values()))

    async def _close_host(self, host: _Host) -> None:
        try:
            async with asyncio.timeout(5):
                await host.steps.close()
        except (TimeoutError, SactuiError):
            pass  # the connection below takes the steps with it
        await host.link.close()

    async def __aenter__(self) -> Controller:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that broke is a problem on the screen, never silence."""
        if not task.cancelled() and (error := task.exception()) is not None:
            what = f"sactui itself broke in '{task.get_name()}': {type(error).__name__}: {error}"
            self.files.add_problem(Problem("sactui", "sactui", what, "restart sactui, and report this"))
            self._compose_soon()
            asyncio.get_running_loop().call_exception_handler(
                {"message": what, "exception": error, "task": task}
            )

    # -- pictures ---------------------------------------------------------------------

    def listen(self, callback: Callable[[Fleet], None]) -> None:
        """Call ``callback`` with every new fleet, from the event loop."""
        self._listeners.append(callback)

    def _seen(self, picture: HostPicture) -> None:
        self._pictures[picture.host] = picture
        # Another console, or scitex-hpc, may have changed them: a directory of a few files.
        self.files.read_leases()
        self._bind_leases(picture)
        self._compose_soon()

    def _link_changed(self, name: str) -> None:
        if name in self._hosts:
            self._hosts[name].poller.link_changed()

    def _wanted(self, picture: HostPicture) -> Wanted:
        jobs = running(picture.jobs.value or ())
        places = []
        for lease in self.files.leases:
            job = jobs.get(lease.job) if lease.job is not None else None
            if lease.host == picture.host and job is not None and lease.tmux_server:
                places.append(Allocation(job.id, job.batch_host, lease.tmux_server))
        return Wanted(tuple(places))

    def _bind_leases(self, picture: HostPicture) -> None:
        """A lease is bound to the job that carries its mark: after a lost answer, and to its node."""
        if picture.jobs.trouble is not None or picture.jobs.value is None:
            return
        for lease in self.files.leases:
            uuid = lease.ours.get("uuid")
            if lease.host != picture.host or not uuid:
                continue
            job = booking.marked(picture.jobs.value, str(uuid))
            if job is None or job.phase.ended:
                continue
            if booking.bound_lease(lease, job.id, job) != lease:
                self._bind(lease.id, job.id, job)

    def _bind(self, identifier: str, job_id: int, job: Job | None) -> None:
        self.files.update(identifier, lambda lease: booking.bound_lease(lease, job_id, job))

    def _compose_soon(self) -> None:
        """Several sections of one refresh become one new fleet."""
        if not self._compose_due:
            self._compose_due = True
            asyncio.get_running_loop().call_soon(self._compose)

    def _compose(self) -> None:
        self._compose_due = False
        self.fleet = assemble(
            self._pictures,
            self.files.leases,
            tuple(self.files.definitions.values()),
            self.files.problems,
            self._rules,
            self.fleet,
        )
        for listener in self._listeners:
            listener(self.fleet)

    # -- files ------------------------------------------------------------------------

    async def _follow_files(self) -> None:
        async with aclosing(watch(self.configuration.agent_directories, self._stop)) as changes:
            async for _ in changes:
                self.files.read()
                for lease in self.files.leases:
                    if lease.host not in self._hosts:
                        await self._add_host(lease.host, polling=True)
                self._compose()

    # -- looking ----------------------------------------------------------------------

    def look_now(self) -> None:
        """Look at everything at once, and read all files again."""
        self.files.read()
        self._compose()
        for host in self._hosts.values():
            host.poller.look_now()

    async def refresh(self) -> None:
        """One look at every host without the poller; one dead host never delays another."""
        await asyncio.gather(*(host.poller.refresh() for host in self._hosts.values()))
        self._compose()

    def watch_agents(self, watched: bool) -> None:
        """Say whether agents' screens are on display: the pace is brisk meanwhile."""
        for host in self._hosts.values():
            host.poller.watch(watched)

    def agent(self, name: str) -> Agent:
        """The agent of that exact name; Refused when there is none, or more than one."""
        found = [agent for agent in self.fleet.agents if agent.name == name]
        if len(found) != 1:
            names = ", ".join(sorted(agent.name for agent in self.fleet.agents)) or "none"
            raise Refused(
                f"there {'is no' if not found else 'are several'} agent {name!r}", f"known agents: {names}"
            )
        return found[0]

    def reservation(self, name: str, host: str = "") -> Reservation:
        """The reservation of that name (or lease id); Refused when there is none, or more than one."""
        found = [
            r
            for r in self.fleet.reservations
            if name in (r.name, r.lease_id) and (not host or r.host == host)
        ]
        if len(found) != 1:
            names = ", ".join(r.lease_id for r in self.fleet.reservations) or "none"
            raise Refused(
                f"there {'is no' if not found else 'are several'} reservation {name!r}"
                + (f" on {host}" if host else ""),
                f"known reservations: {names}",
            )
        return found[0]

    def tenants(self, reservation: Reservation) -> list[tuple[str, str]]:
        """(name, state) of the agents alive in a reservation."""
        return [
            (agent.name, agent.state.value)
            for agent in self.fleet.agents
            if agent.job_id == reservation.job_id and agent.host == reservation.host and agent.state.alive
        ]

    # -- plans ------------------------------------------------------------------------

    def plan_book(self, request: booking.BookRequest) -> Plan:
        """Plan a booking; Refused when the name is taken by a lease on that host."""
        plan = booking.plan_book(request)
        taken = next(
            (r for r in self.fleet.reservations if (r.host, r.name) == (request.host, request.name)), None
        )
        if taken is not None:
            raise Refused(
                f"name {request.name!r} is taken: lease {taken.lease_id} (job {taken.job_id}, {taken.state})",
                f"choose another name, or release it: sactui reservations release {request.name}",
            )
        return plan

    def plan_release(self, reservation: Reservation) -> Plan:
        """Plan a release: what is cancelled and which agents stop."""
        return booking.plan_release(
            reservation.name, reservation.host, reservation.job, reservation.job_id, self.tenants(reservation)
        )

    def plan_start(self, names: Sequence[str]) -> list[Plan]:
        """Plan to start agents: one plan per reservation."""
        groups: dict[tuple[str, str], list[AgentDefinition]] = {}
        homes: dict[tuple[str, str], Reservation] = {}
        for name in names:
            definition = self.files.definitions.get(name)
            if definition is None:
                raise Refused(
                    f"there is no definition of agent {name!r}",
                    "see the problems (4), or start it by its file",
                )
            if definition.runtime != "slurm-tenant":
                raise Refused(
                    f"{name}: runtime {definition.runtime} is not started from here yet", "use slurm-tenant"
                )
            home = self.reservation(definition.reservation)
            homes[home.key] = home
            groups.setdefault(home.key, []).append(definition)
        plans = [tenants.plan_start(group, homes[key]) for key, group in groups.items()]
        return [self._with_stale(plan) for plan in plans]

    def _with_stale(self, plan: Plan) -> Plan:
        """Say it when what starts is not what the file says now."""
        stale = [name for name in plan.data["names"] if name in self.files.stale]
        if not stale:
            return plan
        note = f"The file of {', '.join(stale)} is broken: the version that was read last is started."
        return replace(plan, impact=(note, *plan.impact))

    def plan_stop(self, names: Sequence[str]) -> list[Plan]:
        """Plan to stop agents: one plan per reservation."""
        groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
        homes: dict[tuple[str, str], Reservation] = {}
        for name in names:
            agent = self.agent(name)
            if not agent.reservation or not agent.host:
                raise Refused(f"{name} has no reservation: nothing of it runs")
            home = self.reservation(agent.reservation, agent.host)
            homes[home.key] = home
            groups.setdefault(home.key, []).append((name, agent.state.value))
        return [tenants.plan_stop(group, homes[key]) for key, group in groups.items()]

    # -- actions ----------------------------------------------------------------------

    async def run(
        self, plan: Plan, *, wait: bool = False, progress: Callable[[str], None] | None = None
    ) -> Outcome:
        """Run one plan: refused when read-only; verified by looking; audited; looked at again.

        Errors become an outcome: what is shown is the same on the screen and in the CLI.
        """
        if self.configuration.read_only:
            raise Refused(f"{plan.title}: sactui runs read-only", "start it without --read-only")
        host = self._hosts.get(plan.host) or await self._add_host(plan.host, polling=True)
        try:
            # Whoever asks for a change is the person that a refused login waits for.
            host.link.retry_now()
            await host.link.ready()
            outcome = await self._run(host, plan)
        except SactuiError as error:
            unsure = error.layer in ("ssh", "timeout")
            outcome = Outcome(
                Result.UNKNOWN if unsure else Result.FAILED,
                f"{plan.title}: {error.message}",
                "",
                error.remedy,
            )
        self._audit.write(plan, outcome)
        host.poller.look_now()
        if wait and plan.kind == "book" and outcome.result is Result.DONE:
            return await self._follow_booking(host, plan, outcome, progress)
        return outcome

    async def _run(self, host: _Host, plan: Plan) -> Outcome:
        if plan.kind == "start":
            return await tenants.start(host.steps, plan)
        if plan.kind == "stop":
            return await tenants.stop(host.steps, plan)
        if plan.kind == "book":
            return await self._book(host, plan)
        if plan.kind == "release":
            return await self._release(host, plan)
        raise SettingsError(f"there is no action {plan.kind!r}")

    async def _book(self, host: _Host, plan: Plan) -> Outcome:
        lease = booking.new_lease(plan)
        self.files.create(lease)
        outcome = await booking.submit(host.link, plan)
        if outcome.result is Result.DONE:
            self._bind(lease.id, int(outcome.evidence), None)
        elif outcome.result is Result.FAILED:
            self.files.remove(lease.id)
        self._compose()
        return outcome

    async def _follow_booking(
        self, host: _Host, plan: Plan, outcome: Outcome, progress: Callable[[str], None] | None
    ) -> Outcome:
        """Follow a new reservation until it runs, and has its tmux server, or has ended."""
        said = ""
        while True:
            await host.poller.next_look() if host.task else await host.poller.refresh()
            self._compose()
            home = self.reservation(plan.target, plan.host)
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

    async def _release(self, host: _Host, plan: Plan) -> Outcome:
        outcome = await booking.cancel(host.link, plan)
        if outcome.result is Result.DONE:
            lease = next((x for x in self.files.leases if (x.host, x.name) == (plan.host, plan.target)), None)
            if lease is not None:
                self.files.remove(lease.id, only_job=lease.job_id)
            outcome = replace(outcome, message=f"{plan.target} is released: {outcome.message}")
        self._compose()
        return outcome

    # -- looking into an agent ----------------------------------------------------------

    def place(self, name: str) -> tuple[str, Allocation]:
        """(host, allocation) of an agent that has a session; Refused with the reason otherwise."""
        agent = self.agent(name)
        if not agent.reservation or not agent.host:
            raise Refused(f"{name} is not running: {agent.verdict.why}", "start it (s)")
        home = self.reservation(agent.reservation, agent.host)
        place = tenants.allocation(home)
        if agent.pane is None:
            raise Refused(f"{name} has no session in {home.name}", "start it (s)")
        return home.host, place

    async def logs(self, name: str, lines: int = 1000) -> str:
        """The last lines of an agent's pane, history and screen."""
        host, place = self.place(name)
        return await tenants.log_text(self._hosts[host].steps, place, name, lines)

    def _attach_command(self, name: str) -> tuple[_Host, str]:
        host, place = self.place(name)
        command = srun.attach_command(place.job_id, place.batch_host, tenant.attach_argv(name, place.socket))
        owner = self._hosts[host]
        return owner, owner.link.public_preamble + "exec " + command

    def foreground(self, name: str) -> Sequence[str]:
        """The argv of a local program that attaches the terminal it inherits."""
        owner, command = self._attach_command(name)
        return owner.link.transport.foreground(command)

    async def why_ended(self, name: str) -> str:
        """What became of an agent whose attached terminal ended, from a fresh look."""
        try:
            host = self._hosts[self.agent(name).host]
        except (Refused, KeyError):
            return f"{name} is not there any more"
        if host.task is not None:
            host.poller.watch(False)
            with suppress(TimeoutError):
                async with asyncio.timeout(8):
                    await host.poller.next_look()
        self._compose()
        agent = self.agent(name)
        if host.link.state is not Link.UP:
            return f"the link was lost; {name} was {agent.state} and goes on without you: a attaches again"
        if agent.pane is not None and not agent.pane.dead:
            return f"left {name}: it is {agent.state}"
        return f"{name}: {agent.state} {agent.verdict.why}".strip()

    async def open_terminal(self, name: str, columns: int, rows: int) -> Terminal:
        """Attach to an agent on a pseudo-terminal of that size."""
        host, place = self.place(name)
        owner = self._hosts[host]
        token = secrets.token_hex(6)
        argv = tenant.attach_argv(name, place.socket, token)
        command = srun.attach_command(place.job_id, place.batch_host, argv)
        stream = await owner.link.transport.open_terminal(
            f"{owner.link.public_preamble}exec {command}", columns, rows
        )
        return LeavingTerminal(
            stream, lambda: owner.steps.run(place, tenant.detach_script(place.socket, token))
        )


@asynccontextmanager
async def once(configuration: Configuration, asker: Asker | None = None) -> AsyncIterator[Controller]:
    """A controller that has looked at every host exactly once: for the command line."""
    controller = Controller(replace(configuration, follow_files=False), asker=asker)
    try:
        await controller.start(polling=False)
        await controller.refresh()
        yield controller
    finally:
        await controller.close()


__all__ = ["Configuration", "Controller", "once"]
