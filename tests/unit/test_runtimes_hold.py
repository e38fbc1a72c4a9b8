"""The batch script of a reservation."""

from __future__ import annotations

import subprocess

from sactui.runtimes import hold


def test_the_script_is_valid_shell_for_hostile_names() -> None:
    script = hold.batch_script(
        "it's $(id) `id`", "uuid'", hold.HoldOptions(tmux_prefix="sac", setup="module load x")
    )
    done = subprocess.run(["/bin/sh", "-n"], input=script.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "export SACTUI_RESERVATION='it'\"'\"'s $(id) `id`'" in script


def test_the_socket_is_the_jobs_own() -> None:
    assert hold.socket("sac", 4711) == "sac-4711"
    assert "sock=sac-$SLURM_JOB_ID" in hold.batch_script("p", "u", hold.HoldOptions())


def test_only_its_own_server_is_ended() -> None:
    script = hold.batch_script("p", "u", hold.HoldOptions())
    assert '[ "$(owner)" = "SLURM_JOB_ID=$SLURM_JOB_ID" ] && T kill-server' in script


def test_a_hold_body_replaces_the_waiting() -> None:
    script = hold.batch_script("p", "u", hold.HoldOptions(hold_body="exec my-daemon\n"))
    assert "exec my-daemon" in script
    assert "sleep 60" not in script


def test_the_mark_names_kind_host_name_uuid_and_generation() -> None:
    assert (
        hold.mark("reservation", "spartan", "dev-pool", "ab12")
        == "sactui:reservation:spartan-dev-pool:ab12:1"
    )
    assert hold.script_name("dev-pool", "ab12") == "dev-pool-ab12.sh"


def test_persistent_scripts_are_valid_shell_and_name_their_rules() -> None:
    options = hold.HoldOptions(persistent=True, time="7-0", generations=5, until=1900000000)
    script = hold.batch_script("pool", "ab12", options, "spartan")
    for shell in (["/bin/sh", "-n"], ["bash", "-n"]):
        done = subprocess.run(shell, input=script.encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "LEAD=3600 LEAST_LIFE=600 GENERATIONS=5 UNTIL=1900000000" in script
    assert '--comment=sactui:reservation:spartan-pool:ab12:"$next"' in script
    argv = hold.submit_argv("spartan", "pool", "ab12", options)
    assert "--signal=B:USR1@3600" in argv
    assert "--no-requeue" in argv
    assert "--propagate=NONE" in argv


def test_where_the_nodes_may_not_submit_the_script_does_not_try() -> None:
    options = hold.HoldOptions(persistent=True, time="7-0", self_submitting=False)
    assert "sbatch --parsable" not in hold.batch_script("pool", "ab12", options, "spartan")
    assert not [w for w in hold.submit_argv("spartan", "pool", "ab12", options) if "signal" in w]
