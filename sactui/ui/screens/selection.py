"""What the cursor is on, and why a job is as it is."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.fleet import Agent, Fleet, Problem, Reservation
from ...domain.job import Job
from ...domain.state import Phase
from ...domain.text import visible
from ...slurm import reasons
from ...spec.definition import STARTABLE
from ..render import jobs as job_rows
from ..widgets.live_table import LiveTable

__all__ = ["STARTABLE", "Selection", "explain_job", "move_cursor", "no_jobs", "startable"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What the cursor of the focused table is on."""

    table: str
    reservation: Reservation | None = None
    agent: Agent | None = None
    job: tuple[str, Job] | None = None
    problem: Problem | None = None


def startable(agent: Agent) -> bool:
    """Whether ``start`` does something for an agent: one with a definition that does not run."""
    return bool(agent.path) and agent.runtime in STARTABLE and not agent.state.alive


def explain_job(job: Job) -> str:
    """Why a job is as it is: Slurm's reason in words."""
    if job.phase is Phase.PENDING and job.reason and job.reason != "None":
        return reasons.explain(job.reason).sentence
    return job_rows.reason(job)


def move_cursor(table: LiveTable, key: str) -> bool:
    """Move the cursor here, not by a binding: bindings run later than ``on_key``, and
    a quick "down, release" would release the row above."""
    match key:
        case "down" | "j":
            table.action_cursor(1)
        case "up" | "k":
            table.action_cursor(-1)
        case "pagedown" | "pageup":
            table.action_page(1.0 if key == "pagedown" else -1.0)
        case "ctrl+d" | "ctrl+u":
            table.action_page(0.5 if key == "ctrl+d" else -0.5)
        case "home" | "g":
            table.action_first()
        case "end" | "G":
            table.action_last()
        case _:
            return False
    return True


def no_jobs(fleet: Fleet) -> str:
    """What an empty table of jobs says: nothing was seen, or the controller answered "nothing"."""
    if not fleet.hosts:
        return "no host: start with sactui --host ALIAS, or book a reservation (b)"
    silent = [host.name for host in fleet.hosts if host.name not in fleet.jobs_at]
    if silent:
        return f"{', '.join(visible(name) for name in silent)}: not looked yet"
    if any(fleet.private.values()):
        return "none of yours; only your own jobs are visible on this site"
    return "the controller answered: no jobs of yours"
