from __future__ import annotations

import os
import subprocess

import pytest

from sactui.errors import Refused
from sactui.slurm import environment

SHELLS = ("/bin/sh", "/bin/bash")


def run(shell: str, script: str, variables: dict[str, str]) -> dict[str, str]:
    """Run a script behind the preamble; the environment it ends with."""
    done = subprocess.run(
        [shell, "-s"],
        input=f"{environment.PREAMBLE}{script}\nexec env -0 </dev/null\n".encode(),
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stderr == b""
    entries = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


@pytest.mark.parametrize("shell", SHELLS)
def test_users_options_are_gone_and_the_cluster_stays(shell: str) -> None:
    left = run(
        shell,
        "",
        {
            "SQUEUE_PARTITION": "nope",
            "SQUEUE_STATES": "PD",
            "SCANCEL_STATE": "PENDING",
            "SBATCH_TIMELIMIT": "1",
            "SBATCH_SOMETHING_NEW": "1",
            "SRUN_OUTPUT": "x",
            "SALLOC_BELL": "1",
            "SACCT_FORMAT": "JobID",
            "SINFO_FORMAT": "%n",
            "SCONTROL_ALL": "1",
            "SLURM_CLUSTERS": "other",
            "SLURM_LABELIO": "1",
            "SLURM_JOB_ID": "5",
            "SLURM_TIME_FORMAT": "relative",
            "SLURM_CONF": "/etc/slurm/slurm.conf",
            "SLURM_JWT": "token",
            "SLURM_ROOT": "/opt/slurm",
            "HOME": "/home/op",
            "IFS": "S",
        },
    )
    assert {key: value for key, value in left.items() if key.startswith("S") and key not in ("SHLVL",)} == {
        "SLURM_CONF": "/etc/slurm/slurm.conf",
        "SLURM_JWT": "token",
        "SLURM_ROOT": "/opt/slurm",
        "SLURM_TIME_FORMAT": "%s",
        "SLURM_BITSTR_LEN": str(environment.ARRAY_TEXT),
    }
    assert left["HOME"] == "/home/op"


@pytest.mark.parametrize("shell", SHELLS)
def test_values_with_line_breaks_and_bytes_fool_nobody(shell: str) -> None:
    left = run(
        shell,
        "",
        {
            "A_FIRST": "x\nSLURM_CONF=/evil\nSQUEUE_FAKE=1\nHOME=/evil",
            "BYTES": "\udcff\udcfe",
            "SQUEUE_USERS": "a\nb\nSINFO_ALL=1",
            "SQUEUE_SORT": "\udcff",
            "SLURM_CONF": "/etc/slurm/slurm.conf",
            "HOME": "/home/op",
            "Z": "$(touch /tmp/never); `id` *",
        },
    )
    assert left["A_FIRST"] == "x\nSLURM_CONF=/evil\nSQUEUE_FAKE=1\nHOME=/evil"
    assert (left["SLURM_CONF"], left["HOME"], left["BYTES"]) == (
        "/etc/slurm/slurm.conf",
        "/home/op",
        "\udcff\udcfe",
    )
    assert left["Z"] == "$(touch /tmp/never); `id` *"
    assert "SQUEUE_USERS" not in left
    assert "SQUEUE_SORT" not in left


@pytest.mark.parametrize("shell", SHELLS)
def test_a_locale_is_given_only_where_there_is_none(shell: str) -> None:
    assert run(shell, "", {})["LC_CTYPE"] == "C.UTF-8"
    assert "LC_CTYPE" not in run(shell, "", {"LANG": "de_DE.UTF-8"})
    assert run(shell, "", {"LC_ALL": "C"})["LC_ALL"] == "C"


def test_a_submitted_job_does_not_inherit_how_we_read() -> None:
    left = run("/bin/sh", environment.BEFORE_SUBMIT, {})
    assert not {"SLURM_TIME_FORMAT", "SLURM_BITSTR_LEN"} & left.keys()


def test_the_preamble_leaves_no_variable_and_reads_no_input() -> None:
    left = run("/bin/sh", "", {"SQUEUE_ALL": "1"})
    assert not [key for key in left if key.lower().startswith("sactui")]


def test_unwanted_names() -> None:
    assert environment.unwanted("SQUEUE_FORMAT2")
    assert environment.unwanted("SLURM_CLUSTERS")
    assert not environment.unwanted("SLURM_CONF")
    assert not environment.unwanted("SLURM_JWT")
    assert not environment.unwanted("PATH")


def test_one_of_several_clusters_behind_a_login() -> None:
    assert environment.of_cluster("") == ""
    script = environment.PREAMBLE + environment.of_cluster("gpu-2") + "echo $SLURM_CLUSTERS"
    said = subprocess.run(
        ["/bin/sh", "-s"],
        input=script,
        env={**os.environ, "SLURM_CLUSTERS": "users-own"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "gpu-2"
    for name in ("a,b", "a b", "$(id)", "-x", "all;id"):
        with pytest.raises(Refused):
            environment.of_cluster(name)
