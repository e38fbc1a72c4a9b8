"""Sites that differ, made of the lab: slow or replaced commands, other limits, preemption, maintenance."""

from __future__ import annotations

import pytest

from sactui.errors import LabError
from sactui.lab import Lab, Partition
from sactui.lab.conditions import configured, maintenance
from sactui.lab.faults import wait_until


def test_commands_of_the_logins_are_slow_or_another_text(mended: Lab) -> None:
    mended.faults.slow(0.2)
    assert f"{mended.layout.front}/squeue" in mended.ssh("bash -lc 'command -v squeue'").stdout
    assert mended.ssh("squeue --version").stdout.startswith("slurm")
    mended.faults.replace("squeue", 'echo "the moon is in the wrong house" >&2; exit 3')
    said = mended.ssh("exec /bin/sh -s", stdin="squeue; echo $?\n")
    assert (said.stderr.strip(), said.stdout.strip()) == ("the moon is in the wrong house", "3")
    # An administrator's commands and the commands of jobs that run are the real ones.
    assert mended.slurm("squeue", "--version").startswith("slurm")
    mended.faults.restore()
    assert "front" not in mended.ssh("bash -lc 'command -v squeue'").stdout
    with pytest.raises(LabError, match="not a command"):
        mended.faults.replace("../squeue", "true")


def test_a_site_with_other_limits_and_partitions(mended: Lab) -> None:
    with configured(
        mended,
        settings={"MaxStepCount": "1"},
        partitions=[Partition("first", tier=10), Partition("nosub", nodes_submit=False)],
    ):
        said = mended.ssh(
            "sbatch --wait -o steps.out -c1 --wrap 'srun true; srun true' >/dev/null; cat steps.out"
        )
        assert "Step limit reached" in said.stdout
        assert "AllocNodes=localhost" in mended.slurm("scontrol", "show", "partition", "nosub")
        submit = ("sbatch", "--parsable", "-N4", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 300")
        low = mended.slurm(*submit).strip()
        wait_until(lambda: _state(mended, low) == "RUNNING", "the first job did not start", 60)
        high = mended.slurm(*submit, "-p", "first").strip()
        wait_until(lambda: _state(mended, high) == "RUNNING", "the second job did not go first", 60)
        assert _state(mended, low) == "PENDING"
        mended.slurm("scancel", low, high)
        wait_until(lambda: not _state(mended, low) + _state(mended, high), "the jobs did not end", 60)
    assert "first" not in mended.slurm("sinfo", "-h", "-o", "%P")
    with pytest.raises(LabError, match="no setting"), configured(mended, settings={"A B": "c"}):
        pass


def test_a_maintenance_keeps_long_jobs_waiting(mended: Lab) -> None:
    with maintenance(mended, starts_in=3600) as name:
        assert name in mended.slurm("scontrol", "show", "reservation")
        job = mended.slurm("sbatch", "--parsable", "-t", "5:00:00", "--wrap", "true").strip()
        wait_until(
            lambda: "ReqNodeNotAvail" in mended.slurm("squeue", "-h", "-j", job, "-O", "Reason:80"),
            "the job did not see the maintenance",
            60,
        )
        mended.slurm("scancel", job)
    assert "No reservations" in mended.slurm("scontrol", "show", "reservation")


def _state(lab: Lab, job: str) -> str:
    return lab.slurm("squeue", "-h", "-j", job, "-t", "R,PD,CG", "-o", "%T").strip()
