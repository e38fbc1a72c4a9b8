"""Everything known about one row, as labelled facts; and why a state is what it is."""

from __future__ import annotations

from ...domain.explaining import explain
from ...domain.fleet import Agent, Reservation
from ...domain.job import UNLIMITED, Job
from ...domain.text import visible
from . import words
from .agents import state_word
from .jobs import phase_word
from .reservations import next_sentence

#: A label and what is known; nothing is listed that is not known.
Facts = list[tuple[str, str]]


def agent_details(agent: Agent, now: float, glyphs: words.Glyphs = words.UNICODE) -> Facts:
    """What is known about an agent and its pane."""
    state, pane = agent.state, agent.pane
    facts = [
        ("state", f"{glyphs.states[state]} {state_word(agent)}"),
        ("why", agent.verdict.why),
        ("since", _moment(agent.verdict.since, now)),
        ("runtime", agent.runtime),
        ("model", agent.model),
        ("host", agent.host),
        ("reservation", agent.reservation),
        ("node", agent.node),
        ("job", "" if agent.job_id is None else str(agent.job_id)),
        ("definition", agent.path),
        ("seen", _moment(agent.observed_at, now)),
    ]
    if pane is not None:
        status = "" if pane.exit_status is None else f", exit status {pane.exit_status}"
        life = f"ended{status}" if pane.dead else "alive"
        history = words.plural(pane.history, "line")
        facts += [
            ("pane", f"{pane.pane_id} of session {pane.session}, {life}"),
            ("command", pane.command),
            ("process", str(pane.pid) if pane.pid else ""),
            ("size", f"{pane.width}x{pane.height}, {history} of history" if pane.width else ""),
            ("last output", _moment(pane.activity_at, now)),
            ("attached", words.plural(pane.attached, "client") if pane.attached else "nobody"),
        ]
    return _known(facts)


def reservation_details(reservation: Reservation, now: float) -> Facts:
    """What is known about a reservation: the lease, and its job when there is one."""
    job = reservation.job
    facts = [
        ("state", reservation.state),
        ("next", next_sentence(reservation, now)),
        ("host", reservation.host),
        ("node", reservation.node),
        ("job", "" if reservation.job_id is None else str(reservation.job_id)),
        ("ends", _moment(reservation.ends_at, now)),
        ("persistent", _chain(reservation)),
        ("successor", _successor(reservation)),
        ("its script", reservation.said),
        ("lost", _lost(reservation)),
        ("node offers", reservation.report.verdict if reservation.report else ""),
        ("the site gave", ", ".join(reservation.changed)),
        ("tmux server", reservation.tmux_server),
        ("lease", reservation.lease_id),
        ("seen", _moment(reservation.observed_at, now)),
    ]
    if job is not None:
        said = {"state", "node", "ends"}
        facts += [fact for fact in job_details(job, now) if fact[0] not in said]
    return _known(facts)


def _chain(reservation: Reservation) -> str:
    if not reservation.generations:
        return "yes" if reservation.persistent else "no"
    who = "; its successor is submitted from here" if reservation.submits == "console" else ""
    return f"job {reservation.generation} of {reservation.generations}{who}"


def _successor(reservation: Reservation) -> str:
    heir = reservation.successor
    return "" if heir is None else f"job {heir.id}, {heir.state.lower()}"


def _lost(reservation: Reservation) -> str:
    if not reservation.lost:
        return ""
    how = "its requeue" if reservation.lost_how == "requeued" else f"job {reservation.lost_with}"
    return f"{', '.join(reservation.lost)} with {how}; s starts one again"


def job_details(job: Job, now: float, why: str = "") -> Facts:
    """What is known about a job; ``why`` is the sentence for its state. Slurm's words stand beside ours."""
    slurm = f"{job.state} ({job.reason})" if job.reason not in ("", "None") else job.state
    limit = ""
    if job.time_limit is not None:
        limit = " of no limit" if job.time_limit == UNLIMITED else f" of {words.duration(job.time_limit)}"
    return _known(
        [
            ("state", f"{phase_word(job)}, {slurm}"),
            ("why", why),
            ("name", job.name),
            ("user", job.user),
            ("partition", job.partition),
            ("account", job.account),
            ("QoS", job.qos),
            ("nodes", f"{job.nodes}  {job.node_list}".strip() if job.nodes else ""),
            ("asks for", _size(job)),
            ("run time", f"{words.duration(job.elapsed)}{limit}"),
            ("submitted", _moment(job.submitted_at, now)),
            ("started", _moment(job.started_at, now)),
            ("may start", _moment(job.expected_start, now)),
            ("ends", _moment(job.ends_at, now)),
            ("restarts", str(job.restarts) if job.restarts else ""),
            ("depends on", job.dependency),
            ("exit code", job.exit_code),
            ("directory", job.work_dir),
            ("comment", job.comment),
        ]
    )


def _known(facts: Facts) -> Facts:
    return [(label, visible(text)) for label, text in facts if text]


def _size(job: Job) -> str:
    parts = [words.plural(job.cpus, "CPU")]
    if job.memory_mib:
        parts.append(words.memory(job.memory_mib))
    if job.gpus:
        parts.append(words.plural(job.gpus, "GPU"))
    return ", ".join(parts)


def _moment(at: float | None, now: float) -> str:
    """A moment and how far it is: ``19:31, in 42 m`` or ``18:45, 46 m ago``."""
    if at is None:
        return ""
    distance = f"in {words.spoken(at - now)}" if at > now else words.ago(now - at)
    return f"{words.clock_time(at, now)}, {distance}"


__all__ = ["Facts", "agent_details", "explain", "job_details", "reservation_details"]
