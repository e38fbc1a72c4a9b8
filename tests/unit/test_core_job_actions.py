"""Plans and runs of actions on jobs, against a cluster of canned answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from sactui.core import job_actions, job_choice
from sactui.core.job_actions import Stake
from sactui.core.job_verbs import Target, is_held
from sactui.core.plan import Grade, Outcome, Plan, Result
from sactui.domain.job import UNLIMITED, Job
from sactui.domain.state import Phase
from sactui.errors import Refused, SlurmError
from sactui.transport.script import Answer, Section

RUN = Job(
    5, "run", "op", "RUNNING", Phase.RUNNING, elapsed=3600, time_limit=7200, submitted_at=1.0, node_list="n1"
)
WAIT = Job(6, "wait", "op", "PENDING", Phase.PENDING, "Priority", time_limit=600, submitted_at=1.0)
HELD = replace(WAIT, id=7, reason="JobHeldUser")
ENDED = replace(RUN, id=8, state="COMPLETED", phase=Phase.DONE)
FOLDED = replace(WAIT, id=20, array_job=20, array_tasks="[3-9%2]", tasks=7)
TASK = replace(RUN, id=21, array_job=20, array_tasks="1")
LAST = replace(RUN, id=20, array_job=20, array_tasks="9")


def planned(verb: str, *jobs: Job, **options: str) -> Plan:
    return job_actions.plan(verb, "c", [Target(job) for job in jobs], user="op", **options)


@pytest.mark.parametrize(
    ("verb", "jobs", "options", "commands"),
    [
        ("cancel", [RUN, WAIT], {}, ["scancel 5 6"]),
        ("cancel", [FOLDED, TASK], {}, ["scancel 20_1", "scancel --state=PENDING 20"]),
        ("cancel", [LAST], {}, ["scancel 20_9"]),
        ("hold", [WAIT], {}, ["scontrol uhold 6"]),
        ("hold", [FOLDED], {}, ["scontrol uhold '20_[3-9]'"]),
        ("release", [HELD], {}, ["scontrol release 7"]),
        ("requeue", [RUN], {}, ["scontrol requeue 5"]),
        ("requeue", [RUN], {"hold": "yes"}, ["scontrol requeuehold 5"]),
        ("signal", [RUN], {"signal": "sigusr1"}, ["scancel --signal=USR1 5"]),
        ("signal", [RUN], {"signal": "10", "to": "script"}, ["scancel --signal=10 --batch 5"]),
        ("time", [RUN], {"time": "90"}, ["scontrol update JobId=5 TimeLimit=01:30:00"]),
        ("time", [FOLDED], {"time": "1-0"}, ["scontrol update 'JobId=20_[3-9]' TimeLimit=1-00:00:00"]),
    ],
)
def test_the_exact_commands(verb: str, jobs: list[Job], options: dict[str, str], commands: list[str]) -> None:
    assert planned(verb, *jobs, **options).commands == tuple(commands)


@pytest.mark.parametrize(
    ("verb", "job", "options", "words"),
    [
        ("cancel", ENDED, {}, "has ended"),
        ("hold", RUN, {}, "does not wait"),
        ("release", WAIT, {}, "is not held"),
        ("requeue", WAIT, {}, "waits already"),
        ("signal", WAIT, {"signal": "USR1"}, "does not run"),
        ("signal", RUN, {"signal": "USR1;id"}, "not a signal"),
        ("signal", RUN, {}, "not a signal"),
        ("time", RUN, {"time": "30"}, "end it at once"),
        ("time", RUN, {"time": "soon"}, "not a time limit"),
        ("time", RUN, {"time": "0"}, "not a time limit"),
        ("explode", RUN, {}, "no action"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    verb: str, job: Job, options: dict[str, str], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        planned(verb, job, **options)


def test_what_cannot_be_is_left_out_where_something_can() -> None:
    plan = planned("cancel", RUN, ENDED)
    assert plan.commands == ("scancel 5",)
    assert "Left out: job 8 has ended (completed)." in plan.impact


def test_the_question_is_graded_by_what_is_lost() -> None:
    assert planned("hold", WAIT).grade is Grade.NONE
    assert planned("hold", WAIT).data["undo"] == "release"
    assert planned("cancel", WAIT).grade is Grade.ASK
    assert planned("cancel", RUN).grade is Grade.ASK
    assert planned("cancel", RUN, replace(RUN, id=9)).grade is Grade.TYPE
    assert planned("cancel", replace(RUN, user="other")).grade is Grade.TYPE
    stakes = {5: Stake("pool", (("a", "working"), ("b", "idle")))}
    plan = job_actions.plan("cancel", "c", [Target(RUN)], user="op", stakes=stakes)
    assert plan.grade is Grade.TYPE
    assert any("2 agents stop: a (working), b (idle)." in line for line in plan.impact)
    assert any("reservation pool" in line for line in plan.impact)
    assert "01:00:00" in plan.impact[0]


def test_raising_a_limit_says_who_may() -> None:
    assert any("only lower" in line for line in planned("time", RUN, time="3-0").impact)
    assert any("only lower" in line for line in planned("time", RUN, time="UNLIMITED").impact)
    endless = replace(RUN, time_limit=UNLIMITED)
    assert not any("only lower" in line for line in planned("time", endless, time="3-0").impact)


def test_names_are_harmless_in_what_is_confirmed() -> None:
    plan = planned("cancel", replace(RUN, name="x\x1b[31m\n[red]"))
    assert "\x1b" not in "".join(plan.impact)
    assert "\n" not in plan.impact[0]


def test_held_in_every_wording() -> None:
    assert is_held(HELD)
    assert is_held(replace(WAIT, reason="JobArrayTaskLimit,JobHeldUser"))
    assert is_held(replace(WAIT, reason="launch failed requeued held"))
    assert not is_held(replace(RUN, reason="JobHeldUser")), "the mark of a requeue to come, not of now"


# -- choosing -----------------------------------------------------------------------------


QUEUE = [("a", RUN), ("a", FOLDED), ("a", TASK), ("a", replace(RUN, id=30, het_job=30, het_offset=0))]
QUEUE += [("a", replace(RUN, id=31, het_job=30, het_offset=1)), ("b", replace(WAIT, id=6))]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("5", ["5"]),
        ("a:5", ["5"]),
        ("b:5", []),
        ("20", ["20_[3-9%2]", "20_1"]),
        ("20_1", ["20_1"]),
        ("20_4", ["20_4"]),
        ("20_10", []),
        ("20_[3-9]", ["20_[3-9%2]"]),
        ("20_[3-9%2]", ["20_[3-9%2]"]),
        ("30", ["30+0", "30+1"]),
        ("30+1", ["30+1"]),
        ("99", []),
    ],
)
def test_what_a_person_means(text: str, labels: list[str]) -> None:
    assert [target.label for _, target in job_choice.choose(text, QUEUE)] == labels


def test_a_task_that_waits_is_named_alone() -> None:
    ((_, target),) = job_choice.choose("20_4", QUEUE)
    assert job_actions.plan("cancel", "a", [target]).commands == ("scancel 20_4",)


@pytest.mark.parametrize("text", ["", "x", "0", "5;id", "5_", "5_[a]", "-5", "5 6", "a b:5"])
def test_what_is_no_job_id_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="not a job id"):
        job_choice.choose(text, QUEUE)


def test_the_same_number_on_two_hosts_is_asked_back() -> None:
    with pytest.raises(Refused, match="several hosts: a, b"):
        job_choice.choose("5", [("a", RUN), ("b", RUN)])


# -- running ------------------------------------------------------------------------------


#: A look that fails.
DOWN: list[Job] = []


class Cluster:
    """A link whose queue is a list of pictures, one for each look; the last one stays."""

    host = "c"
    command_seconds = 0.0

    def __init__(self, *pictures: Sequence[Job], says: str = "") -> None:
        self.pictures, self.says = list(pictures), says
        self.ran: list[str] = []

    async def ask(self, *sections: Section, timeout: float = 30.0) -> dict[str, Answer]:
        self.ran += [section.script for section in sections]
        return {section.name: Answer(b"", 0, stderr=self.says.encode()) for section in sections}

    def look(self) -> tuple[Job, ...]:
        seen = self.pictures.pop(0) if len(self.pictures) > 1 else self.pictures[0]
        if seen is DOWN:
            raise SlurmError("the Slurm controller does not answer", layer="controller")
        return tuple(seen)


def act(monkeypatch: pytest.MonkeyPatch, plan: Plan, cluster: Cluster, patience: float = 0.0) -> Outcome:
    async def look(link: Cluster, ids: Sequence[int] = ()) -> tuple[Job, ...]:
        return tuple(job for job in link.look() if job.id in ids or job.array_job in ids)

    async def no_pause(seconds: float) -> None:
        return None

    monkeypatch.setattr(job_actions, "look_at_jobs", look)
    monkeypatch.setattr(job_actions.asyncio, "sleep", no_pause)
    return asyncio.run(job_actions.act(cluster, plan, patience=patience))  # type: ignore[arg-type]


def test_done_is_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster([WAIT], [WAIT], [replace(WAIT, reason="JobHeldUser")])
    outcome = act(monkeypatch, planned("hold", WAIT), cluster, patience=60)
    assert (outcome.result, outcome.message) == (Result.DONE, "job 6 is held")
    assert cluster.ran == ["scontrol uhold 6"]


def test_a_command_that_changes_nothing_is_unknown_and_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = act(monkeypatch, planned("cancel", RUN), Cluster([RUN]), patience=-1)
    assert outcome.result is Result.UNKNOWN
    assert "has its resources and runs" in outcome.message


def test_slurms_no_is_repeated_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster([RUN], says="slurm_update error: Access/permission denied for job 5")
    outcome = act(monkeypatch, planned("time", RUN, time="3-0"), cluster)
    assert outcome.result is Result.FAILED
    assert "users may only lower" in outcome.remedy


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (replace(RUN, submitted_at=99.0), "submitted at another time"),
        (replace(RUN, submitted_at=99.0, restarts=1), "requeued meanwhile"),
        (replace(RUN, name="other"), "now 'other'"),
    ],
)
def test_another_job_under_the_same_id_is_not_touched(
    monkeypatch: pytest.MonkeyPatch, now: Job, words: str
) -> None:
    cluster = Cluster([now])
    outcome = act(monkeypatch, planned("cancel", RUN), cluster)
    assert outcome.result is Result.FAILED
    assert words in outcome.message
    assert cluster.ran == []


def test_what_ended_meanwhile_needs_no_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster([replace(RUN, state="COMPLETED", phase=Phase.DONE)])
    outcome = act(monkeypatch, planned("cancel", RUN), cluster)
    assert outcome.result is Result.DONE
    assert cluster.ran == []
    assert act(monkeypatch, planned("requeue", RUN), Cluster([])).result is Result.FAILED


def test_each_job_has_its_own_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(RUN, id=9)
    gone = replace(other, name="another job")
    outcome = act(monkeypatch, planned("cancel", RUN, other), Cluster([RUN, gone], [gone]), patience=60)
    assert outcome.result is Result.PARTLY
    assert {name: each.result for name, each in outcome.parts} == {"5": Result.DONE, "9": Result.FAILED}
    assert outcome.exit_code == 3


def test_a_requeue_is_another_life(monkeypatch: pytest.MonkeyPatch) -> None:
    again = replace(RUN, state="PENDING", phase=Phase.PENDING, submitted_at=9.0, restarts=1)
    outcome = act(monkeypatch, planned("requeue", RUN), Cluster([RUN], [again]), patience=60)
    assert outcome.result is Result.DONE


def test_a_task_leaves_its_folded_record(monkeypatch: pytest.MonkeyPatch) -> None:
    left = replace(FOLDED, array_tasks="[3,5-9%2]", tasks=6)
    plan = job_actions.plan("cancel", "c", [Target(FOLDED, 4)], user="op")
    outcome = act(monkeypatch, plan, Cluster([FOLDED], [FOLDED], [left]), patience=60)
    assert (outcome.result, outcome.message) == (Result.DONE, "job 20_4 is cancelled")


def test_limits_are_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    lower = replace(RUN, time_limit=5460)
    outcome = act(monkeypatch, planned("time", RUN, time="1:30:30"), Cluster([RUN], [lower]), patience=60)
    assert (outcome.result, outcome.message) == (Result.DONE, "job 5 has a time limit of 01:31:00")


def test_a_controller_that_goes_down_after_the_command_leaves_it_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = act(monkeypatch, planned("cancel", RUN), Cluster([RUN], DOWN), patience=-1)
    assert outcome.result is Result.UNKNOWN
    assert "is not known: the Slurm controller does not answer" in outcome.message
    # And when it comes back the truth is found.
    outcome = act(monkeypatch, planned("cancel", RUN), Cluster([RUN], DOWN, DOWN, [WAIT]), patience=60)
    assert outcome.result is Result.DONE


def test_a_controller_that_is_down_before_lets_nothing_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(DOWN)
    with pytest.raises(SlurmError):
        act(monkeypatch, planned("cancel", RUN), cluster)
    assert cluster.ran == []
