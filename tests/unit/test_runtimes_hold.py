"""The batch script of a reservation."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sactui.core import booking
from sactui.core.audit import Audit
from sactui.core.plan import Outcome, Result
from sactui.runtimes import hold, hold_script


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


def test_the_script_remembers_how_it_was_booked() -> None:
    options = hold.HoldOptions(
        persistent=True, time="7-0", tmux_prefix="odd", setup='# booked: {"uuid": "x"}'
    )
    script = hold.batch_script("pool", "ab12", options, "spartan")
    assert hold.read_booked(script, "ab12") == hold.booked("spartan", "pool", "ab12", options)
    assert hold.read_booked(script, "cd34") == {}
    assert hold.read_booked('# booked: {"uuid": "ab12", "evil": 1}', "ab12") == {}
    assert hold.read_booked("# booked: {", "ab12") == {}


def test_what_the_setup_has_set_holds_in_steps(tmp_path: Path) -> None:
    run = tmp_path / ".sactui" / "run"
    run.mkdir(parents=True)
    (run / "7.env").write_text("export PATH='/opt/it'\\''s:/usr/bin:/bin'\n")
    for job, expected in (("7", "/opt/it's:/usr/bin:/bin"), ("8", "/usr/bin:/bin")):
        done = subprocess.run(
            hold_script.in_step(["sh", "-c", 'printf %s "$PATH"']),
            env={"HOME": str(tmp_path), "SLURM_JOB_ID": job, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == expected


def test_an_audit_line_has_no_setup_in_it(tmp_path: Path) -> None:
    options = hold.HoldOptions(setup="export TOKEN=geheim1\n")
    plan = booking.plan_book(booking.BookRequest("pool", "spartan", options), uuid="ab12")
    assert any("geheim1" in command for command in plan.commands), "whoever confirms sees it"
    Audit(tmp_path).write(plan, Outcome(Result.DONE, "done"))
    written = (tmp_path / "audit.jsonl").read_text()
    assert "geheim1" not in written
    assert "sha256" in written
