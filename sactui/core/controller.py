"""The headless console: hosts, definitions, leases and actions; two front ends use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from ..domain.details import Details
from ..domain.fleet import Agent, Fleet, Problem, Reservation
from ..domain.job import Job
from ..domain.limits import Limits
from ..errors import Refused, SactuiError
from ..spec import rules
from ..spec.definition import AgentDefinition
from ..spec.watching import watch
from ..transport.base import Asker, Terminal, Transport
from ..transport.choice import Route, choose
from . import (
    actions,
    adoption,
    attaching,
    booking,
    first_run,
    heirs,
    job_actions,
    job_choice,
    job_details,
    release,
    reservations,
    succession,
)
from .adoption import Strays
from .audit import Audit
from .configuration import Configuration
from .files import Files
from .first_run import Probe
from .hosts import Host
from .job_verbs import Target
from .limits import FRESH
from .link import HostLink
from .observation import HostPicture
from .plan import Outcome, Plan
from .poller import HostPoller, Wanted, running
from .steps import Allocation, Steps
from .store import assemble
from .workloads import WORKLOADS, workload

#: Seconds in which sections that were seen become one fleet.
_TOGETHER = 0.03


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
        self._hosts: dict[str, Host] = {}
        self._pictures: dict[str, HostPicture] = {}
        self._rules = rules.load_rules()
        self.audit = Audit(configuration.state_directory)
        self._listeners: list[Callable[[Fleet], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[tuple[str, str, str]] = set()
        self._stop = asyncio.Event()
        self._compose_due = False
        self.strays = Strays()
        #: set by whoever does not want to wait any longer; what was begun is finished
        self.leave = asyncio.Event()

    async def _choose(self, host: str) -> Transport:
        route = self.configuration.routes.get(host, Route())
        return await choose(host, ssh_config=self.configuration.ssh_config, asker=self._asker, route=route)

    # -- life -------------------------------------------------------------------------

    async def start(self, *, polling: bool = True) -> None:
        """Read the files, open a link per host, and begin to look."""
        self.files.read()
        names = list(dict.fromkeys([*self.configuration.hosts, *(lease.host for lease in self.files.leases)]))
        for name in names:
            await self._add_host(name, polling)
        if self.configuration.follow_files:
            self._own(self._follow_files())
        self.compose()

    async def _add_host(self, name: str, polling: bool) -> Host:
        transport = await self._open_transport(name)
        cluster = self.configuration.clusters.get(name, "")
        link = HostLink(transport, lambda: self._link_changed(name), cluster=cluster)
        steps = Steps(link)
        poller = HostPoller(link, steps, self._wanted, self._seen, self.configuration.interval)
        host = Host(link, steps, poller)
        self._hosts[name] = host
        self._pictures[name] = poller.picture
        if polling:
            host.task = asyncio.create_task(poller.run(), name=f"poll {name}")
            host.task.add_done_callback(self._ended)
        return host

    async def host(self, name: str) -> Host:
        """The host of that name; it is opened when it was not wanted before."""
        return self._hosts.get(name) or await self._add_host(name, polling=True)

    async def probe(self, name: str) -> Probe:
        """Log in to a host once, to see what it is; see :func:`first_run.probe`."""
        return await first_run.probe(self._open_transport, name)

    async def close(self) -> None:
        """End every task, step and connection; returns when they are gone."""
        self._stop.set()
        tasks = [*self._tasks, *(host.task for host in self._hosts.values() if host.task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(self._close_host(host) for host in self._hosts.values()))

    async def _close_host(self, host: Host) -> None:
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
        reservations.bind_leases(self, picture)
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

    def bind(self, identifier: str, job_id: int, job: Job | None) -> None:
        """Write into a lease which job is its own."""
        self.files.update(identifier, lambda lease: succession.bound(lease, job_id, job))

    def _compose_soon(self) -> None:
        """Several sections of one refresh become one new fleet."""
        if not self._compose_due:
            self._compose_due = True
            asyncio.get_running_loop().call_later(_TOGETHER, self._compose_due_now)

    def _compose_due_now(self) -> None:
        if self._compose_due and not self._stop.is_set():
            self.compose()

    def compose(self) -> None:
        """Make the fleet anew from all that is known now, and tell every listener."""
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
                self.compose()

    # -- looking ----------------------------------------------------------------------

    def look_now(self) -> None:
        """Look at everything at once, and read all files again."""
        self.files.read()
        self.compose()
        for host in self._hosts.values():
            host.poller.look_now()

    async def refresh(self) -> None:
        """One look at every host without the poller; one dead host never delays another."""
        await asyncio.gather(*(host.poller.refresh() for host in self._hosts.values()))
        self.compose()

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
        return reservations.plan_book(self, request)

    async def prepare_book(self, request: booking.BookRequest) -> Plan:
        """Plan a booking after asking whether it fits and when it would start."""
        return await reservations.prepare_book(self, request)

    async def plan_adopt(self, host: str, job: int, name: str, prefix: str = "") -> Plan:
        """Plan to write a lease for a job that runs; Refused with the reason."""
        return await adoption.plan_adopt(self, host, job, name, prefix)

    def plan_release(self, reservation: Reservation) -> Plan:
        """Plan a release: what is cancelled and which agents stop."""
        return release.plan_release(self, reservation)

    def plan_extend(self, reservation: Reservation, time: str) -> Plan:
        """Plan another time limit for a reservation's job; Refused with the reason."""
        return heirs.plan_extend(reservation, time)

    def plan_successor(self, reservation: Reservation) -> Plan:
        """Plan to submit a reservation's next job from here; Refused with the reason."""
        return heirs.plan_successor(self, reservation)

    def plan_start(self, names: Sequence[str]) -> list[Plan]:
        """Plan to start agents; each runtime groups its own."""
        groups: dict[str, list[AgentDefinition]] = {}
        for name in names:
            definition = self.files.definitions.get(name)
            if definition is None:
                raise Refused(
                    f"there is no definition of agent {name!r}",
                    "see the problems (4), or start it by its file",
                )
            workload(name, definition.runtime)
            groups.setdefault(definition.runtime, []).append(definition)
        return [
            plan for runtime, group in groups.items() for plan in WORKLOADS[runtime].plan_start(self, group)
        ]

    def plan_restart(self, names: Sequence[str]) -> list[Plan]:
        """Plan to stop agents and to start them again; each runtime groups its own."""
        groups: dict[str, list[AgentDefinition]] = {}
        for name in names:
            definition = self.files.definitions.get(name)
            if definition is None:
                raise Refused(
                    f"there is no definition of agent {name!r}", "without one it cannot be started again"
                )
            if workload(name, definition.runtime).plan_restart is None:
                raise Refused(
                    f"{name}: runtime {definition.runtime} is not restarted", "stop it, then start it"
                )
            groups.setdefault(definition.runtime, []).append(definition)
        plans = []
        for runtime, group in groups.items():
            if (planner := WORKLOADS[runtime].plan_restart) is not None:
                plans += planner(self, group)
        return plans

    def plan_send(self, name: str, text: str, expected: str = "") -> Plan:
        """Plan to type a text into an agent; see :func:`attaching.plan_send`."""
        return attaching.plan_send(self, name, text, expected)

    def plan_stop(self, names: Sequence[str]) -> list[Plan]:
        """Plan to stop agents; each runtime groups its own."""
        groups: dict[str, list[Agent]] = {}
        for name in names:
            agent = self.agent(name)
            workload(name, agent.runtime)
            groups.setdefault(agent.runtime, []).append(agent)
        return [
            plan for runtime, group in groups.items() for plan in WORKLOADS[runtime].plan_stop(self, group)
        ]

    def plan_jobs(self, verb: str, targets: Sequence[tuple[str, Target]], **options: str) -> list[Plan]:
        """Plan an action on jobs, (host, target) each: one plan per host. See :func:`job_actions.plan`."""
        return [
            job_actions.plan(
                verb,
                host,
                [target for where, target in targets if where == host],
                user=self._pictures[host].user if host in self._pictures else "",
                stakes=job_choice.stakes(self.fleet, host),
                **options,
            )
            for host in dict.fromkeys(where for where, _ in targets)
        ]

    async def run(
        self, plan: Plan, *, wait: bool = False, progress: Callable[[str], None] | None = None
    ) -> Outcome:
        """Run one plan, see :func:`actions.run`."""
        return await actions.run(self, plan, wait=wait, progress=progress)

    def run_soon(self, plan: Plan) -> None:
        """Run a plan that nobody waits for; once, however often it is asked while it runs."""
        key = (plan.kind, plan.host, plan.target)
        if key in self._running:
            return
        self._running.add(key)

        async def work() -> None:
            try:
                await actions.run(self, plan)
            finally:
                self._running.discard(key)

        self._own(work())

    async def settled(self) -> None:
        """Return when nothing that was begun by :meth:`run_soon` is under way."""
        while self._running and self._tasks:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    # -- what a site allows ---------------------------------------------------------------

    async def limits(self, host: str, max_age: float = FRESH) -> Limits:
        """What a host allows and has, at most ``max_age`` seconds old; asked in one exec.

        Raises TransportError when it cannot be asked.
        """
        owner = await self.host(host)
        await owner.link.ready()
        return await owner.limits.get(max_age)

    async def job_details(self, host: str, job_id: int, target: Target | None = None) -> Details:
        """Everything that is known about a job, asked now in one exec; see :func:`job_details.ask`.

        ``target`` is the record meant, for a task of an array; else it is looked up by its raw id.
        """
        owner = await self.host(host)
        await owner.link.ready()
        if target is None:
            jobs = self._pictures[host].jobs.value or ()
            target = next((Target(job) for job in jobs if job.id == job_id), None)
        return await job_details.ask(owner.link, job_id, target)

    # -- looking into an agent ----------------------------------------------------------

    async def logs(self, name: str, lines: int = 1000) -> str:
        """The last lines of an agent's pane, history and screen."""
        return await attaching.logs(self, name, lines)

    async def foreground(self, name: str) -> Sequence[str]:
        """The argv of a local program that attaches the terminal it inherits."""
        return await attaching.foreground(self, name)

    async def why_ended(self, name: str) -> str:
        """What became of an agent whose attached terminal ended, from a fresh look."""
        return await attaching.why_ended(self, name)

    async def open_terminal(self, name: str, columns: int, rows: int) -> Terminal:
        """Attach to an agent on a pseudo-terminal of that size."""
        return await attaching.open_terminal(self, name, columns, rows)


@asynccontextmanager
async def once(configuration: Configuration, asker: Asker | None = None) -> AsyncIterator[Controller]:
    """A controller that has looked at every host exactly once: for the command line."""
    controller = Controller(replace(configuration, follow_files=False), asker=asker)
    try:
        await controller.start(polling=False)
        await controller.refresh()
        if controller.strays.waiting:
            # A job of ours without a lease is adopted after a second look.
            await controller.refresh()
            await controller.settled()
        yield controller
    finally:
        await controller.close()


__all__ = ["Configuration", "Controller", "once"]
