"""Steps, finished jobs, accounts and qualities of service as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from .state import Phase


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job that runs now. ``job`` is the id as squeue writes it (``12``,
    ``4790_3``, ``12+1``), ``step`` a number or ``batch``, ``extern``, ``interactive``."""

    job: str
    step: str
    name: str = ""
    user: str = ""
    partition: str = ""
    node_list: str = ""
    elapsed: int = 0
    started_at: float | None = None


@dataclass(frozen=True, slots=True)
class Accounted:
    """One record of accounting: a job (``step`` empty) or one of its steps.

    Durations are seconds, memory MiB, times epoch seconds. Accounting may have stored a
    name in another character set, so names are for reading, not for identity.
    """

    job_id: int
    label: str
    step: str
    state: str
    phase: Phase
    name: str = ""
    user: str = ""
    account: str = ""
    partition: str = ""
    exit_status: int | None = None
    exit_signal: int = 0
    submitted_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    elapsed: int | None = None
    time_limit: int | None = None
    nodes: int = 0
    node_list: str = ""
    cpus: int = 0
    memory_mib: int | None = None  # allocated
    memory_used_mib: int | None = None  # the largest task
    gpus: int = 0
    reason: str = ""
    canceled_by: str = ""  # user id or name, when Slurm says so
    submit_line: str = ""
    work_dir: str = ""
    cpu_seconds: float | None = None  # what its processes used, of all CPUs together
    asked_memory_mib: int | None = None  # of the whole job
    tasks: int = 0  # of a step
    qos: str = ""
    eligible_at: float | None = None
    derived_status: int | None = None  # the highest exit status of its steps


@dataclass(frozen=True, slots=True)
class Usage:
    """What a running step has used so far: memory of its largest task in MiB, CPU seconds of
    an average task."""

    step: str
    memory_mib: int | None
    cpu_seconds: float | None
    tasks: int


#: Amounts by Slurm's name of the resource: cpu, mem (MiB), node, gres/gpu, billing.
Tres = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Association:
    """What a user may use: one account, perhaps in one partition only.

    Limits hold with those of the accounts above it, as Slurm gives them; ``None`` is "no
    limit". ``max_tres`` is of one job, ``group_tres`` of all jobs together,
    ``group_minutes`` of all use together (resource x minutes).
    """

    cluster: str
    account: str
    user: str
    partition: str = ""
    qos: tuple[str, ...] = ()
    default_qos: str = ""
    max_jobs: int | None = None
    max_submit: int | None = None
    max_wall: int | None = None  # seconds
    group_tres: Tres = ()
    max_tres: Tres = ()
    group_submit: int | None = None
    group_minutes: Tres = ()


@dataclass(frozen=True, slots=True)
class Qos:
    """A quality of service and its limits; ``None`` is "no limit"."""

    name: str
    priority: int = 0
    max_wall: int | None = None  # seconds
    max_jobs_per_user: int | None = None
    max_submit_per_user: int | None = None
    max_tres_per_user: Tres = ()
    group_tres: Tres = ()
    preempt: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    max_tres: Tres = ()
    group_minutes: Tres = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """Use that an account, or a user in it, is granted, and what is used up.

    Both in resource x minutes; ``user`` is empty for the whole account. What decays or
    is reset is up to the site; ``used`` is what Slurm counts now.
    """

    account: str
    user: str
    granted: Tres
    used: Tres

    def left(self, resource: str) -> int | None:
        """What is left of a resource; ``None`` where nothing is granted, so nothing limits."""
        granted = dict(self.granted).get(resource)
        return None if granted is None else max(0, granted - dict(self.used).get(resource, 0))
