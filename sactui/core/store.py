"""The frozen picture: host pictures, leases and definitions become one Fleet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from .. import clock
from ..domain.fleet import Agent, Fleet, HostView, Problem, Reservation, Trouble, Verdict
from ..domain.job import Job
from ..domain.pane import Pane, Server
from ..domain.screen import RuleSet, ScreenVerdict, judge, program_of
from ..domain.state import URGENCY, AgentState, Link, Phase
from ..domain.verdict import agent_verdict
from ..leases.lease import Lease
from ..runtimes import tenant
from ..slurm import reasons
from ..spec.definition import AgentDefinition
from . import booking, succession
from .observation import HostPicture, Same, Seen

#: Seconds in which a job without a tmux server is no trouble yet.
_STARTING = 15

_RANK = {state: index for index, state in enumerate(URGENCY)}


def assemble(
    pictures: Mapping[str, HostPicture],
    leases: Sequence[Lease],
    definitions: Sequence[AgentDefinition],
    problems: Sequence[Problem],
    rules: Mapping[str, RuleSet],
    previous: Fleet,
) -> Fleet:
    """Everything known, as one Fleet. Pure apart from the clock."""
    now = clock.now()
    reservations = tuple(
        _reservation(lease, pictures.get(lease.host))
        for lease in sorted(leases, key=lambda item: (item.host, item.name))
    )
    known = {agent.key: agent for agent in previous.agents}
    agents = [
        _agent(definition, _home(definition, reservations), pictures, rules, known, now)
        for definition in definitions
        if definition.runtime in ("slurm-tenant", "slurm")
    ]
    agents = [_with_broken(agent, problems) for agent in agents]
    agents.extend(_strangers(agents, reservations, pictures, rules, known, now))
    agents.sort(key=lambda agent: (_RANK[agent.state], agent.host, agent.reservation, agent.name))
    jobs = tuple(
        chain.from_iterable(
            _jobs_of(host, Same(picture.jobs.value or ())) for host, picture in sorted(pictures.items())
        )
    )
    if jobs == previous.jobs:
        jobs = previous.jobs  # the same one: whoever went through it need not do so again
    return Fleet(
        version=previous.version + 1,
        at=now,
        hosts=tuple(host_view(pictures[host]) for host in pictures),
        reservations=reservations,
        agents=tuple(agents),
        jobs=jobs,
        problems=tuple(problems),
        jobs_at={host: picture.jobs.at for host, picture in pictures.items() if picture.jobs.at is not None},
        private={host: picture.private for host, picture in pictures.items()},
    )


def host_view(picture: HostPicture) -> HostView:
    """The link and the failing layers of one host: the deepest layer that fails is named once."""
    troubles: list[Trouble] = []
    name = f"{picture.host}: "
    if picture.link_trouble is not None and picture.link is not Link.UP:
        troubles.append(replace(picture.link_trouble, next_try=picture.next_try))
    else:
        if picture.jobs.trouble is not None:
            troubles.append(replace(picture.jobs.trouble, next_try=clock.now() + picture.interval))
        seen: set[str] = set()
        for job_id, server in sorted(picture.servers.items()):
            if server.trouble is not None and server.trouble.what not in seen and not _young(picture, job_id):
                seen.add(server.trouble.what)
                troubles.append(replace(server.trouble, what=f"job {job_id}: {server.trouble.what}"))
    # The host stands in front of it everywhere it is shown.
    troubles = [replace(trouble, what=trouble.what.removeprefix(name)) for trouble in troubles]
    return HostView(
        name=picture.host,
        link=picture.link,
        transport=picture.transport,
        latency=picture.latency,
        data_at=picture.jobs.at,
        next_try=picture.next_try,
        troubles=tuple(troubles),
        calls_per_minute=picture.calls_per_minute,
        interval=picture.interval,
        cluster=picture.cluster,
        user=picture.user,
    )


def _young(picture: HostPicture, job_id: int) -> bool:
    """A job in its first seconds: its script is still starting the tmux server."""
    job = next((job for job in picture.jobs.value or () if job.id == job_id), None)
    return job is not None and job.phase is Phase.RUNNING and job.elapsed < _STARTING


@lru_cache(maxsize=8)
def _jobs_of(host: str, jobs: Same[Sequence[Job]]) -> tuple[tuple[str, Job], ...]:
    """One look's jobs in the table's order; a fleet is made several times from the same look."""
    return tuple((host, job) for job in _ordered(jobs.value))


def _ordered(jobs: Sequence[Job]) -> list[Job]:
    order = {Phase.RUNNING: 0, Phase.PAUSED: 1, Phase.PENDING: 2, Phase.UNKNOWN: 3}
    return sorted(jobs, key=lambda job: (order.get(job.phase, 4), -job.id))


def _reservation(lease: Lease, picture: HostPicture | None) -> Reservation:
    job_id = lease.job
    jobs: Seen[tuple[Job, ...]] = picture.jobs if picture else Seen()
    job = next((job for job in jobs.value or () if job.id == job_id), None)
    seen = picture.servers.get(job_id) if picture and job_id is not None else None
    phase, state, why = _reservation_state(job, job_id, jobs, lease)
    own = lease.ours
    found = succession.chain(lease, jobs.value or ())
    lost_with, lost_how, lost = succession.lost(lease)
    vitals = seen.value.vitals if seen and seen.value else None
    if lost and lost_how == "requeued" and lost_with == job_id:
        count = f"{len(lost)} tenant{'s' if len(lost) > 1 else ''} lost"
        why = f"requeued, {count}" + (f"; {why}" if why else "")
    if found.duplicates:
        ids = ", ".join(str(each.id) for each in found.duplicates)
        why = (why + "; " if why else "") + f"another job of it is in the queue: {ids}"
    return Reservation(
        name=lease.name,
        host=lease.host,
        lease_id=lease.id,
        job_id=job_id,
        tmux_server=lease.tmux_server,
        persistent=lease.persistent,
        job=job,
        phase=phase,
        state=state,
        why=why,
        node=(job.batch_host or job.node_list) if job else lease.node,
        ends_at=job.ends_at if job and job.phase is Phase.RUNNING else None,
        observed_at=jobs.at,
        trouble=seen.trouble if seen else None,
        panes_at=seen.at if seen else None,
        cpus_used=None if vitals is None or vitals.cpus is None else round(vitals.cpus),
        memory_used_mib=vitals.memory_mib if vitals else None,
        generation=succession.generation(job) if job else int(own.get("generation") or 1),
        generations=int(own.get("generations") or 0),
        submits=str(own.get("submits") or ""),
        successor=found.successor,
        duplicates=tuple(each.id for each in found.duplicates),
        lost=lost,
        lost_with=lost_with,
        lost_how=lost_how,
        changed=tuple(str(each) for each in own.get("changed") or ()),
        report=vitals.report if vitals else None,
        said=vitals.said if vitals else "",
    )


def _reservation_state(
    job: Job | None, job_id: int | None, jobs: Seen[tuple[Job, ...]], lease: Lease
) -> tuple[Phase, str, str]:
    if lease.ours.get("intent") == "release":
        name = shlex.quote(lease.name)
        return (
            job.phase if job else Phase.UNKNOWN,
            job.state.lower() if job else "unknown",
            f"its release did not finish: sactui reservations release {name}",
        )
    if job_id is None:
        if booking.interrupted(lease):
            return Phase.UNKNOWN, "unknown", "its booking was interrupted: book it again, or release it"
        return Phase.UNKNOWN, "unknown", "booked, but no job is known for it; r looks for it"
    if jobs.at is None or jobs.at < booking.booked_at(lease):
        return Phase.UNKNOWN, "unknown", "not looked at yet"
    if job is None:
        # The controller forgets a job minutes after its end: it ended, but how is not known.
        return Phase.UNKNOWN, "gone", f"job {job_id} is not in the queue any more"
    if job.phase is Phase.PENDING:
        return job.phase, "pending", reasons.explain(job.reason).sentence
    if job.phase is Phase.RUNNING:
        return job.phase, "running", ""
    return job.phase, job.state.lower(), ""


def _with_broken(agent: Agent, problems: Sequence[Problem]) -> Agent:
    """An agent whose file is broken says so: what would start is its last good version."""
    found = next((p for p in problems if agent.path and p.where.startswith(f"{agent.path}:")), None)
    if found is None or agent.state.alive:
        return agent
    line = found.where.removeprefix(f"{agent.path}:").partition(":")[0]
    why = f"its definition is broken, line {line}: {found.what}"
    return replace(agent, verdict=replace(agent.verdict, why=why))


def _home(definition: AgentDefinition, reservations: Sequence[Reservation]) -> Reservation | None:
    """The reservation a definition names: by lease name or lease id, a running one first."""
    # An agent with a job of its own lives in the reservation of its own name.
    wanted = definition.name if definition.runtime == "slurm" else definition.reservation
    found = [r for r in reservations if wanted and wanted in (r.name, r.lease_id)]
    found.sort(key=lambda r: r.phase is not Phase.RUNNING)
    return found[0] if found else None


def _agent(
    definition: AgentDefinition,
    home: Reservation | None,
    pictures: Mapping[str, HostPicture],
    rules: Mapping[str, RuleSet],
    known: Mapping[tuple[str, str], Agent],
    now: float,
) -> Agent:
    base = Agent(
        name=definition.name,
        runtime=definition.runtime,
        host=home.host if home else "",
        reservation=definition.reservation or (home.name if home else ""),
        model=definition.model,
        verdict=Verdict(AgentState.UNKNOWN),
        path=definition.path,
        source="definition",
    )
    if home is None:
        why = (
            f"there is no reservation {definition.reservation!r} (b books it)"
            if definition.reservation
            else "has no job; s submits it"
        )
        return replace(base, verdict=Verdict(AgentState.STOPPED, why, layer="lease"))
    program = program_of(definition.command, rules) if definition.command else "claude"
    return _judged(base, home, pictures.get(home.host), rules, program, known.get(base.key), now)


def _judged(
    base: Agent,
    home: Reservation,
    picture: HostPicture | None,
    rules: Mapping[str, RuleSet],
    program: str,
    previous: Agent | None,
    now: float,
) -> Agent:
    seen: Seen[Server] = Seen()
    if picture is not None and home.job_id is not None:
        seen = picture.servers.get(home.job_id, seen)
    server = seen.value
    pane = _pane(server, base.name)
    text = server.screens.get(pane.pane_id, "") if server and pane else ""
    judged = _judged_once(text, program, Same(rules)) if pane is not None and not pane.dead else None
    trouble = _trouble(picture, seen)
    verdict = agent_verdict(
        job=home.job,
        job_id=home.job_id,
        # A look from before the booking says nothing about its job.
        job_seen_at=picture.jobs.at if picture and home.state != "unknown" else None,
        server=server,
        server_seen_at=seen.at,
        pane=pane,
        trouble=trouble,
        screen=judged,
        own_job=base.runtime == "slurm",
        now=now,
        previous=previous.verdict if previous else None,
    )
    ended = verdict.state in (AgentState.STOPPED, AgentState.UNKNOWN) and pane is None and not trouble
    if base.name in home.lost and ended:
        how = "requeued" if home.lost_how == "requeued" else f"lost with job {home.lost_with}"
        why = "its job was requeued and it was lost with it" if how == "requeued" else how
        verdict = replace(verdict, state=AgentState.LOST, why=f"{why}: s starts it again", layer="lease")
    return replace(
        base,
        verdict=verdict,
        node=home.node,
        job_id=home.job_id,
        pane=pane,
        # Its last screen stays while nobody can look; an agent that is known to be gone has none.
        screen=text if pane else (previous.screen if previous and trouble else ""),
        last_line=_last_line(text),
        observed_at=seen.at,
    )


@lru_cache(maxsize=512)
def _judged_once(text: str, program: str, rules: Same[Mapping[str, RuleSet]]) -> ScreenVerdict:
    """:func:`judge`, once for a screen that stands still: most do, most of the time."""
    return judge(text, rules.value, program)


def _trouble(picture: HostPicture | None, seen: Seen[Server]) -> Trouble | None:
    if picture is None:
        return Trouble("ssh", "this host is not being looked at", "start sactui with --host")
    if picture.link is not Link.UP and picture.link_trouble is not None:
        return picture.link_trouble
    return seen.trouble


def _pane(server: Server | None, name: str) -> Pane | None:
    if server is None:
        return None
    session = f"sac-{name}"
    panes = [pane for pane in server.panes if pane.session == session]
    marked = [pane for pane in panes if pane.label == name]
    return next(iter(marked or panes), None)


def _last_line(text: str) -> str:
    for line in reversed(text.splitlines()):
        stripped = line.strip(" ─│╭╮╰╯❯>")
        if stripped:
            return stripped[:200]
    return ""


def _strangers(
    defined: Sequence[Agent],
    reservations: Sequence[Reservation],
    pictures: Mapping[str, HostPicture],
    rules: Mapping[str, RuleSet],
    known: Mapping[tuple[str, str], Agent],
    now: float,
) -> list[Agent]:
    """Agents that run in our reservations without a definition here: never hidden."""
    names = {(agent.host, agent.name) for agent in defined}
    found: list[Agent] = []
    for home in reservations:
        picture = pictures.get(home.host)
        seen = picture.servers.get(home.job_id) if picture and home.job_id is not None else None
        for session in sorted({pane.session for pane in seen.value.panes} if seen and seen.value else ()):
            name = session.removeprefix("sac-")
            if session == name or (home.host, name) in names:
                continue
            base = Agent(
                name, "slurm-tenant", home.host, home.name, "", Verdict(AgentState.UNKNOWN), source="tmux"
            )
            pane = _pane(seen.value, name) if seen else None
            program = program_of((pane.command,), rules) if pane else ""
            found.append(_judged(base, home, picture, rules, program, known.get(base.key), now))
    return found


__all__ = ["assemble", "host_view", "tenant"]
