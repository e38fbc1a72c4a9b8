"""A job's details from canned sources: what is said, and what is not said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sactui.core import job_words
from sactui.core.job_details import Known
from sactui.core.job_verbs import Target
from sactui.domain.accounting import Accounted, Step, Usage
from sactui.domain.details import Details
from sactui.domain.job import Job
from sactui.domain.state import Phase
from sactui.slurm import json_details
from sactui.slurm.scontrol import Shown

NOW = 1_800_000_000.0
WAIT = Job(
    6, "w\x1b[31m", "op", "PENDING", Phase.PENDING, "Priority", "main", submitted_at=NOW - 60, time_limit=600
)
RUN = replace(WAIT, state="RUNNING", phase=Phase.RUNNING, reason="", node_list="n1", cpus=4, elapsed=100)


def said(known: Known) -> Details:
    return job_words.details("c", NOW, 6, known, ())


def facts(details: Details, title: str) -> dict[str, str]:
    part = details.part(title)
    return dict(part.facts) if part else {}


def test_a_waiting_job_has_its_place_and_an_estimate_that_is_called_one() -> None:
    queue = ((5, 100), (6, 50), (7, 50), (8, 10))
    job = replace(WAIT, expected_start=NOW + 7200)
    details = said(Known(Target(job), queue=queue))
    waiting = facts(details, "Waiting")
    assert waiting["position"] == "2 of 4 that wait in main, by priority"
    assert "in about 02:00:00 (the scheduler's estimate" in waiting["expected start"]
    assert details.headline == "The job waits behind jobs that go first."
    hidden = facts(said(Known(Target(job), queue=queue, private=True)), "Waiting")
    assert "hides other users' jobs" in hidden["position"]
    held = facts(said(Known(Target(replace(WAIT, reason="JobHeldUser")), queue=queue)), "Waiting")
    assert "position" not in held
    assert "expected start" not in held
    assert "no estimate" in facts(said(Known(Target(WAIT))), "Waiting")["expected start"]


def test_what_is_not_known_is_not_said() -> None:
    details = said(Known(Target(WAIT)))
    assert [part.title for part in details.parts] == ["Job", "Waiting", "Times"]
    assert details.sources == ("squeue",)
    assert facts(details, "Job")["name"] == "w\\e[31m"


def test_a_running_job_is_measured_by_its_nodes() -> None:
    steps = (Step("6", "0", "work", elapsed=50, node_list="n1"),)
    known = Known(Target(RUN), running_steps=steps, usage=(Usage("0", 512, 50.0, 4),))
    details = said(known)
    assert facts(details, "Efficiency")["CPU"].startswith("50 % of 4 CPUs: 200 s")
    assert facts(details, "Efficiency")["memory"] == "512M in its largest task"
    assert facts(details, "Steps") == {"0 work": "running on n1, 00:00:50, 512M memory"}
    assert details.headline == "The job has run on n1 for 00:01:40."


def test_accounting_alone_explains_an_old_job() -> None:
    life = Accounted(
        6, "6", "", "TIMEOUT", Phase.ERROR, "old", "op", exit_status=0, submitted_at=NOW - 999, elapsed=600,
        time_limit=600, cpus=2, asked_memory_mib=1000, cpu_seconds=600.0,
        started_at=NOW - 900, ended_at=NOW - 300,
    )  # fmt: skip
    first = replace(life, state="REQUEUED", submitted_at=NOW - 2000)
    batch = replace(
        life, step="batch", state="CANCELLED", phase=Phase.CANCELED, exit_signal=15, memory_used_mib=250
    )
    details = said(Known(accounted=(first, life, batch)))
    assert "time limit of 00:10:00" in details.headline
    assert facts(details, "Efficiency") == {
        "CPU": "50 % of 2 CPUs: 600 s of CPU time in 00:10:00",
        "memory": "250M in its largest task, 25 % of the 1000M asked for",
    }
    assert len(facts(details, "Earlier lives")) == 1
    assert "signal 15 SIGTERM" in facts(details, "Steps")["batch old"]
    assert details.sources == ("sacct",)


def test_scontrols_keys_are_shown_with_their_doubt() -> None:
    shown = Shown(
        {"Priority": "42", "Nice": "0", "Extra": "forged", "AccrueTime": "1800000000", "StdOut": "/o"},
        frozenset({"Extra"}),
    )
    details = said(Known(Target(RUN), shown=shown, script="#!/bin/sh\nid\n"))
    rest = facts(details, "Everything else")
    assert "may be part of a text" in rest["Extra"]
    assert rest["AccrueTime"].startswith("20")
    assert facts(details, "Job")["priority"] == "42"
    assert facts(details, "Files") == {"output": "/o", "script": "2 lines"}
    script = details.part("Script")
    assert script is not None
    assert script.text == "#!/bin/sh\nid\n"


def test_json_of_newer_versions_says_the_same_things() -> None:
    fixtures = Path(__file__).parent.parent / "fixtures/slurm-json"
    for name in ("scontrol-jobs-24.11.json", "squeue-24.11.json", "squeue-22.05.json"):
        for each in json_details.parse((fixtures / name).read_bytes()):
            details = said(Known(Target(each.job), more=dict(each.more)))
            assert details.headline.startswith("The job ")
            assert facts(details, "Job")["id"].startswith(each.job.label)
            assert facts(details, "Job")["state"].startswith(each.job.state)
            assert not {"job_id", "job_state", "name"} & facts(details, "Everything else").keys()
            assert all(value.isprintable() for part in details.parts for _, value in part.facts)
            if each.job.phase.ended:
                assert facts(details, "End")["cause"].startswith("it ")
