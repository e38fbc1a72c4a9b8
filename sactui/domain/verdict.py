"""From observations to one state of an agent, with the whole chain of evidence.

The order of evidence: what Slurm says of the job, what tmux says of the pane, what the
agent reports, what the rules find on its screen, the age of its last output. A lower
layer never overrules a higher one, and a look that failed is no evidence at all: the
verdict before it stays, marked stale, and is never turned into "stopped".
"""

from __future__ import annotations

import signal

from .fleet import Evidence, Trouble, Verdict
from .job import Job
from .living import by_pane, screen_evidence
from .look import ENDED, Draft, Look, keep
from .pane import Pane, Server
from .screen import ScreenVerdict
from .state import AgentState, Phase

#: So many seconds after the end of a program tmux may still not know its exit status.
STATUS_GRACE = 2.0
#: Evidence of a look that failed; not a layer, so it never decides.
LOOK = "look"
LAYERS = ("slurm", "tmux", "agent", "screen", "activity")

_KILLED = {
    "TIMEOUT": "time limit",
    "OUT_OF_MEMORY": "out of memory",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "preempted by other work",
    "CANCELLED": "cancelled",
    "DEADLINE": "its deadline has passed",
    "BOOT_FAIL": "its node did not boot",
    "REVOKED": "its allocation was revoked",
}


def agent_verdict(
    *,
    job: Job | None,
    job_id: int | None,
    job_seen_at: float | None,
    server: Server | None,
    server_seen_at: float | None,
    pane: Pane | None,
    trouble: Trouble | None,
    screen: ScreenVerdict | None,
    now: float,
    previous: Verdict | None = None,
    own_job: bool = False,
) -> Verdict:
    """The state of one agent.

    ``job`` is the last record of the job ``job_id`` in which it lives; ``None`` with a
    ``job_seen_at`` means that the controller answered and does not know the job.
    ``server`` is the last answer of the tmux server there; ``None`` with a
    ``server_seen_at`` means that none runs. ``trouble`` says that the newest look into
    the allocation failed, so ``server`` may be old. ``screen`` is ``None`` when the
    screen was not captured. ``own_job``: the job is the agent's own, not a reservation.

    An agent in a pending reservation is ``stopped`` (nothing can run there), one whose
    own job is pending is ``starting``. A dead agent stays dead until a session of it is
    there again; to forget an end on purpose (after "stop"), leave out ``previous``.
    """
    look = Look(
        job=job,
        job_id=job_id,
        job_seen_at=job_seen_at,
        server=server,
        server_seen_at=server_seen_at,
        pane=pane,
        trouble=trouble,
        screen=screen,
        now=now,
        previous=previous,
        own_job=own_job,
    )
    chain: list[Evidence] = []
    draft = _by_slurm(look, chain) or _by_tmux(look, chain) or by_pane(look, chain)
    if look.previous is not None and draft.stale:
        # What was seen earlier still explains the verdict; its age tells the rest.
        here = {item.source for item in chain}
        chain.extend(
            item for item in look.previous.chain if item.source not in here and item.source in LAYERS
        )
        chain.sort(key=lambda item: LAYERS.index(item.source) if item.source in LAYERS else -1)
    since = draft.since
    if look.previous is not None and look.previous.state is draft.state and look.previous.since is not None:
        since = look.previous.since
    return Verdict(
        state=draft.state,
        why=draft.why,
        since=now if since is None else min(since, now),
        layer=draft.layer,
        chain=tuple(chain),
        seen_at=draft.seen_at,
        stale=draft.stale,
        running=draft.running,
        until=draft.until,
    )


# -- Slurm: the job -----------------------------------------------------------------------


def _by_slurm(look: Look, chain: list[Evidence]) -> Draft | None:
    job, at = look.job, look.job_seen_at
    if job is None:
        return _without_job(look, chain)
    chain.append(Evidence("slurm", _job_text(job), at))
    if job.phase.ended:
        return _job_ended(look, job)
    if job.phase is Phase.PENDING:
        return _job_pending(look, job)
    if job.phase is Phase.PAUSED:
        why = f"its job {job.label} is suspended: nothing in it moves"
        if look.previous is not None and look.ran:
            return keep(look.previous, stale=True, why=why)
        return Draft(AgentState.UNKNOWN, why, "slurm", seen_at=at)
    return None


