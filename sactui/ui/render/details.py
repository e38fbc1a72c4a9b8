"""Details and explanations as plain paragraphs: what is known, from where, how old."""

from __future__ import annotations

from datetime import datetime

from ...domain.fleet import Agent, Reservation
from ...domain.job import Job
from .words import age, duration

_SOURCES = {"slurm": "Slurm", "tmux": "tmux", "agent": "agent", "screen": "screen", "activity": "output"}


def explain(agent: Agent, now: float) -> list[str]:
    """The whole chain behind a verdict, the deciding layer marked."""
    verdict = agent.verdict
    head = f"{agent.name} is {verdict.state}"
    if verdict.why:
        head += f": {verdict.why}"
    if verdict.since is not None:
        head += f"\nsince {clock_time(verdict.since)}"
        if agent.observed_at is not None:
            head += f", seen {age(now - agent.observed_at)} ago"
    lines = [f"decided by: {_SOURCES.get(verdict.layer, verdict.layer or 'nothing')}", ""]
    for evidence in verdict.chain:
        when = f"  ({age(now - evidence.at)} ago)" if evidence.at is not None else ""
        note = f"   {evidence.note}" if evidence.note else ("" if evidence.used else "   not used")
        lines.append(f"{_SOURCES.get(evidence.source, evidence.source):8} {evidence.text}{when}{note}")
    return [head, "\n".join(lines)]


def agent_details(agent: Agent, now: float) -> list[tuple[str, str]]:
    """Rows of (label, value) for an agent."""
    pane = agent.pane
    rows = [
        ("state", f"{agent.state} {agent.verdict.why}".strip()),
        ("runtime", agent.runtime),
        ("model", agent.model or "-"),
        ("reservation", agent.reservation or "-"),
        ("host", agent.host or "-"),
        ("node", agent.node or "-"),
        ("job", str(agent.job_id or "-")),
        ("definition", agent.path or "none here: found on the node"),
    ]
    if pane is not None:
        rows.append(("pane", f"{pane.pane_id}, {pane.width}x{pane.height}, pid {pane.pid}, {pane.command}"))
        if pane.attached:
            rows.append(("attached", f"{pane.attached} terminal{'s' if pane.attached > 1 else ''}"))
    if agent.observed_at is not None:
        rows.append(("seen", f"{age(now - agent.observed_at)} ago"))
    return rows


def reservation_details(reservation: Reservation, now: float) -> list[tuple[str, str]]:
    """Rows of (label, value) for a reservation and its job."""
    rows = [
        ("state", reservation.state + (f": {reservation.why}" if reservation.why else "")),
        ("host", reservation.host),
        ("lease", reservation.lease_id),
        ("tmux server", reservation.tmux_server or "none: tenants cannot start here"),
        ("persistent", "yes" if reservation.persistent else "no"),
    ]
    if reservation.trouble is not None:
        rows.append(("trouble", reservation.trouble.what))
    if reservation.job is not None:
        rows += job_details(reservation.job, now)
    if reservation.observed_at is not None:
        rows.append(("seen", f"{age(now - reservation.observed_at)} ago"))
    return rows


def job_details(job: Job, now: float) -> list[tuple[str, str]]:
    """Rows of (label, value) for a job."""
    rows = [
        ("job", f"{job.label} {job.name}"),
        ("slurm says", job.state + (f" ({job.reason})" if job.reason and job.reason != "None" else "")),
        ("user", job.user),
        ("partition", job.partition or "-"),
        ("nodes", job.node_list or str(job.nodes)),
        ("cpus", str(job.cpus)),
        ("memory", f"{job.memory_mib} MiB" if job.memory_mib else "-"),
        ("gpus", str(job.gpus)),
        ("elapsed", duration(job.elapsed)),
        ("time limit", duration(job.time_limit) if job.time_limit and job.time_limit > 0 else "none"),
    ]
    if job.submitted_at is not None:
        rows.append(("submitted", clock_time(job.submitted_at)))
    if job.ends_at is not None and job.ends_at > now:
        rows.append(("ends", f"{clock_time(job.ends_at)}, in {duration(job.ends_at - now)}"))
    if job.dependency:
        rows.append(("waits for", job.dependency))
    if job.work_dir:
        rows.append(("directory", job.work_dir))
    if job.comment:
        rows.append(("comment", job.comment))
    return rows


def clock_time(at: float) -> str:
    """Local time of day, with the date when it is not within a day."""
    return datetime.fromtimestamp(at).strftime("%a %H:%M:%S")
