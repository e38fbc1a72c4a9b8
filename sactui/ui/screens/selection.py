"""What the cursor is on, and why a job is as it is."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.fleet import Agent, Problem, Reservation
from ...domain.job import Job
from ...domain.state import Phase
from ...slurm import reasons
from ..render import jobs as job_rows


@dataclass(frozen=True, slots=True)
class Selection:
    """What the cursor of the focused table is on."""

    table: str
    reservation: Reservation | None = None
    agent: Agent | None = None
    job: tuple[str, Job] | None = None
    problem: Problem | None = None


def startable(agent: Agent) -> bool:
    """Whether ``start`` does something for an agent: a tenant with a definition that does not run."""
    return bool(agent.path) and agent.runtime == "slurm-tenant" and not agent.state.alive


def explain_job(job: Job) -> str:
    """Why a job is as it is: Slurm's reason in words."""
    if job.phase is Phase.PENDING and job.reason and job.reason != "None":
        return reasons.explain(job.reason).sentence
    return job_rows.reason(job)