def _without_job(look: Look, chain: list[Evidence]) -> Draft | None:
    at = look.job_seen_at
    if look.job_id is None:
        if look.own_job:
            chain.append(Evidence("slurm", "it has no job", at))
            return Draft(AgentState.STOPPED, "not started", "slurm", seen_at=at)
        chain.append(Evidence("slurm", "no job is known for its reservation", at))
        why = "no job is known for its reservation"
        return Draft(AgentState.UNKNOWN, why, "slurm", seen_at=at, running=look.ran)
    if at is None:
        chain.append(Evidence("slurm", f"job {look.job_id} not looked at yet", None, used=False))
        return None
    text = f"job {look.job_id} is not in the queue"
    if _answers(look) and (look.server_seen_at or 0.0) >= at:
        # A server inside the allocation is the better witness of its existence.
        chain.append(Evidence("slurm", text, at, used=False, note="its allocation answers"))
        return None
    chain.append(Evidence("slurm", text, at))
    if look.ended is not None:
        return keep(look.ended, stale=False)
    if look.ran:
        why = f"job {look.job_id} is gone from the queue; how it ended is not known"
        return Draft(AgentState.LOST, why, "slurm", seen_at=at)
    return Draft(AgentState.STOPPED, f"its allocation, job {look.job_id}, is gone", "slurm", seen_at=at)


def _answers(look: Look) -> bool:
    return look.trouble is None and look.server is not None and look.server.job_id == look.job_id


def _job_ended(look: Look, job: Job) -> Draft:
    at = look.job_seen_at
    words = job.state.split()
    word = words[0].rstrip("+") if words else ""
    ended_at = job.ends_at if job.ends_at is not None and job.ends_at <= look.now else None
    if word in _KILLED:
        reason, end = _KILLED[word], f"killed by Slurm: {_KILLED[word]}"
    else:
        code = f" (exit {job.exit_code})" if job.exit_code and job.exit_code not in ("0", "0:0") else ""
        reason = "its job completed" if job.phase is Phase.DONE else f"its job failed{code}"
        end = f"ended with its allocation: {reason}"
    before = look.ended
    if before is not None and before.state is not AgentState.LOST:
        return keep(before, stale=False)
    if look.ran or before is not None:
        return Draft(AgentState.DEAD, end, "slurm", ended_at, at)
    if look.own_job and job.phase is Phase.DONE:
        return Draft(AgentState.EXITED, "its job completed", "slurm", ended_at, at)
    if look.own_job:
        return Draft(AgentState.DEAD, end, "slurm", ended_at, at)
    return Draft(AgentState.STOPPED, f"its reservation has ended: {reason}", "slurm", ended_at, at)


def _job_pending(look: Look, job: Job) -> Draft:
    at = look.job_seen_at
    waits = f": {job.reason}" if job.reason else ""
    if look.own_job:
        why = f"its job was requeued and waits{waits}" if job.restarts else f"its job waits{waits}"
        return Draft(AgentState.STARTING, why, "slurm", job.submitted_at, at)
    if look.ended is not None:
        return keep(look.ended, stale=False)
    if look.ran:
        why = (
            "killed by Slurm: its job was requeued"
            if job.restarts
            else "ended with its allocation: its job waits again"
        )
        return Draft(AgentState.DEAD, why, "slurm", seen_at=at)
    return Draft(AgentState.STOPPED, f"its reservation is pending{waits}", "slurm", seen_at=at)


def _job_text(job: Job) -> str:
    where = job.batch_host or job.node_list
    text = f"job {job.label} {job.state.lower().replace('_', ' ')}"
    if where and job.phase in (Phase.RUNNING, Phase.PAUSED):
        text += f" on {where}"
    return f"{text} ({job.reason})" if job.reason and job.phase is not Phase.RUNNING else text


# -- tmux: the pane -----------------------------------------------------------------------


