"""What is concluded from which observations, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sactui.domain.fleet import Trouble, Verdict
from sactui.domain.job import Job
from sactui.domain.pane import Pane, Server
from sactui.domain.screen import ScreenVerdict
from sactui.domain.state import AgentState, Phase
from sactui.domain.verdict import agent_verdict

NOW = 100_000.0
SKEW = 500.0  # the node's clock is ahead of ours
NODE = NOW + SKEW

RUNNING = Job(4711, "dev-pool", "op", "RUNNING", Phase.RUNNING, batch_host="gpu07")
PANE = Pane("sac-a", "%4", pid=77, activity_at=NODE - 60, created_at=NODE - 5000)
IDLE = ScreenVerdict(AgentState.IDLE, "turn finished", "claude/turn-finished", 31, "✻ Brewed for 4s")
WORKING = ScreenVerdict(AgentState.WORKING, "Noodling… 12s", "claude/spinner", 6, "✽ Noodling… (12s)")
ASKING = ScreenVerdict(
    AgentState.ASKING, "may I run: rm -rf build/", "claude/permission", 5, "Do you want to"
)
NOTHING = ScreenVerdict(AgentState.UNKNOWN, "no rule recognises its screen")
UNCOVERED = ScreenVerdict(AgentState.UNKNOWN, "there are no screen rules for x", covered=False)
LINK_DOWN = Trouble("ssh", "spartan: connection lost", "r tries again")


def server(*panes: Pane, job_id: int | None = 4711) -> Server:
    return Server("sac-4711", job_id, 50, "3.3a", NODE, panes, {})


def judged(**changes: Any) -> Verdict:
    """The verdict about a living agent, with something different."""
    inputs: dict[str, Any] = {
        "job": RUNNING,
        "job_id": 4711,
        "job_seen_at": NOW,
        "server_seen_at": NOW,
        "pane": PANE,
        "trouble": None,
        "screen": IDLE,
        "now": NOW,
        "previous": None,
    } | changes
    if "server" not in inputs:
        inputs["server"] = server(*([inputs["pane"]] if inputs["pane"] else []))
    return agent_verdict(**inputs)


def before(state: AgentState, why: str = "before", *, layer: str = "screen", **changes: Any) -> Verdict:
    return replace(Verdict(state, why, since=NOW - 900, layer=layer, seen_at=NOW - 30), **changes)


def sources(verdict: Verdict) -> dict[str, bool]:
    return {item.source: item.used for item in verdict.chain}


# -- a living agent ---------------------------------------------------------------------------


def test_the_chain_has_every_layer_and_says_which_decided() -> None:
    verdict = judged(pane=replace(PANE, report="idle", report_at=NODE - 300))
    assert (verdict.state, verdict.why, verdict.layer) == (AgentState.IDLE, "turn finished", "screen")
    assert sources(verdict) == {
        "slurm": True,
        "tmux": True,
        "agent": False,
        "screen": True,
        "activity": False,
    }
    texts = {item.source: (item.text, item.at, item.note) for item in verdict.chain}
    assert texts["slurm"] == ("job 4711 running on gpu07", NOW, "")
    assert texts["tmux"] == ("pane %4 alive, process 77", NOW, "")
    assert texts["agent"] == ("reports idle", NOW - 300, "older than the screen")
    assert texts["screen"][0] == "rule claude/turn-finished, line 31: ✻ Brewed for 4s"
    assert texts["activity"][1] == NOW - 60
    assert (verdict.seen_at, verdict.stale, verdict.running) == (NOW, False, True)


@pytest.mark.parametrize(("screen", "since"), [(IDLE, NOW - 60), (ASKING, NOW - 60), (WORKING, NOW)])
def test_a_state_begins_with_the_output_that_shows_it(screen: ScreenVerdict, since: float) -> None:
    assert judged(screen=screen).since == since


def test_an_unchanged_state_keeps_its_beginning() -> None:
    assert judged(previous=before(AgentState.IDLE)).since == NOW - 900
    assert judged(previous=before(AgentState.ASKING)).since == NOW - 60


def test_a_fresh_report_comes_before_the_screen() -> None:
    pane = replace(PANE, report="asking", report_at=NODE - 65)
    verdict = judged(pane=pane)
    assert (verdict.state, verdict.layer, verdict.why) == (AgentState.ASKING, "agent", "reports asking")
    assert sources(verdict)["screen"] is False
    # Where both agree, the screen knows what it asks.
    assert judged(pane=pane, screen=ASKING).why == "may I run: rm -rf build/"


@pytest.mark.parametrize(("age", "used"), [(69.0, True), (70.0, True), (71.0, False)])
def test_a_report_older_than_the_last_output_plus_ten_seconds_is_no_evidence(age: float, used: bool) -> None:
    verdict = judged(pane=replace(PANE, report="limited", report_at=NODE - age))
    assert sources(verdict)["agent"] is used
    assert verdict.state is (AgentState.LIMITED if used else AgentState.IDLE)


def test_a_report_of_work_without_any_movement_is_no_evidence() -> None:
    """A dialog that appears right after the report is the last output for ever."""
    verdict = judged(pane=replace(PANE, report="working", report_at=NODE - 61), screen=ASKING)
    assert verdict.state is AgentState.ASKING
    assert next(item.note for item in verdict.chain if item.source == "agent") == "nothing has moved since"


@pytest.mark.parametrize("word", ["dead", "stopped", "rm -rf", "Working", "unknown"])
def test_words_that_no_agent_can_report_are_no_evidence(word: str) -> None:
    verdict = judged(pane=replace(PANE, report=word, report_at=NODE - 60))
    assert verdict.state is AgentState.IDLE
    assert sources(verdict)["agent"] is False


@pytest.mark.parametrize("missing", ["report_at", "activity_at"])
def test_a_report_whose_age_is_not_known_is_no_evidence(missing: str) -> None:
    pane = replace(PANE, report="asking", report_at=NODE - 60)
    assert judged(pane=replace(pane, **{missing: None})).state is AgentState.IDLE


def test_idle_wants_a_moment_of_silence_after_work() -> None:
    just_now = replace(PANE, activity_at=NODE - 1)
    verdict = judged(pane=just_now, previous=before(AgentState.WORKING, "Noodling…"))
    assert (verdict.state, verdict.why, verdict.since) == (AgentState.WORKING, "Noodling…", NOW - 900)
    assert verdict.seen_at == NOW
    assert sources(verdict)["screen"] is False
    silent = replace(PANE, activity_at=NODE - 2)
    assert judged(pane=silent, previous=before(AgentState.WORKING)).state is AgentState.IDLE
    # Typing into an idle agent moves its screen and does not make it work.
    assert judged(pane=just_now, previous=before(AgentState.IDLE)).state is AgentState.IDLE
    assert judged(pane=just_now).state is AgentState.IDLE


@pytest.mark.parametrize("screen", [WORKING, ASKING])
def test_work_and_questions_count_at_once(screen: ScreenVerdict) -> None:
    just_now = replace(PANE, activity_at=NODE)
    assert judged(pane=just_now, screen=screen, previous=before(AgentState.IDLE)).state is screen.state


def test_a_rule_that_wants_silence_gets_it() -> None:
    quiet = replace(IDLE, quiet=10.0)
    verdict = judged(pane=replace(PANE, activity_at=NODE - 4), screen=quiet)
    assert (verdict.state, verdict.layer) == (AgentState.WORKING, "activity")
    assert sources(verdict)["activity"] is True
    assert judged(pane=replace(PANE, activity_at=NODE - 12), screen=quiet).state is AgentState.IDLE


def test_an_unrecognised_screen_is_unknown_and_never_idle() -> None:
    verdict = judged(screen=NOTHING)
    assert (verdict.state, verdict.why) == (AgentState.UNKNOWN, "no rule recognises its screen")
    assert verdict.running
    assert judged(screen=None).state is AgentState.UNKNOWN
    assert judged(screen=NOTHING, pane=replace(PANE, activity_at=NODE)).state is AgentState.UNKNOWN


def test_a_young_agent_with_nothing_to_read_is_starting() -> None:
    young = replace(PANE, created_at=NODE - 5)
    verdict = judged(pane=young, screen=NOTHING)
    assert (verdict.state, verdict.since) == (AgentState.STARTING, NOW - 5)
    assert judged(pane=young, screen=IDLE).state is AgentState.IDLE
    assert judged(pane=young, screen=replace(UNCOVERED, blank=True)).state is AgentState.STARTING


def test_without_rules_only_movement_is_known() -> None:
    verdict = judged(screen=UNCOVERED, pane=replace(PANE, activity_at=NODE - 3))
    assert (verdict.state, verdict.layer) == (AgentState.WORKING, "activity")
    assert judged(screen=UNCOVERED).state is AgentState.UNKNOWN


def test_a_viewer_keeps_the_state_under_it() -> None:
    viewer = ScreenVerdict(AgentState.UNKNOWN, "a viewer covers its screen", "claude/viewer", 30, hold=True)
    kept = judged(screen=viewer, previous=before(AgentState.WORKING))
    assert (kept.state, kept.since, kept.stale) == (AgentState.WORKING, NOW - 900, False)
    assert judged(screen=viewer).state is AgentState.UNKNOWN


def test_a_limit_knows_when_it_ends() -> None:
    # 100000 s after the epoch is 03:46:40 UTC.
    limited = ScreenVerdict(
        AgentState.LIMITED, "resets 5am (UTC)", "claude/usage-limit", 6, "x", (("resets", "5am (UTC)"),)
    )
    verdict = judged(screen=limited)
    assert verdict.until == 86400 + 5 * 3600
    later = judged(screen=limited, previous=verdict, now=NOW + 50, server_seen_at=NOW + 50)
    assert later.until == verdict.until


def test_slurm_lines_on_a_living_screen_mean_dead() -> None:
    killed = ScreenVerdict(
        AgentState.DEAD, "killed by Slurm: out of memory", "slurm/out-of-memory", 9, "srun: error"
    )
    verdict = judged(screen=killed)
    assert (verdict.state, verdict.running) == (AgentState.DEAD, False)


# -- the pane ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "by", "state", "why"),
    [
        (0, "", AgentState.EXITED, "exit 0"),
        (3, "", AgentState.EXITED, "exit 3"),
        (127, "", AgentState.EXITED, "exit 127: its command was not found"),
        (137, "", AgentState.EXITED, "exit 137: ended by SIGKILL"),
        (None, "9", AgentState.DEAD, "killed by SIGKILL"),
        (None, "KILL", AgentState.DEAD, "killed by SIGKILL"),
        (0, "SIGTERM", AgentState.DEAD, "killed by SIGTERM"),
        (None, "64", AgentState.DEAD, "killed by SIGRTMAX"),
        (None, "99", AgentState.DEAD, "killed by signal 99"),
        (None, "", AgentState.EXITED, "ended; its exit status is not known"),
    ],
)
def test_how_its_program_ended(status: int | None, by: str, state: AgentState, why: str) -> None:
    pane = replace(PANE, dead=True, exit_status=status, exit_signal=by, report="working", report_at=NODE)
    verdict = judged(pane=pane, screen=WORKING, previous=before(AgentState.WORKING))
    assert (verdict.state, verdict.why, verdict.layer) == (state, why, "tmux")
    assert (verdict.since, verdict.running) == (NOW - 60, False)


def test_an_end_is_told_once_tmux_knows_how() -> None:
    just_now = replace(PANE, dead=True, activity_at=NODE - 1)
    assert judged(pane=just_now, previous=before(AgentState.WORKING)).state is AgentState.WORKING
    assert judged(pane=just_now).state is AgentState.EXITED
    later = replace(just_now, activity_at=NODE - 3)
    assert judged(pane=later, previous=before(AgentState.WORKING)).state is AgentState.EXITED


def test_no_session_is_stopped() -> None:
    assert judged(pane=None).why == "not running"
    verdict = judged(pane=None, previous=before(AgentState.WORKING))
    assert (verdict.state, verdict.why) == (AgentState.STOPPED, "its session was ended")
    # What had ended by itself is over once its session is removed.
    assert judged(pane=None, previous=before(AgentState.EXITED, layer="tmux")).state is AgentState.STOPPED


def test_no_tmux_server() -> None:
    assert judged(server=None, pane=None).state is AgentState.STOPPED
    verdict = judged(server=None, pane=None, previous=before(AgentState.IDLE))
    assert (verdict.state, verdict.why) == (AgentState.DEAD, "its tmux server is gone")


@pytest.mark.parametrize("job_id", [4712, None])
def test_a_server_of_another_job_is_never_used(job_id: int | None) -> None:
    verdict = judged(server=server(PANE, job_id=job_id), screen=WORKING)
    assert verdict.state is AgentState.UNKNOWN
    assert "not used" in verdict.why


# -- the job ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "phase", "why"),
    [
        ("TIMEOUT", Phase.ERROR, "killed by Slurm: time limit"),
        ("OUT_OF_MEMORY", Phase.ERROR, "killed by Slurm: out of memory"),
        ("CANCELLED", Phase.CANCELED, "killed by Slurm: cancelled"),
        ("CANCELLED by 1000", Phase.CANCELED, "killed by Slurm: cancelled"),
        ("NODE_FAIL", Phase.ERROR, "killed by Slurm: its node failed"),
        ("PREEMPTED", Phase.ERROR, "killed by Slurm: preempted by other work"),
        ("COMPLETED", Phase.DONE, "ended with its allocation: its job completed"),
        ("FAILED", Phase.ERROR, "ended with its allocation: its job failed (exit 2:0)"),
    ],
)
@pytest.mark.parametrize("trouble", [None, LINK_DOWN])
def test_an_ended_job_ends_its_agents(word: str, phase: Phase, why: str, trouble: Trouble | None) -> None:
    job = replace(RUNNING, state=word, phase=phase, ends_at=NOW - 40, exit_code="2:0")
    verdict = judged(job=job, trouble=trouble, previous=before(AgentState.WORKING))
    assert (verdict.state, verdict.why, verdict.layer) == (AgentState.DEAD, why, "slurm")
    assert verdict.since == NOW - 40


def test_an_agent_of_unknown_doing_was_alive_all_the_same() -> None:
    job = replace(RUNNING, state="TIMEOUT", phase=Phase.ERROR)
    first = judged(screen=NOTHING)
    assert judged(job=job, previous=first).state is AgentState.DEAD


def test_an_ended_job_leaves_earlier_ends_alone() -> None:
    job = replace(RUNNING, state="TIMEOUT", phase=Phase.ERROR)
    verdict = judged(job=job, pane=None, previous=before(AgentState.EXITED, "exit 3", layer="tmux"))
    assert (verdict.state, verdict.why) == (AgentState.EXITED, "exit 3")
    stopped = judged(job=job, pane=None, previous=before(AgentState.STOPPED))
    assert (stopped.state, stopped.why) == (AgentState.STOPPED, "its reservation has ended: time limit")
    assert judged(job=job, pane=None).state is AgentState.STOPPED
    # Accounting tells later what the queue did not.
    lost = before(AgentState.LOST, layer="slurm")
    assert judged(job=job, pane=None, previous=lost).why == "killed by Slurm: time limit"


def test_a_dead_agent_stays_dead_in_the_next_allocation_until_it_is_started() -> None:
    dead = before(AgentState.DEAD, "killed by Slurm: time limit", layer="slurm")
    verdict = judged(pane=None, previous=dead)
    assert (verdict.state, verdict.since) == (AgentState.DEAD, NOW - 900)
    assert judged(previous=dead).state is AgentState.IDLE


def test_a_job_that_is_gone() -> None:
    gone: dict[str, Any] = {"job": None, "server": None, "pane": None}
    assert judged(**gone, previous=before(AgentState.WORKING)).state is AgentState.LOST
    assert judged(**gone).state is AgentState.STOPPED
    assert judged(**gone, previous=before(AgentState.DEAD, layer="slurm")).state is AgentState.DEAD
    # Its own tmux server answers after the controller did: it is there.
    verdict = judged(job=None, job_seen_at=NOW - 1)
    assert verdict.state is AgentState.IDLE
    assert sources(verdict)["slurm"] is False


def test_a_pending_reservation() -> None:
    job = replace(RUNNING, state="PENDING", phase=Phase.PENDING, reason="Priority", batch_host="")
    verdict = judged(job=job, server=None, pane=None)
    assert (verdict.state, verdict.why) == (AgentState.STOPPED, "its reservation is pending: Priority")
    requeued = replace(job, restarts=1)
    verdict = judged(job=requeued, server=None, pane=None, previous=before(AgentState.IDLE))
    assert (verdict.state, verdict.why) == (AgentState.DEAD, "killed by Slurm: its job was requeued")


def test_a_pending_job_of_its_own() -> None:
    job = replace(RUNNING, state="PENDING", phase=Phase.PENDING, reason="Resources", submitted_at=NOW - 70)
    verdict = judged(job=job, server=None, pane=None, own_job=True)
    assert (verdict.state, verdict.why, verdict.since) == (
        AgentState.STARTING,
        "its job waits: Resources",
        NOW - 70,
    )
    done = replace(RUNNING, state="COMPLETED", phase=Phase.DONE)
    assert judged(job=done, own_job=True).state is AgentState.EXITED
    assert judged(job=None, job_id=None, own_job=True).state is AgentState.STOPPED


def test_a_suspended_job_freezes_the_state() -> None:
    job = replace(RUNNING, state="SUSPENDED", phase=Phase.PAUSED)
    verdict = judged(job=job, previous=before(AgentState.WORKING))
    assert (verdict.state, verdict.stale) == (AgentState.WORKING, True)
    assert "suspended" in verdict.why
    assert judged(job=job).state is AgentState.UNKNOWN


# -- looks that fail ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", [one for one in AgentState if one is not AgentState.UNKNOWN])
@pytest.mark.parametrize("layer", ["ssh", "authentication", "node", "tmux", "timeout", "parse"])
def test_a_failed_look_changes_no_state(state: AgentState, layer: str) -> None:
    trouble = Trouble(layer, "it did not answer")
    earlier = before(state, "the reason")
    verdict = judged(server=None, pane=None, screen=None, trouble=trouble, previous=earlier)
    assert (verdict.state, verdict.why, verdict.since) == (state, "the reason", NOW - 900)
    assert (verdict.stale, verdict.seen_at) == (True, NOW - 30)
    assert sources(verdict)["look"] is False


def test_a_failed_look_without_knowledge_is_unknown() -> None:
    for previous in (None, before(AgentState.UNKNOWN)):
        verdict = judged(server=None, pane=None, screen=None, trouble=LINK_DOWN, previous=previous)
        assert (verdict.state, verdict.why) == (AgentState.UNKNOWN, "spartan: connection lost")
    verdict = judged(job=None, job_seen_at=None, server=None, server_seen_at=None, pane=None, screen=None)
    assert (verdict.state, verdict.why) == (AgentState.UNKNOWN, "not looked at yet")


def test_an_old_picture_is_judged_but_marked_stale() -> None:
    verdict = judged(trouble=LINK_DOWN, server_seen_at=NOW - 34)
    assert (verdict.state, verdict.stale, verdict.seen_at) == (AgentState.IDLE, True, NOW - 34)
    gone = judged(trouble=LINK_DOWN, server_seen_at=NOW - 34, pane=None)
    assert gone.stale


def test_through_many_failures_the_chain_keeps_what_was_seen() -> None:
    verdict = judged()
    for _ in range(5):
        verdict = judged(server=None, pane=None, screen=None, trouble=LINK_DOWN, previous=verdict)
    assert [item.source for item in verdict.chain] == ["look", "slurm", "tmux", "screen", "activity"]
    assert (verdict.state, verdict.seen_at) == (AgentState.IDLE, NOW)
    fresh = judged(previous=verdict)
    assert not fresh.stale
    assert "look" not in sources(fresh)


def test_a_reservation_without_a_known_job_is_unknown() -> None:
    verdict = judged(job=None, job_id=None, server=None, pane=None, previous=before(AgentState.IDLE))
    assert verdict.state is AgentState.UNKNOWN
    assert verdict.running


def test_the_beginning_is_never_in_the_future() -> None:
    verdict = judged(pane=replace(PANE, activity_at=NODE + 300))
    assert verdict.since == NOW
