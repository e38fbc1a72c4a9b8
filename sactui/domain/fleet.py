"""What the console shows: one frozen picture of everything, with sources and ages."""

from __future__ import annotations

from dataclasses import dataclass, field

from .job import Job
from .pane import Pane
from .state import AgentState, Link, Phase
from .vitals import Report


@dataclass(frozen=True, slots=True)
class Trouble:
    """One failing layer, in words: what happened, to what, and what to do."""

    layer: str  # ssh, authentication, controller, node, tmux, parse, timeout, definition, lease
    what: str
    remedy: str = ""
    since: float | None = None
    next_try: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation that a verdict was drawn from.

    ``source`` is slurm, tmux, agent, screen, activity, or look (a look that failed);
    ``used`` says whether it decided or supported the verdict; ``note`` says why not.
    """

    source: str
    text: str
    at: float | None = None
    used: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why, since when, which layer decided, and the whole chain.

    ``seen_at`` is when what it rests on was seen; ``stale``: the newest look failed, so it
    is the verdict of an earlier one. ``running``: a program of it was alive when it was
    last seen, even if what it did is not known. ``until``: when the state ends by itself
    (the reset of a usage limit), if that is known.
    """

    state: AgentState
    why: str = ""
    since: float | None = None
    layer: str = ""
    chain: tuple[Evidence, ...] = ()
    seen_at: float | None = None
    stale: bool = False
    running: bool = False
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A lease together with what was last seen of its job.

    ``observed_at`` is when the controller last answered about it; ``None``: never.
    ``trouble`` is set when its allocation could not be looked into. ``cpus_used`` and
    ``memory_used_mib`` are those of all processes of its tenants together.
    """

    name: str
    host: str
    lease_id: str
    job_id: int | None
    tmux_server: str
    persistent: bool
    job: Job | None
    phase: Phase
    state: str  # a word for the table: running, pending, ended, lost, unknown ...
    why: str = ""
    node: str = ""
    ends_at: float | None = None
    cpus_used: int | None = None
    memory_used_mib: int | None = None
    observed_at: float | None = None
    trouble: Trouble | None = None
    panes_at: float | None = None
    # -- a persistent one is a chain of jobs; this one is the ``generation``-th
    generation: int = 1
    generations: int = 0  # how many there may be; 0: it is not persistent, or nobody knows
    submits: str = ""  # who submits the successor: job, console
    successor: Job | None = None
    duplicates: tuple[int, ...] = ()  # jobs of it beside the one that it should be
    #: tenants that ended with an earlier job or life and have not been started again
    lost: tuple[str, ...] = ()
    lost_with: int | None = None  # that job
    lost_how: str = ""  # ended, requeued
    changed: tuple[str, ...] = ()  # where the site gave something else than was asked for
    report: Report | None = None  # what its script found on the node
    said: str = ""  # its script's last sentence, about a successor

    @property
    def key(self) -> tuple[str, str]:
        return (self.host, self.name)


@dataclass(frozen=True, slots=True)
class Agent:
    """One defined (or found) agent and the verdict about it."""

    name: str
    runtime: str
    host: str
    reservation: str
    model: str
    verdict: Verdict
    path: str = ""
    node: str = ""
    job_id: int | None = None
    pane: Pane | None = None
    last_line: str = ""
    screen: str = ""
    observed_at: float | None = None
    source: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Its identity: a definition is the same one wherever, and whether or not, it runs."""
        return ("", self.name) if self.path else (self.host, self.name)

    @property
    def state(self) -> AgentState:
        return self.verdict.state


@dataclass(frozen=True, slots=True)
class HostView:
    """The link to one host and what fails on it."""

    name: str
    link: Link
    transport: str = ""
    latency: float | None = None  # seconds of the last exchange
    data_at: float | None = None
    next_try: float | None = None
    troubles: tuple[Trouble, ...] = ()
    calls_per_minute: float = 0.0
    interval: float = 0.0
    cluster: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something on this machine that a person must mend, e.g. a broken definition."""

    kind: str
    where: str  # file:line:column, or a directory
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything, at one moment. ``version`` grows with every change."""

    version: int = 0
    at: float = 0.0
    hosts: tuple[HostView, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    agents: tuple[Agent, ...] = ()
    jobs: tuple[tuple[str, Job], ...] = ()  # (host, job)
    problems: tuple[Problem, ...] = ()
    #: host -> when the controller last answered about jobs
    jobs_at: dict[str, float] = field(default_factory=dict)
    #: host -> True when the site hides other users' jobs
    private: dict[str, bool] = field(default_factory=dict)