def _by_tmux(look: Look, chain: list[Evidence]) -> Draft | None:
    at, server, before = look.server_seen_at, look.server, look.previous
    if look.trouble is not None:
        chain.append(Evidence(LOOK, f"{look.trouble.layer}: {look.trouble.what}", look.now, used=False))
        if before is not None and (before.state is not AgentState.UNKNOWN or before.running):
            return keep(before, stale=True)
        if server is None:
            return Draft(AgentState.UNKNOWN, look.trouble.what, look.trouble.layer, running=look.ran)
    elif server is None and at is None:
        if before is not None and before.state is not AgentState.UNKNOWN:
            return keep(before, stale=True)
        return Draft(AgentState.UNKNOWN, "not looked at yet", "", running=look.ran)
    if server is None:
        chain.append(Evidence("tmux", "no tmux server in its allocation", at))
        if look.ended is not None:
            return keep(look.ended, stale=False)
        if look.ran:
            return Draft(AgentState.DEAD, "its tmux server is gone", "tmux", seen_at=at)
        return Draft(AgentState.STOPPED, "no tmux server in its allocation", "tmux", seen_at=at)
    if server.job_id is None or server.job_id != look.job_id:
        whose = "does not say whose it is" if server.job_id is None else f"belongs to job {server.job_id}"
        why = f"the tmux server {server.socket} {whose}: not used"
        chain.append(Evidence("tmux", why, at, used=False))
        return Draft(AgentState.UNKNOWN, why, "tmux", seen_at=at, running=look.ran)
    if look.pane is None:
        return _without_pane(look, chain)
    if look.pane.dead:
        return _pane_ended(look, look.pane, chain)
    note = "in copy mode: keys do not reach it" if look.pane.in_mode else ""
    chain.append(Evidence("tmux", f"pane {look.pane.pane_id} alive, process {look.pane.pid}", at, note=note))
    return None


def _without_pane(look: Look, chain: list[Evidence]) -> Draft:
    at, before = look.server_seen_at, look.previous
    chain.append(Evidence("tmux", "no session of it", at))
    if before is not None and before.state in ENDED and before.layer == "slurm":
        # It was lost with an earlier allocation and has not been started again.
        return keep(before, stale=False)
    why = "its session was ended" if look.ran else "not running"
    return Draft(AgentState.STOPPED, why, "tmux", seen_at=at, stale=look.trouble is not None)


def _pane_ended(look: Look, pane: Pane, chain: list[Evidence]) -> Draft:
    name = _signal_name(pane.exit_signal)
    silence, before = look.silence, look.previous
    untold = not name and pane.exit_status is None
    if untold and before is not None and look.ran and silence is not None and silence < STATUS_GRACE:
        # tmux calls a pane dead a moment before it knows how its program ended.
        text, note = f"pane {pane.pane_id} ended", "how it ended is not known yet"
        chain.append(Evidence("tmux", text, look.server_seen_at, used=False, note=note))
        return keep(before, stale=True)
    if name:
        state, why = AgentState.DEAD, f"killed by {name}"
    elif pane.exit_status is None:
        state, why = AgentState.EXITED, "ended; its exit status is not known"
    else:
        state, why = AgentState.EXITED, f"exit {pane.exit_status}"
        if pane.exit_status == 127:
            why += ": its command was not found"
        elif pane.exit_status == 126:
            why += ": its command could not be run"
        elif pane.exit_status > 128 and (by := _signal_name(str(pane.exit_status - 128))):
            why += f": ended by {by}"
    chain.append(Evidence("tmux", f"pane {pane.pane_id} ended: {why}", look.server_seen_at))
    screen = look.screen
    if screen is not None and screen.state is AgentState.DEAD:
        state, why = AgentState.DEAD, screen.why
        chain.append(screen_evidence(screen, look))
    return Draft(
        state, why, "tmux", look.ours(pane.activity_at), look.server_seen_at, look.trouble is not None
    )


def _signal_name(text: str) -> str:
    """``9``, ``KILL`` and ``SIGKILL`` are all SIGKILL; tmux writes what its platform has."""
    text = text.strip().upper()
    if not text or text == "0":
        return ""
    if text.isdecimal():
        try:
            return signal.Signals(int(text)).name
        except ValueError:
            return f"signal {text}"
    return text if text.startswith("SIG") else f"SIG{text}"
