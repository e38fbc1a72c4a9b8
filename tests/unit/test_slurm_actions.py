"""sbatch, scancel and srun."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.errors import Refused
from sactui.slurm import sbatch, scancel, srun
from sactui.slurm.version import capabilities


def test_submit() -> None:
    argv = sbatch.command(
        ".sactui/scripts/p.sh",
        partition="low",
        time="4:00:00",
        cpus_per_task=4,
        memory="16G",
        gpus="a100:2",
        account="lab",
        qos="normal",
        nodes=1,
        node_list="c1",
        constraint="fast",
        job_name="pool",
        comment="sactui:reservation:h-p:uuid:1",
        output="log",
        export=("HOME", "PATH"),
        signal="B:USR1@600",
        dependency="afterany:5",
        extra=(("licenses", "x"), ("exclusive", "")),
    )
    assert argv == [
        "sbatch",
        "--parsable",
        "--propagate=NONE",
        "--no-requeue",
        "--partition=low",
        "--time=4:00:00",
        "--cpus-per-task=4",
        "--mem=16G",
        "--gres=gpu:a100:2",
        "--account=lab",
        "--qos=normal",
        "--nodes=1",
        "--nodelist=c1",
        "--constraint=fast",
        "--job-name=pool",
        "--comment=sactui:reservation:h-p:uuid:1",
        "--output=log",
        "--export=HOME,PATH",
        "--signal=B:USR1@600",
        "--dependency=afterany:5",
        "--licenses=x",
        "--exclusive",
        ".sactui/scripts/p.sh",
    ]
    assert sbatch.command("s", requeue=True, test_only=True)[3:] == ["--requeue", "--test-only", "s"]
    assert "--export=NONE" in sbatch.command("s", export=())


@pytest.mark.parametrize(
    "given",
    [
        {"comment": "a\nb"},
        {"gpus": "2; id"},
        {"extra": (("wrap", "id"),)},
        {"extra": (("a b", "1"),)},
        {"extra": (("uid", "0"),)},
        {"extra": (("x", "a\nb"),)},
    ],
)
def test_submit_refuses(given: dict[str, object]) -> None:
    with pytest.raises(Refused):
        sbatch.command("s", **given)  # type: ignore[arg-type]


def test_submit_refuses_an_option_in_the_place_of_the_script() -> None:
    with pytest.raises(Refused):
        sbatch.command("--wrap=id")


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("123\n", 123),
        ("123;cluster\n", 123),
        ("Submitted batch job 123\n", 123),
        ("Submitted batch job 123 on cluster big\n", 123),
        ("** Welcome **\n123;lab\n", 123),
        ("", None),
        ("0\n", None),
        ("12\n13\n", None),
        ("error 123\n", None),
        ("123 456\n", None),
    ],
)
def test_job_ids(text: str, job: int | None) -> None:
    assert sbatch.parse_job_id(text) == job


def test_estimates() -> None:
    found = sbatch.parse_estimate(
        "sbatch: Job 16 to start at 1797658446 using 4 processors on nodes c[1-2] in partition low\n"
    )
    assert found == sbatch.Estimate(1797658446.0, "1797658446", 4, "c[1-2]", "low")
    old = sbatch.parse_estimate(
        "sbatch: Job 5 to start at 2026-11-21T05:29:06 using 1 processors on c1 in partition low"
    )
    assert old == sbatch.Estimate(None, "2026-11-21T05:29:06", 1, "c1", "low")
    assert sbatch.parse_estimate("allocation failure: Requested time limit is invalid") is None


@given(st.text())
def test_any_answer(text: str) -> None:
    assert sbatch.parse_job_id(text) is None or sbatch.parse_job_id(text)
    sbatch.parse_estimate(text)


def test_cancel() -> None:
    assert scancel.command([5, 6]) == ["scancel", "5", "6"]
    assert scancel.command([5], signal="USR1", batch=True) == ["scancel", "--signal=USR1", "--batch", "5"]
    assert scancel.command([5], signal="TERM", full=True) == ["scancel", "--signal=TERM", "--full", "5"]
    for jobs, options in ([], {}), ([0], {}), ([5], {"signal": "a b"}), ([5], {"batch": True, "full": True}):
        with pytest.raises(ValueError, match=r"scancel|signal|batch"):
            scancel.command(jobs, **options)  # type: ignore[arg-type]


def test_steps_into_an_allocation() -> None:
    assert srun.step_argv(21, "c1") == [
        "srun",
        "--jobid=21",
        "--overlap",
        "-N1",
        "-n1",
        "-w",
        "c1",
        "--mem=0",
        "--gres=none",
        "--unbuffered",
        "sh",
    ]
    assert srun.attach_argv(21, "c1", ["tmux", "-V"])[-4:] == ["--gres=none", "--pty", "tmux", "-V"]
    assert srun.attach_command(21, "c1", ["tmux", "attach", "-t", "=sac-a"]).endswith(
        "--pty tmux attach -t =sac-a"
    )
    assert "--overlap" not in srun.step_argv(21, "c1", able=capabilities((20, 2, 0)))
    assert "--overlap" in srun.step_argv(21, "c1", able=capabilities(None))
    assert "--het-group=1" in srun.step_argv(21, "c1", het_group=1)


@pytest.mark.parametrize(
    ("job", "host"), [(0, "c1"), (5, ""), (5, "c1 c2"), (5, "-x"), (5, "c1;id"), (5, "c[1-2]")]
)
def test_steps_refuse_what_is_no_job_or_node(job: int, host: str) -> None:
    with pytest.raises(ValueError, match="not"):
        srun.step_argv(job, host)
