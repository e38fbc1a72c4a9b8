from __future__ import annotations

from dataclasses import replace

from sactui.domain.changes import Change, Weight, changes
from sactui.domain.fleet import Agent, Fleet, HostView, Problem, Reservation, Trouble, Verdict
from sactui.domain.job import Job
from sactui.domain.state import AgentState, Link, Phase

AT = 1_000.0


def job(job_id: int = 7, phase: Phase = Phase.RUNNING, state: str = "RUNNING", submitted: float = 1.0) -> Job:
    return Job(job_id, "sweep", "ada", state, phase, submitted_at=submitted)


def agent(state: AgentState, *, stale: bool = False, why: str = "") -> Agent:
    return Agent(
        "docs", "slurm-tenant", "spartan", "pool", "opus", Verdict(state, why, seen_at=1.0, stale=stale)
    )


def pool(state: str = "running", job_id: int = 4711, phase: Phase = Phase.RUNNING) -> Reservation:
    return Reservation(
        "pool", "spartan", "spartan-pool", job_id, "sac", False, None, phase, state, observed_at=1.0
    )


def fleet(version: int = 1, jobs_at: float = 1.0, link: Link = Link.UP, **parts: object) -> Fleet:
    host = HostView("spartan", link)
    return replace(
        Fleet(version=version, at=AT, hosts=(host,), jobs_at={"spartan": jobs_at}),
        **parts,  # type: ignore[arg-type]
    )


def only(before: Fleet, after: Fleet) -> Change:
    (change,) = changes(before, after)
    return change


def test_nothing_changes_between_equal_pictures() -> None:
    picture = fleet(agents=(agent(AgentState.IDLE),), jobs=(("spartan", job()),), reservations=(pool(),))
    assert changes(picture, replace(picture, jobs_at={"spartan": 2.0})) == ()


def test_the_first_picture_of_a_host_is_no_news() -> None:
    after = fleet(2, agents=(agent(AgentState.ASKING),), jobs=(("spartan", job()),))
    assert changes(Fleet(), after) == ()


def test_an_agent_that_asks_needs_you() -> None:
    change = only(
        fleet(agents=(agent(AgentState.WORKING),)),
        fleet(2, 2.0, agents=(agent(AgentState.ASKING, why="may I run: rm"),)),
    )
    assert (change.kind, change.before, change.after) == ("agent", "working", "asking")
    assert (change.why, change.weight, change.at) == ("may I run: rm", Weight.NEEDS_YOU, AT)


def test_a_failed_look_changes_no_agent() -> None:
    before = fleet(agents=(agent(AgentState.WORKING),))
    assert changes(before, fleet(2, 2.0, agents=(agent(AgentState.IDLE, stale=True),))) == ()
    assert changes(before, fleet(2, 2.0, agents=(agent(AgentState.UNKNOWN),))) == ()


def test_jobs_come_change_and_go_only_when_the_controller_answered() -> None:
    without, waiting = fleet(), fleet(jobs=(("spartan", job(phase=Phase.PENDING, state="PENDING")),))
    running = fleet(2, 2.0, jobs=(("spartan", job()),))
    failed = fleet(2, 2.0, jobs=(("spartan", job(phase=Phase.ERROR, state="FAILED")),))
    assert only(without, running).after == "running"
    assert (only(waiting, running).before, only(waiting, running).after) == ("pending", "running")
    assert only(running, replace(failed, jobs_at={"spartan": 3.0})).weight is Weight.NEEDS_YOU
    assert only(running, fleet(3, 3.0)).after == ""
    # The same age of the data: the controller was not heard, so nothing went.
    assert changes(running, fleet(3, 2.0)) == ()
    # An ended job that the controller forgets is no change.
    assert changes(failed, fleet(3, 3.0)) == ()


def test_a_requeued_job_says_so() -> None:
    change = only(
        fleet(jobs=(("spartan", job()),)),
        fleet(2, 2.0, jobs=(("spartan", job(phase=Phase.PENDING, state="PENDING", submitted=2.0)),)),
    )
    assert (change.before, change.after) == ("running, requeued", "pending")


def test_a_reservation_follows_its_successor_and_is_lost() -> None:
    taken = only(fleet(reservations=(pool(),)), fleet(2, 2.0, reservations=(pool(job_id=4802),)))
    assert (taken.before, taken.after) == ("running (job 4711)", "running (job 4802)")
    gone = only(
        fleet(reservations=(pool(),)), fleet(2, 2.0, reservations=(pool("gone", phase=Phase.UNKNOWN),))
    )
    assert gone.weight is Weight.NEEDS_YOU
    unsure = fleet(2, 2.0, reservations=(pool("unknown", phase=Phase.UNKNOWN),))
    assert changes(fleet(reservations=(pool(),)), unsure) == ()
    assert only(fleet(reservations=(pool(),)), fleet(2)).after == ""


def test_links_tell_their_failing_layer() -> None:
    lost = only(fleet(), fleet(2, link=Link.RETRYING))
    assert (lost.kind, lost.before, lost.after) == ("link", "up", "lost")
    waits = only(fleet(), fleet(2, link=Link.WAITING))
    assert waits.weight is Weight.NEEDS_YOU
    trouble = Trouble("controller", "Slurm's controller does not answer")
    down = only(fleet(), fleet(2, hosts=(HostView("spartan", Link.UP, troubles=(trouble,)),)))
    assert (down.after, down.why) == ("controller fails", "Slurm's controller does not answer")
    assert changes(fleet(link=Link.CONNECTING), fleet(2)) == ()


def test_problems_come_and_are_mended() -> None:
    broken = Problem("definition", "docs.yaml:3:5", "unknown key")
    assert only(fleet(), fleet(2, problems=(broken,))).after == "definition"
    assert only(fleet(problems=(broken,)), fleet(2)).after == "mended"


def test_the_weightiest_comes_first() -> None:
    before = fleet(agents=(agent(AgentState.WORKING),), reservations=(pool("pending", phase=Phase.PENDING),))
    after = fleet(2, 2.0, agents=(agent(AgentState.ASKING),), reservations=(pool(),))
    assert [change.kind for change in changes(before, after)] == ["agent", "reservation"]
