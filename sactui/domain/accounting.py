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


@dataclass(frozen=True, slots=True)
class Association:
    """What a user may use: one account, perhaps in one partition only."""

    cluster: str
    account: str
    user: str
    partition: str = ""
    qos: tuple[str, ...] = ()
    default_qos: str = ""
    max_jobs: int | None = None
    max_submit: int | None = None
    max_wall: int | None = None  # seconds
    group_tres: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Qos:
    """A quality of service and its limits; ``None`` is "no limit"."""

    name: str
    priority: int = 0
    max_wall: int | None = None  # seconds
    max_jobs_per_user: int | None = None
    max_submit_per_user: int | None = None
    max_tres_per_user: tuple[tuple[str, str], ...] = ()
    group_tres: tuple[tuple[str, str], ...] = ()
    preempt: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
