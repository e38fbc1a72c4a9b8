"""Jobs from the command line on a cluster with accounting: act, prove, explain; and what the site allows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sactui.core.limits import check, wish_of
from sactui.lab import Lab, LabOptions, ssh
from sactui.lab.conditions import configured, maintenance
from sactui.lab.faults import wait_until
from sactui.runtimes.hold import HoldOptions

from .test_cli import Cli
from .test_slice import configuration, driven

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def site() -> Iterator[Lab]:
    """A cluster of its own: with accounting, and limits for the account ``lab``."""
    with Lab(LabOptions(name=f"j{os.getpid()}", nodes=2, accounting=True, gpus=2, owner=os.getpid())) as lab:
        limits = ("MaxSubmitJobs=3", "GrpTRESMins=cpu=1000", "MaxWall=3-0")
        lab.slurm(
            *("sacctmgr", "-i", "modify", "user", ssh.user_name(), "set", *limits, "where", "account=lab")
        )
        yield lab


@pytest.fixture
def cli(site: Lab, tmp_path: Path) -> Iterator[Cli]:
    yield Cli(site, tmp_path)
    site.slurm("scancel", "-u", ssh.user_name())
    wait_until(lambda: not site.slurm("squeue", "-h", "-o", "%A").split(), "jobs are left", 60)


def submit(lab: Lab, *words: str, body: str = "sleep 300") -> int:
    said = lab.slurm(
        "sbatch", "--parsable", "-t10", "-c1", "--mem=100M", "-o", "/dev/null", *words, "--wrap", body
    )
    return int(said.split(";")[0])


def state(lab: Lab, job: object) -> str:
    return lab.slurm("squeue", "-h", "-t", "all", "-j", str(job), "-o", "%T %r %l").strip()


def until(lab: Lab, job: object, beginning: str) -> None:
    wait_until(lambda: state(lab, job).startswith(beginning), f"job {job} is not {beginning}", 60)


def outcomes(answer: list[dict[str, Any]]) -> dict[str, str]:
    return {each["name"]: each["result"] for each in answer}


def test_hold_release_time_signal_requeue_cancel(cli: Cli) -> None:
    lab, host = cli.lab, cli.lab.alias
    run = submit(
        lab, "-J", "runner", body="trap 'touch got-usr1' USR1; touch trapped; while :; do sleep 0.2; done"
    )
    wait = submit(lab, "-J", "waiter", "--begin=now+1hour")
    until(lab, run, "RUNNING")
    hosts = ("--host", host, "jobs")

    plan = cli.json(*hosts, "cancel", str(run), "--dry-run")
    assert plan[0]["commands"] == [f"scancel {run}"]
    assert "no terminal" in cli(*hosts, "cancel", str(run), expect=1).stderr
    assert "read-only" in cli("--read-only", *hosts, "hold", str(wait), "--yes", expect=1).stderr
    assert state(lab, run).startswith("RUNNING")

    (held,) = cli.json(*hosts, "hold", str(wait), "--yes")
    assert held["result"] == "done"
    assert {"observed_at", "source"} <= held.keys()
    assert "JobHeldUser" in state(lab, wait)
    (shown,) = [each for each in cli.json(*hosts) if each["id"] == wait]
    assert shown["why"] == "is held by its user (JobHeldUser)"
    cli(*hosts, "release", str(wait), "--yes")
    assert "JobHeldUser" not in state(lab, wait)
    assert "is not held" in cli(*hosts, "release", str(wait), "--yes", expect=1).stderr

    assert cli.json(*hosts, "time", "5", str(run), "--yes")[0]["message"].endswith("00:05:00")
    assert state(lab, run).endswith("5:00")
    wait_until((lab.layout.home / "trapped").exists, "the script did not begin", 60)
    cli(*hosts, "signal", "usr1", "--to", "script", str(run), "--yes")
    wait_until((lab.layout.home / "got-usr1").exists, "the signal did not come", 60)
    assert "not a signal" in cli(*hosts, "signal", "a;b", str(run), "--yes", expect=1).stderr

    cli(*hosts, "requeue", str(run), "--yes")
    until(lab, run, "PENDING")
    assert "waits already" in cli(*hosts, "requeue", str(run), "--yes", expect=1).stderr
    assert "no job 999999" in cli(*hosts, "cancel", "999999", "--yes", expect=1).stderr
    done = cli.json(*hosts, "cancel", str(run), str(wait), "--yes")
    assert outcomes(done) == {str(run): "done", str(wait): "done"}
    assert state(lab, run).startswith("CANCELLED")


def test_an_array_is_folded_and_acted_on_by_its_tasks(cli: Cli) -> None:
    lab = cli.lab
    hosts = ("--host", lab.alias, "jobs")
    array = submit(lab, "--array=0-9%2")
    wait_until(
        lambda: lab.slurm("squeue", "-h", "-t", "R", "-j", str(array), "-o", "%i").count("\n") == 2,
        "two tasks do not run",
        60,
    )
    records = cli.json(*hosts)
    folded = next(each for each in records if each["label"].startswith(f"{array}_["))
    assert (folded["tasks"], folded["tasks_exact"]) == (8, True)
    assert sum(each["array_job"] == array for each in records) == 3
    cli(*hosts, "hold", f"{array}_[2-9]", "--yes")
    # What runs is not marked as held, as it would be by the array's bare id.
    held = lab.slurm("squeue", "-h", "-j", str(array), "-t", "PD", "-o", "%r")
    assert set(held.split()) == {"JobHeldUser"}
    assert "Held" not in lab.slurm("squeue", "-h", "-j", str(array), "-t", "R", "-o", "%r")
    (one,) = cli.json(*hosts, "cancel", f"{array}_5", "--yes")
    assert one["result"] == "done"
    folded = next(each for each in cli.json(*hosts) if each["label"].startswith(f"{array}_["))
    assert folded["tasks"] == 7
    label = folded["label"]
    cli(*hosts, "cancel", label, "--yes")
    running = lab.slurm("squeue", "-h", "-j", str(array), "-o", "%i %T").splitlines()
    assert sorted(running) == [f"{array}_0 RUNNING", f"{array}_1 RUNNING"]
    assert "4 jobs" not in cli(*hosts, "cancel", str(array), "--dry-run").stderr
    cli(*hosts, "cancel", f"{array}_0", f"{array}_1", "--yes")


def test_the_end_of_a_job_in_words(cli: Cli) -> None:
    lab = cli.lab
    hosts = ("--host", lab.alias, "jobs", "show")
    failed = submit(lab, body="srun true; exit 3")
    killed = submit(lab, body="kill -9 $$")
    lost = submit(lab, body="no-such-command-here")
    good = submit(lab, "-J", "x JobState=FAILED\x1b[31m", body="true")
    held = submit(lab, "-H")
    runs = submit(lab)
    until(lab, runs, "RUNNING")
    for job, word in ((failed, "FAILED"), (killed, "FAILED"), (lost, "FAILED"), (good, "COMPLETED")):
        until(lab, job, word)
        wait_until(
            lambda job=job, word=word: (
                lab.slurm("sacct", "-X", "-n", "-j", str(job), "-o", "State").strip() == word
            ),
            f"accounting does not know the end of {job}",
            60,
        )
    answers = {
        each["job"]: each
        for each in cli.json(*hosts, *(str(job) for job in (failed, killed, lost, good, held, runs)))
    }
    said = {job: answers[str(job)]["headline"] for job in (failed, killed, lost, good, held, runs)}
    assert "exit status 3" in said[failed]
    assert "9 SIGKILL" in said[killed]
    assert "127 (a command was not found)" in said[lost]
    assert "exit status 0" in said[good]
    assert said[held] == "The job is held by its user."
    assert answers[str(held)]["remedy"] == "release it"
    assert said[runs].startswith("The job has run on bm0")
    parts = {part["title"]: part for part in answers[str(failed)]["parts"]}
    assert "exit 3" in parts["Script"]["text"]
    steps = {fact["label"]: fact["value"] for fact in parts["Steps"]["facts"]}
    assert steps["0 true"].startswith("completed, exit status 0")
    assert {"Times", "Resources", "Files", "Efficiency"} <= parts.keys()
    assert answers[str(failed)]["source"] == "squeue, scontrol, sacct"
    text = cli(*hosts, str(good)).stdout
    assert "x JobState=FAILED\\e[31m" in text
    assert "\x1b" not in text
    refused = cli(*hosts, "999999", expect=1)
    assert "knows no job 999999" in refused.stderr


def test_one_of_several_clusters_and_all_users(cli: Cli) -> None:
    lab = cli.lab
    job = submit(lab, "-H", "-J", "behind")
    config = cli.home / "config" / "sactui" / "config.yaml"
    config.parent.mkdir(parents=True)
    for clusters, code in (([lab.options.cluster], 0), (["nowhere"], 4), (["one", "two"], 2)):
        config.write_text(f"hosts:\n  - name: {lab.alias}\n    clusters: {clusters}\n")
        done = cli("jobs", "--json", "--all-users", expect=code)
        if code == 0:
            (found,) = [each for each in json.loads(done.stdout) if each["id"] == job]
            assert (found["name"], found["user"]) == ("behind", ssh.user_name())
            assert cli.json("jobs", "cancel", str(job), "--yes")[0]["result"] == "done"
        elif code == 2:
            assert "one entry of each" in done.stderr


def test_a_site_that_hides_other_peoples_jobs_is_never_called_empty(cli: Cli) -> None:
    with configured(cli.lab, settings={"PrivateData": "jobs"}):
        said = cli("--host", cli.lab.alias, "jobs", "--all-users").stderr
    assert "only your own jobs are visible" in said


def test_what_the_site_allows(site: Lab, tmp_path: Path) -> None:
    def fields(options: HoldOptions, limits: Any, **more: int) -> list[tuple[str, bool]]:
        return [(each.field, each.blocks) for each in check(wish_of(options), limits, **more)]

    async def work(controller: Any) -> None:
        limits = await controller.limits(site.alias)
        assert limits.missing == {}
        assert (limits.user, limits.default_account) == (ssh.user_name(), limits.default_account)
        assert {"lab"} <= set(limits.accounts())
        assert [node.cpus for node in limits.nodes_of("main")] == [32, 32]
        lab = HoldOptions(account="lab", time="1:00:00")
        assert fields(lab, limits) == []
        # sbatch --test-only gives a start time to this one, and Slurm would never start it.
        assert fields(HoldOptions(account="lab", time="5-0"), limits)[0] == ("time", True)
        assert ("time", False) in fields(HoldOptions(account="lab", time="1-0", cpus=8), limits)
        assert fields(lab, limits, submitted=3) == [("name", True)]
        assert fields(HoldOptions(cpus=33, time="10"), limits) == [("cpus", True)]
        assert fields(HoldOptions(partition="short", time="5:00:00"), limits) == [("time", True)]
        assert fields(HoldOptions(gpus="a100:3", time="10"), limits) == [("gpus", True)]
        with maintenance(site, starts_in=3600):
            fresh = await controller.limits(site.alias, max_age=0)
            assert fields(HoldOptions(time="2:00:00"), fresh) == [("time", False)]
            assert fields(HoldOptions(time="0:30:00"), fresh) == []

    driven(configuration(site, tmp_path), work)
