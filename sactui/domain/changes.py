"""What changed between two pictures of the fleet: for the activity screen, ``events`` and notices.

Pure. Only what was *seen* to change is a change: a failed look changes nothing, and what
is there when a host is seen for the first time is where the story begins, not news.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .fleet import Agent, Fleet, HostView, Reservation
from .job import Job
from .state import AgentState, Link, Phase


class Weight(StrEnum):
    """How much a change matters to a person."""

    NEEDS_YOU = "needs you"  # somebody waits, or work was lost
    NEWS = "news"  # worth reading
    DETAIL = "detail"  # the ordinary course


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one thing.

    ``kind`` is agent, reservation, job, link or problem; ``before`` and ``after`` are the
    words of their states, empty for "was not there". ``at`` is when it was seen, in epoch
    seconds.
    """

    at: float
    kind: str
    host: str
    name: str
    before: str
    after: str
    why: str = ""
    weight: Weight = Weight.DETAIL


def changes(before: Fleet, after: Fleet) -> tuple[Change, ...]:
    """Everything that was seen to change, the weightiest first."""
    found = [
        *_links(before, after),
        *_reservations(before, after),
        *_agents(before, after),
        *_jobs(before, after),
        *_problems(before, after),
    ]
    order = {weight: index for index, weight in enumerate(Weight)}
    found.sort(key=lambda change: order[change.weight])
    return tuple(found)


def _links(before: Fleet, after: Fleet) -> Iterator[Change]:
    known = {host.name: host for host in before.hosts}
    for host in after.hosts:
        old = known.get(host.name)
        if old is None:
            continue
        was, now = _link(old), _link(host)
        if was == now or "" in (was, now):
            continue
        trouble = host.troubles[0] if host.troubles else None
        weight = Weight.NEEDS_YOU if host.link is Link.WAITING else Weight.NEWS
        yield Change(
            after.at, "link", host.name, host.name, was, now, trouble.what if trouble else "", weight
        )


def _link(host: HostView) -> str:
    """A host's health in one word; empty while it is being dialled for the first time."""
    if host.link in (Link.IDLE, Link.CONNECTING, Link.CLOSED):
        return ""
    if host.link is Link.UP:
        return f"{host.troubles[0].layer} fails" if host.troubles else "up"
    return "lost" if host.link is Link.RETRYING else "waits for you"


def _reservations(before: Fleet, after: Fleet) -> Iterator[Change]:
    known = {item.key: item for item in before.reservations}
    for item in after.reservations:
        old = known.pop(item.key, None)
        if old is None:
            if before.version:
                yield _reservation(after.at, item, "", item.state)
        elif _seen(old) and _seen(item) and (old.state, old.job_id) != (item.state, item.job_id):
            was = old.state if old.job_id == item.job_id else f"{old.state} (job {old.job_id})"
            now = item.state if old.job_id == item.job_id else f"{item.state} (job {item.job_id})"
            yield _reservation(after.at, item, was, now)
    for gone in known.values():
        yield _reservation(after.at, gone, gone.state, "")


def _seen(item: Reservation) -> bool:
    return item.observed_at is not None and item.state != "unknown"


def _reservation(at: float, item: Reservation, was: str, now: str) -> Change:
    lost = item.phase is Phase.ERROR or item.state == "gone" if now else False
    weight = Weight.NEEDS_YOU if lost else Weight.NEWS
    return Change(at, "reservation", item.host, item.name, was, now, item.why, weight)


def _agents(before: Fleet, after: Fleet) -> Iterator[Change]:
    known = {agent.key: agent for agent in before.agents}
    for agent in after.agents:
        old = known.pop(agent.key, None)
        if agent.verdict.stale or agent.state is AgentState.UNKNOWN:
            continue
        if old is None:
            if before.version and agent.state.alive and agent.host in before.jobs_at:
                yield _agent(after.at, agent, "")
        elif old.state is not agent.state and (
            old.verdict.seen_at is not None or old.observed_at is not None
        ):
            yield _agent(after.at, agent, old.state.value)


def _agent(at: float, agent: Agent, was: str) -> Change:
    if agent.state.needs_you:
        weight = Weight.NEEDS_YOU
    elif agent.state in (AgentState.LIMITED, AgentState.IDLE, AgentState.STOPPED):
        weight = Weight.NEWS
    else:
        weight = Weight.DETAIL
    return Change(at, "agent", agent.host, agent.name, was, agent.state.value, agent.verdict.why, weight)


def _jobs(before: Fleet, after: Fleet) -> Iterator[Change]:
    known = {(host, job.id): job for host, job in before.jobs}
    answered = {host for host, at in after.jobs_at.items() if at != before.jobs_at.get(host)}
    for host, job in after.jobs:
        old = known.pop((host, job.id), None)
        if host not in before.jobs_at or host not in answered:
            continue
        if old is None:
            yield _job(after.at, host, job, "")
        elif old.state != job.state or old.submitted_at != job.submitted_at:
            was = old.state.lower()
            yield _job(
                after.at, host, job, f"{was}, requeued" if old.submitted_at != job.submitted_at else was
            )
    for (host, _), job in known.items():
        # The controller forgets an ended job minutes later: that is no change.
        if host in answered and not job.phase.ended:
            yield Change(after.at, "job", host, job.label, job.state.lower(), "", job.name, Weight.NEWS)


def _job(at: float, host: str, job: Job, was: str) -> Change:
    weight = {Phase.ERROR: Weight.NEEDS_YOU, Phase.DONE: Weight.NEWS}.get(job.phase, Weight.DETAIL)
    return Change(at, "job", host, job.label, was, job.state.lower(), job.name, weight)


def _problems(before: Fleet, after: Fleet) -> Iterator[Change]:
    if not before.version:
        return
    old, new = set(before.problems), set(after.problems)
    for problem in after.problems:
        if problem not in old:
            yield Change(after.at, "problem", "", problem.where, "", problem.kind, problem.what, Weight.NEWS)
    for problem in before.problems:
        if problem not in new:
            yield Change(after.at, "problem", "", problem.where, problem.kind, "mended", problem.what)
