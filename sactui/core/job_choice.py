"""Which jobs a person means: ``12``, ``12_3``, ``12_[3-9]``, ``10+1``, each with ``HOST:`` before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..domain.fleet import Fleet
from ..domain.job import Job
from ..errors import Refused
from ..slurm import arrays
from .job_actions import Stake
from .job_verbs import Target

_FORM = re.compile(
    r"(?:(?P<host>[^\s:]{1,255}):)?(?P<id>[0-9]{1,10})(?:_(?P<task>[0-9]{1,10}|\[[0-9,:%-]+\])|\+(?P<offset>[0-9]{1,5}))?"
)


def parse(text: str) -> tuple[str, int]:
    """The host (empty: any) and the raw or array id in what a person wrote. Raises Refused."""
    match = _FORM.fullmatch(text.strip())
    if not match or int(match.group("id")) < 1:
        raise Refused(f"{text!r} is not a job id", "write 12, 12_3 for a task of an array, or HOST:12")
    return match.group("host") or "", int(match.group("id"))


def choose(text: str, jobs: Sequence[tuple[str, Job]]) -> list[tuple[str, Target]]:
    """The records of the queue, as (host, target), that a text names.

    An array's id names all its records, a heterogeneous job's all its parts. Empty when
    no host has such a job in its queue. Raises Refused for what is no job id, and when
    several hosts have one.
    """
    host, identity = parse(text)
    match = _FORM.fullmatch(text.strip())
    assert match is not None
    task, offset = match.group("task"), match.group("offset")
    found: list[tuple[str, Target]] = []
    for where, job in jobs:
        if host and where != host:
            continue
        if task is not None:
            if job.array_job != identity:
                continue
            if job.array_tasks.partition("%")[0].rstrip("]") == task.partition("%")[0].rstrip("]"):
                found.append((where, Target(job)))
            elif (
                task.isdigit()
                and job.array_tasks.startswith("[")
                and arrays.holds(job.array_tasks, int(task))
            ):
                found.append((where, Target(job, int(task))))
        elif offset is not None:
            if job.het_job == identity and job.het_offset == int(offset):
                found.append((where, Target(job)))
        elif identity in (job.id, job.array_job, job.het_job):
            found.append((where, Target(job)))
    hosts = list(dict.fromkeys(where for where, _ in found))
    if len(hosts) > 1:
        raise Refused(f"job {text} is on several hosts: {', '.join(hosts)}", f"write {hosts[0]}:{text}")
    return found


def stakes(fleet: Fleet, host: str) -> dict[int, Stake]:
    """What lives in the jobs of a host: reservations and agents, by raw id."""
    found: dict[int, Stake] = {}
    for home in fleet.reservations:
        if home.host == host and home.job_id is not None:
            agents = tuple(
                (agent.name, agent.state.value)
                for agent in fleet.agents
                if agent.host == host and agent.job_id == home.job_id and agent.state.alive
            )
            found[home.job_id] = Stake(home.name, agents)
    return found
