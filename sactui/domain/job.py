"""Slurm jobs as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from .state import Phase


@dataclass(frozen=True, slots=True)
class Job:
    """One record of squeue.

    ``id`` is Slurm's raw job id (squeue ``%A``), the only one that steps, cancel and
    attach accept. Times are epoch seconds, durations seconds, memory MiB; ``None``
    is "not known" or "not set", :data:`UNLIMITED` a limit that does not exist.
    """

    id: int
    name: str
    user: str
    state: str  # Slurm's word, e.g. RUNNING
    phase: Phase
    reason: str = ""  # Slurm's reason, e.g. Resources; empty for none
    partition: str = ""
    account: str = ""
    qos: str = ""
    nodes: int = 0
    node_list: str = ""
    batch_host: str = ""
    cpus: int = 0
    memory_mib: int | None = None
    gpus: int = 0
    time_limit: int | None = None
    elapsed: int = 0
    submitted_at: float | None = None
    started_at: float | None = None
    expected_start: float | None = None
    ends_at: float | None = None
    restarts: int = 0
    array_job: int | None = None
    array_tasks: str = ""  # the task expression, e.g. "[3-99%4]" or "7"
    het_job: int | None = None
    het_offset: int | None = None
    dependency: str = ""
    work_dir: str = ""
    comment: str = ""
    exit_code: str = ""
    user_id: int | None = None
    tasks: int = 1  # array tasks behind this one record
    tasks_exact: bool = True  # False: Slurm cut the expression short, there are more

    @property
    def label(self) -> str:
        """The id as people write it: 4790_[0-99] for arrays, 12+1 for heterogeneous jobs."""
        if self.array_job is not None:
            return f"{self.array_job}_{self.array_tasks}"
        if self.het_job is not None and self.het_offset is not None:
            return f"{self.het_job}+{self.het_offset}"
        return str(self.id)

    @property
    def identity(self) -> tuple[int, float | None, str]:
        """What makes it this job: a requeued job has the same id and another submit time."""
        return (self.id, self.submitted_at, self.name)


#: A time limit that does not exist.
UNLIMITED = -1
