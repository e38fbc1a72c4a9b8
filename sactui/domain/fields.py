"""The named values of rows: what filters ask for and tables sort by.

A field whose name is a column's key is what the column sorts by.
"""

from __future__ import annotations

from typing import TypeAlias

from .fleet import Agent, Reservation
from .job import UNLIMITED, Job
from .query import Field, Kind
from .state import URGENCY

HostJob: TypeAlias = tuple[str, Job]

_URGENCY = {state: rank for rank, state in enumerate(URGENCY)}


def _age(since: float | None, now: float) -> float | None:
    return None if since is None else max(0.0, now - since)


def _limit(job: Job) -> float | None:
    return float("inf") if job.time_limit == UNLIMITED else job.time_limit


def _left(ends_at: float | None, now: float) -> float | None:
    return None if ends_at is None else max(0.0, ends_at - now)


JOBS: tuple[Field[HostJob], ...] = (
    Field("id", Kind.NUMBER, lambda row, _: row[1].id, "the job's id"),
    Field("name", Kind.TEXT, lambda row, _: row[1].name, "its name"),
    Field("user", Kind.TEXT, lambda row, _: row[1].user, "whose it is; user:me"),
    Field(
        "state",
        Kind.TEXT,
        # The word on the screen, the phase and Slurm's own word: each finds it.
        lambda row, _: f"{row[1].phase} {'failed ' if row[1].phase == 'error' else ''}{row[1].state}".lower(),
        "running, pending, failed, ...",
    ),
    Field("partition", Kind.TEXT, lambda row, _: row[1].partition, "its partition", aliases=("part",)),
    Field("node", Kind.TEXT, lambda row, _: row[1].node_list or row[1].batch_host, "its nodes"),
    Field("host", Kind.TEXT, lambda row, _: row[0], "the cluster it is on"),
    Field("account", Kind.TEXT, lambda row, _: row[1].account, "the account it is charged to"),
    Field("qos", Kind.TEXT, lambda row, _: row[1].qos, "its quality of service"),
    Field("reason", Kind.TEXT, lambda row, _: row[1].reason, "Slurm's reason", aliases=("why",)),
    Field("cpus", Kind.NUMBER, lambda row, _: row[1].cpus, "CPUs", aliases=("cpu",), searched=False),
    Field("gpus", Kind.NUMBER, lambda row, _: row[1].gpus, "GPUs", aliases=("gpu",), searched=False),
    Field("nodes", Kind.NUMBER, lambda row, _: row[1].nodes, "number of nodes", searched=False),
    Field("tasks", Kind.NUMBER, lambda row, _: row[1].tasks, "tasks of the array", searched=False),
    Field(
        "memory", Kind.MEMORY, lambda row, _: row[1].memory_mib, "memory", aliases=("mem",), searched=False
    ),
    Field("elapsed", Kind.DURATION, lambda row, _: row[1].elapsed, "how long it has run", searched=False),
    Field("limit", Kind.DURATION, lambda row, _: _limit(row[1]), "its time limit", searched=False),
    Field(
        "age",
        Kind.DURATION,
        lambda row, now: _age(row[1].submitted_at, now),
        "since it was submitted",
        timely=True,
        searched=False,
    ),
    Field(
        "left",
        Kind.DURATION,
        lambda row, now: _left(row[1].ends_at, now),
        "until it ends",
        timely=True,
        searched=False,
    ),
)

AGENTS: tuple[Field[Agent], ...] = (
    Field("name", Kind.TEXT, lambda agent, _: agent.name, "its name"),
    Field("state", Kind.TEXT, lambda agent, _: agent.state.value, "working, asking, idle, ..."),
    Field("why", Kind.TEXT, lambda agent, _: agent.verdict.why or agent.last_line, "why it is so"),
    Field("model", Kind.TEXT, lambda agent, _: agent.model, "its model"),
    Field(
        "reservation",
        Kind.TEXT,
        lambda agent, _: agent.reservation,
        "where it lives",
        aliases=("pool", "res"),
    ),
    Field("host", Kind.TEXT, lambda agent, _: agent.host, "the cluster it is on"),
    Field("node", Kind.TEXT, lambda agent, _: agent.node, "the node it runs on"),
    Field("runtime", Kind.TEXT, lambda agent, _: agent.runtime, "how it is started"),
    Field("job", Kind.NUMBER, lambda agent, _: agent.job_id, "the job of its reservation"),
    Field(
        "since",
        Kind.DURATION,
        lambda agent, now: _age(agent.verdict.since, now),
        "how long it is in this state",
        timely=True,
        aliases=("age",),
        searched=False,
    ),
    Field(
        "urgency",
        Kind.NUMBER,
        lambda agent, _: _URGENCY[agent.state],
        "0 is the most urgent state",
        searched=False,
    ),
)

RESERVATIONS: tuple[Field[Reservation], ...] = (
    Field("name", Kind.TEXT, lambda row, _: row.name, "its name"),
    Field("host", Kind.TEXT, lambda row, _: row.host, "the cluster it is on"),
    Field("state", Kind.TEXT, lambda row, _: row.state, "running, pending, gone, ..."),
    Field("node", Kind.TEXT, lambda row, _: row.node, "its node"),
    Field("job", Kind.NUMBER, lambda row, _: row.job_id, "its job"),
    Field("why", Kind.TEXT, lambda row, _: row.why, "why it is so", aliases=("next",)),
    Field("partition", Kind.TEXT, lambda row, _: row.job.partition if row.job else None, "its partition"),
    Field(
        "cpus",
        Kind.NUMBER,
        lambda row, _: row.job.cpus if row.job else None,
        "CPUs",
        aliases=("cpu",),
        searched=False,
    ),
    Field(
        "gpus",
        Kind.NUMBER,
        lambda row, _: row.job.gpus if row.job else None,
        "GPUs",
        aliases=("gpu",),
        searched=False,
    ),
    Field(
        "memory",
        Kind.MEMORY,
        lambda row, _: row.job.memory_mib if row.job else None,
        "memory",
        aliases=("mem",),
        searched=False,
    ),
    Field(
        "left",
        Kind.DURATION,
        lambda row, now: _left(row.ends_at, now),
        "until it ends",
        timely=True,
        aliases=("bar",),
        searched=False,
    ),
)
