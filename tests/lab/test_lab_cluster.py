"""The private cluster is a cluster: logins, jobs, steps, terminals, faults, and a clean end."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sactui.errors import LabError
from sactui.lab import Lab, LabOptions, Partition, daemons, ssh, sweep
from sactui.lab.faults import wait_until
from sactui.lab.proxy import Proxy


def until(condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
    wait_until(condition, what, timeout)


def job_state(lab: Lab, job: str) -> str:
    return lab.slurm("squeue", "-h", "-j", job, "-o", "%T").strip()


def submit(lab: Lab, *options: str, body: str = "sleep 300") -> str:
    """Submit a batch job over SSH and wait until it runs; its id."""
    command = shlex.join(["sbatch", "--parsable", *options, "--wrap", body])
    done = lab.ssh(command)
    assert done.returncode == 0, done.stderr
    job = done.stdout.strip()
    until(lambda: job_state(lab, job) == "RUNNING", f"job {job} did not start")
    return job


def cancel(lab: Lab, *jobs: str) -> None:
    lab.slurm("scancel", *jobs)
    until(
        lambda: not any(job_state(lab, job) in ("RUNNING", "COMPLETING") for job in jobs), "jobs did not end"
    )


# ---- logins and jobs


def test_login_is_inside_the_lab_and_outside_the_users_home(lab: Lab) -> None:
    said = lab.ssh("echo $HOME; pwd; echo $SLURM_CONF; echo $TMUX_TMPDIR; echo $SACTUI_LAB").stdout.split()
    directory = str(lab.directory)
    assert said == [
        f"{directory}/home",
        f"{directory}/home",
        f"{directory}/slurm.conf",
        f"{directory}/t/login1",
        directory,
    ]


def test_each_login_host_has_its_own_tmux_directory(lab: Lab) -> None:
    said = [lab.ssh("echo $TMUX_TMPDIR", alias=alias).stdout.strip() for alias in lab.aliases]
    assert said == [f"{lab.directory}/t/login1", f"{lab.directory}/t/login2"]
    assert lab.aliases == (lab.options.name, f"{lab.options.name}-login2")


def test_script_on_standard_input_and_exit_status(lab: Lab) -> None:
    done = lab.ssh("exec /bin/sh -s", stdin='read line <<X\nthree words here\nX\necho "$line"; exit 7\n')
    assert (done.stdout, done.returncode) == ("three words here\n", 7)


def test_login_without_command_is_a_login_shell(lab: Lab) -> None:
    done = lab.ssh(stdin="pwd; exit 5\n")
    assert done.stdout.split()[-1] == str(lab.layout.home)
    assert done.returncode == 5


def test_sftp_begins_in_the_labs_home(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "sent").write_text("bytes\n")
    done = subprocess.run(
        ["sftp", "-q", "-F", str(lab.ssh_config), "-b", "-", lab.alias],
        input=f"put {tmp_path}/sent sent\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (lab.layout.home / "sent").read_text() == "bytes\n"


def test_login_gives_a_terminal(lab: Lab) -> None:
    done = lab.ssh("tty && test -t 0 && test -t 1", tty=True)
    assert done.stdout.startswith("/dev/")
    assert done.returncode == 0


def test_nodes_have_the_size_that_was_asked_for(lab: Lab) -> None:
    said = lab.slurm("sinfo", "-h", "-N", "-p", "main", "-o", "%N %c %m %G %l")
    assert said.splitlines() == [f"{node} 32 128000 gpu:a100:2 7-00:00:00" for node in lab.node_names]


def test_limit_of_a_partition_is_enforced_before_a_job_is_accepted(lab: Lab) -> None:
    done = lab.ssh("sbatch --test-only -p short -t 5:00:00 --wrap true")
    assert done.returncode != 0
    assert "time limit" in done.stderr.lower()


def test_job_leaves_its_output_in_the_labs_home(lab: Lab) -> None:
    done = lab.ssh("sbatch --wait --parsable --wrap 'echo home=$HOME node=$SACTUI_LAB_NODE'")
    assert done.returncode == 0, done.stderr
    output = lab.layout.home / f"slurm-{done.stdout.strip()}.out"
    until(output.exists, "the job wrote nothing")
    assert output.read_text() == f"home={lab.layout.home} node={lab.node_names[0]}\n"


def test_job_without_the_callers_environment_is_still_inside(lab: Lab) -> None:
    done = lab.ssh("sbatch --wait --parsable --export=NONE -o bare.out --wrap 'echo $HOME $SACTUI_LAB'")
    assert done.returncode == 0, done.stderr
    assert (lab.layout.home / "bare.out").read_text().split() == [str(lab.layout.home), str(lab.directory)]


def test_each_node_has_its_own_tmux_server(lab: Lab) -> None:
    first, second = lab.node_names[:2]
    socket_name = f"own-{os.getpid()}"
    body = f"tmux -L {socket_name} new-session -d -s here 'sleep 300'; sleep 300"
    job = submit(lab, "-w", first, body=body)
    other = submit(lab, "-w", second)
    try:
        listing = f"tmux -L {socket_name} list-sessions -F '#S'"

        def ask(which: str, node: str) -> subprocess.CompletedProcess[str]:
            return lab.ssh(f"srun --jobid={which} --overlap -N1 -n1 -w {node} --mem=0 {listing}")

        until(lambda: ask(job, first).stdout == "here\n", "no tmux server on the job's node")
        elsewhere = ask(other, second)
        assert elsewhere.returncode != 0
        assert "here" not in elsewhere.stdout
        assert lab.ssh(listing).returncode != 0
        ends = lab.ssh(f"srun --jobid={job} --overlap -N1 -n1 tmux -L {socket_name} kill-server")
        assert ends.returncode == 0, ends.stderr
    finally:
        cancel(lab, job, other)


def test_overlapping_step_runs_although_the_job_uses_everything(lab: Lab) -> None:
    node = lab.node_names[0]
    job = submit(lab, "-w", node, "--exclusive", "--mem=0", body="srun --exact sleep 300")
    try:
        done = lab.ssh(f"srun --jobid={job} --overlap -N1 -n1 --mem=0 --gres=none echo inside")
        assert (done.stdout, done.returncode) == ("inside\n", 0), done.stderr
    finally:
        cancel(lab, job)


def test_gpus_are_given_out(lab: Lab) -> None:
    done = lab.ssh("srun -N1 -n1 --gres=gpu:1 sh -c 'echo gpu=$CUDA_VISIBLE_DEVICES'")
    assert done.stdout == "gpu=0\n", done.stderr


# ---- status


def test_a_second_up_finds_the_lab_running(lab: Lab) -> None:
    again = Lab(LabOptions(name=lab.options.name, nodes=1))
    before = lab.status()
    assert again.up() is False
    assert again.node_names == lab.node_names
    after = again.status()
    assert before is not None
    assert after is not None
    assert after.supervisor == before.supervisor


def test_status_names_all_daemons(lab: Lab) -> None:
    known = lab.status()
    assert known is not None
    assert known.state == "up"
    assert set(known.daemons) == {"munged", "slurmctld", "login1", "login2", *lab.node_names}
    assert {each.state for each in known.daemons.values()} == {"running"}


def test_a_lab_that_never_was(lab: Lab) -> None:
    assert Lab(LabOptions(name="never-was")).status() is None
    assert Lab(LabOptions(name="never-was")).down() is False
    with pytest.raises(LabError, match="there is no lab 'never-was'"):
        Lab.open("never-was")


# ---- faults


def test_controller_stopped_and_restarted_keeps_its_jobs(mended: Lab) -> None:
    job = submit(mended)
    mended.faults.stop("slurmctld")
    known = mended.status()
    assert known is not None
    assert known.daemons["slurmctld"].state == "dead"
    assert "DOWN" in mended.ssh("scontrol ping").stdout
    mended.faults.restart("slurmctld")
    assert job_state(mended, job) == "RUNNING"
    cancel(mended, job)


def test_controller_killed_and_restarted_keeps_what_it_had_saved(mended: Lab) -> None:
    job = submit(mended)
    mended.faults.settle()
    mended.faults.kill("slurmctld")
    assert "DOWN" in mended.ssh("scontrol ping").stdout
    mended.faults.restart("slurmctld")
    assert job_state(mended, job) == "RUNNING"
    cancel(mended, job)


def test_controller_hangs_and_goes_on(mended: Lab) -> None:
    mended.faults.hang("slurmctld")
    hung = subprocess.Popen(
        ["squeue", "-h"],
        env=mended.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        hung.communicate(timeout=1)
    mended.faults.resume("slurmctld")
    hung.communicate(timeout=30)
    assert hung.returncode == 0


def test_node_daemon_killed_and_restarted(mended: Lab) -> None:
    node = mended.node_names[-1]
    mended.faults.kill(node)
    assert not daemons.listens(_port_of(mended, node))
    mended.faults.restart(node)
    assert mended.ssh(f"srun -w {node} echo back").stdout == "back\n"


def test_node_that_crashes_takes_its_processes_along(mended: Lab) -> None:
    node = mended.node_names[-1]
    job = submit(
        mended, "-w", node, "--no-requeue", body="tmux -L crash new-session -d 'sleep 300'; sleep 300"
    )
    marker = os.fsencode(f"SACTUI_LAB_NODE={node}")

    def on_node() -> set[int]:
        return {pid for pid in mended.processes() if marker in sweep.environment(pid)}

    until(lambda: len(on_node()) > 3, "the job did not get going")
    mended.faults.crash(node)
    assert on_node() == set()
    mended.faults.down(node)
    until(lambda: job_state(mended, job) not in ("RUNNING", "COMPLETING"), "the controller still has the job")
    said = mended.slurm("scontrol", "show", "job", job)
    assert "JobState=NODE_FAIL" in said
    mended.faults.restore()
    assert mended.ssh(f"srun -w {node} echo back").stdout == "back\n"


def test_munge_killed_and_restarted(mended: Lab) -> None:
    mended.faults.kill("munged")
    # Slurm's own commands would try again for the better part of a minute.
    said = mended.ssh(f"munge -n -S {mended.layout.munge_socket}")
    assert said.returncode != 0
    assert "Failed to access" in said.stderr or "Failed to connect" in said.stderr
    mended.faults.restart("munged")
    assert mended.ssh("squeue").returncode == 0


def test_one_login_host_dies_and_the_other_serves(mended: Lab) -> None:
    first, second = mended.aliases
    session = subprocess.Popen(
        mended.ssh_argv("echo in; cat", alias=first), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert session.stdout is not None
    assert session.stdout.readline() == b"in\n"
    mended.faults.kill("login1")
    session.communicate(timeout=30)
    assert session.returncode == 255
    assert mended.ssh("true", alias=first).returncode == 255
    assert mended.ssh("true", alias=second).returncode == 0
    mended.faults.restart("login1")
    assert mended.ssh("true", alias=first).returncode == 0


def test_login_host_hangs_with_its_sessions(mended: Lab) -> None:
    first = mended.aliases[0]
    session = subprocess.Popen(
        mended.ssh_argv("exec cat", alias=first), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write(b"one\n")
    assert session.stdout.readline() == b"one\n"
    mended.faults.hang("login1")
    session.stdin.write(b"two\n")
    os.set_blocking(session.stdout.fileno(), False)
    with pytest.raises(LabError, match="did not end"):
        mended.ssh("true", alias=first, timeout=1)
    assert session.stdout.read(4) is None
    mended.faults.resume("login1")
    os.set_blocking(session.stdout.fileno(), True)
    assert session.stdout.readline() == b"two\n"
    session.communicate(timeout=30)


def test_node_drained_and_resumed(mended: Lab) -> None:
    node = mended.node_names[0]

    def state() -> str:
        return mended.slurm("sinfo", "-h", "-n", node, "-p", "main", "-o", "%T").strip()

    mended.faults.drain(node, "a test")
    until(lambda: state() == "drained", "the node is not drained")
    mended.faults.resume_node(node)
    until(lambda: state() == "idle", "the node stays drained")


def test_fault_of_an_unknown_daemon_names_the_known_ones(lab: Lab) -> None:
    with pytest.raises(LabError, match="no daemon 'slurmrestd'") as caught:
        lab.faults.kill("slurmrestd")
    assert "slurmctld" in caught.value.remedy


def _port_of(lab: Lab, node: str) -> int:
    fields = lab.slurm("scontrol", "-o", "show", "node", node).split()
    return int(next(field.removeprefix("Port=") for field in fields if field.startswith("Port=")))


# ---- proxy


def test_proxy_is_a_way_in_and_can_be_cut(mended: Lab) -> None:
    assert mended.proxy.connections == 0
    assert mended.ssh("echo through", alias=mended.proxy_alias).stdout == "through\n"
    mended.proxy.cut()
    assert mended.ssh("true", alias=mended.proxy_alias).returncode == 255
    mended.proxy.normal()
    assert mended.ssh("echo again", alias=mended.proxy_alias).stdout == "again\n"


def test_cut_proxy_ends_running_connections(mended: Lab) -> None:
    session = subprocess.Popen(
        mended.ssh_argv("echo in; cat", alias=mended.proxy_alias),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert session.stdout is not None
    assert session.stdout.readline() == b"in\n"
    assert mended.proxy.connections == 1
    mended.proxy.cut()
    session.communicate(timeout=30)
    assert session.returncode == 255
    assert mended.proxy.connections == 0


def test_swallowed_answer_means_done_but_not_heard(mended: Lab) -> None:
    mark = mended.layout.home / "swallowed"
    session = subprocess.Popen(
        mended.ssh_argv("exec /bin/sh -s", alias=mended.proxy_alias),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write(b"echo ready\n")
    assert session.stdout.readline() == b"ready\n"
    mended.proxy.swallow()
    session.stdin.write(f"echo lost; touch {mark}; echo lost too\n".encode())
    until(mark.exists, "what the client sent did not arrive")
    mended.proxy.normal()
    heard, _ = session.communicate(timeout=30)
    assert heard == b""
    assert session.returncode == 255


def test_stalled_proxy_loses_nothing(mended: Lab) -> None:
    session = subprocess.Popen(
        mended.ssh_argv("exec cat", alias=mended.proxy_alias),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write(b"one\n")
    assert session.stdout.readline() == b"one\n"
    mended.proxy.stall()
    session.stdin.write(b"two\n")
    mended.proxy.normal()
    assert session.stdout.readline() == b"two\n"
    session.communicate(timeout=30)
    assert session.returncode == 0


def test_delay_of_the_proxy_is_at_least_what_was_asked_for(mended: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as echo, Proxy(echo.getsockname()[1]) as proxy:
        proxy.delay(0.2)
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            far, _ = echo.accept()
            with far:
                client.sendall(b"ping")
                assert far.recv(4) == b"ping"
                far.sendall(b"pong")
                assert client.recv(4) == b"pong"
        assert time.monotonic() - began >= 0.4


# ---- the login server that stands in for sshd


@pytest.fixture
def stand_in(lab: Lab, tmp_path: Path) -> Iterator[list[str]]:
    """The command line of ssh to a login server of our own kind, whatever serves the lab's logins."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "sactui.lab.login", str(lab.directory), "1", str(port), "2"]
    server = subprocess.Popen(argv, env=lab.environment())
    hosts = tmp_path / "known_hosts"
    hosts.write_text(ssh.known_host(lab.layout, 1, port))
    settings = tmp_path / "config"
    settings.write_text("\n".join(ssh.host_block(lab.layout, "stand-in", port, hosts)) + "\n")
    try:
        until(lambda: daemons.greets(port), "the login server did not start")
        yield ["ssh", "-F", str(settings), "-o", "BatchMode=yes"]
    finally:
        server.terminate()
        server.wait()


def through(argv: list[str], *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*argv, "stand-in", *command], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def test_stand_in_runs_commands_like_sshd(lab: Lab, stand_in: list[str]) -> None:
    done = through(stand_in, "pwd; echo bad >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == (f"{lab.layout.home}\n", "bad\n", 7)


def test_stand_in_loses_no_bytes(stand_in: list[str]) -> None:
    text = "0123456789abcdef" * 200_000
    assert through(stand_in, "cat", stdin=text).stdout == text


def test_stand_in_gives_terminals_and_keys(stand_in: list[str]) -> None:
    done = through([*stand_in, "-tt"], "tty; stty -echo; echo ready; read x; echo got=$x", stdin="hello\n")
    words = done.stdout.split()
    assert any(word.startswith("/dev/") for word in words)
    assert "got=hello" in words
    assert done.returncode == 0


def test_stand_in_delivers_interrupts(stand_in: list[str]) -> None:
    session = subprocess.Popen(
        [*stand_in, "-tt", "stand-in", "echo ready; exec sleep 300"], stdin=-1, stdout=-1
    )
    assert session.stdin is not None
    assert session.stdout is not None
    assert session.stdout.readline() == b"ready\r\n"
    session.stdin.write(b"\x03")
    session.stdin.flush()
    session.communicate(timeout=30)
    assert session.returncode == 255


def test_stand_in_lets_nobody_else_in(stand_in: list[str], tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    settings = tmp_path / "other-config"
    text = (tmp_path / "config").read_text().splitlines()
    settings.write_text(
        "\n".join(f"    IdentityFile {tmp_path}/other" if "IdentityFile" in line else line for line in text)
        + "\n"
    )
    done = through(["ssh", "-F", str(settings), "-o", "BatchMode=yes"], "true")
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


# ---- ends


def test_two_labs_side_by_side_and_down_leaves_nothing(lab: Lab) -> None:
    other = Lab(
        LabOptions(name=f"o{os.getpid()}", nodes=1, partitions=(Partition("main"),), owner=os.getpid())
    )
    lines: list[str] = []
    assert other.up(lines.append) is True
    try:
        assert any("1 nodes of 32 CPUs" in line for line in lines)
        assert other.slurm("sinfo", "-h", "-o", "%D %N").split() == ["1", "bm001"]
        assert lab.slurm("sinfo", "-h", "-p", "main", "-o", "%D").split() == ["4"]
        submit(other, body="tmux -L x new-session -d 'env -i sleep 300'; sleep 300")
        idle = subprocess.Popen(other.ssh_argv("echo in; cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert idle.stdout is not None
        assert idle.stdout.readline() == b"in\n"
        below = sweep.descendants(other._watchers()[0])
        assert len(below) > 10
    finally:
        other.down()
    idle.communicate(timeout=30)
    assert other.processes() == set()
    assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []
    assert not other.directory.exists()
    assert lab.ssh("squeue -h").returncode == 0


@pytest.fixture
def doomed() -> Iterator[Lab]:
    """A small lab of a test's own, with a job and a tmux server in it."""
    small = Lab(LabOptions(name=f"d{os.getpid()}", nodes=1, owner=os.getpid()))
    small.up()
    try:
        submit(small, body="tmux -L x new-session -d 'sleep 300'; sleep 300")
        yield small
    finally:
        small.down()


def test_killed_supervisor_takes_everything_along(doomed: Lab) -> None:
    known = doomed.status()
    assert known is not None
    os.kill(known.supervisor, signal.SIGKILL)
    until(lambda: doomed.processes() == set(), "processes outlived the supervisor", 5)
    after = doomed.status()
    assert after is not None
    assert after.state == "dead"
    lines: list[str] = []
    assert doomed.up(lines.append) is True
    assert "cleaning up" in lines[0]
    assert doomed.ssh("srun -N1 echo again").stdout == "again\n"


def test_killed_watcher_takes_everything_along(doomed: Lab) -> None:
    (watcher,) = doomed._watchers()
    os.kill(watcher, signal.SIGKILL)
    until(lambda: doomed.processes() == set(), "processes outlived the watcher", 5)


def test_next_start_sweeps_what_nobody_could(doomed: Lab) -> None:
    known = doomed.status()
    assert known is not None
    (watcher,) = doomed._watchers()
    os.kill(watcher, signal.SIGSTOP)
    os.kill(known.supervisor, signal.SIGKILL)
    os.kill(watcher, signal.SIGKILL)
    until(lambda: not doomed._watchers(), "the watcher is still there")
    stranded = doomed.processes()
    assert stranded
    assert doomed.up() is True
    assert stranded.isdisjoint(doomed.processes())
    assert doomed.ssh("squeue -h").stdout == ""


def test_lab_ends_with_its_owner() -> None:
    owner = subprocess.Popen(["sleep", "300"])
    owned = Lab(LabOptions(name=f"w{os.getpid()}", nodes=1, owner=owner.pid))
    try:
        owned.up()
        owner.kill()
        owner.wait()
        until(
            lambda: owned.processes() == set() and not owned.directory.exists(),
            "the lab outlived its owner",
            5,
        )
    finally:
        owner.kill()
        owner.wait()
        owned.down()


def test_daemon_that_dies_at_its_start_shows_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    broken = programs / "slurmctld"
    broken.write_text("#!/bin/sh\necho 'fatal: the moon is in the wrong phase' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    failing = Lab(LabOptions(name=f"f{os.getpid()}", nodes=1, owner=os.getpid()))
    try:
        with pytest.raises(
            LabError, match=r"slurmctld ended at its start \(exit status 3\):\nfatal: the moon"
        ) as caught:
            failing.up()
        assert str(failing.layout.log) in caught.value.remedy
        until(lambda: failing.processes() == set(), "a failed start left processes", 5)
    finally:
        failing.down()


def test_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failing = Lab(LabOptions(name=f"p{os.getpid()}", nodes=1, port=port, owner=os.getpid()))
        try:
            with pytest.raises(LabError, match=f"port {port} is in use"):
                failing.up()
        finally:
            failing.down()


def test_commands_of_a_guest_shell_survive_the_end_of_the_lab(lab: Lab) -> None:
    guest = subprocess.Popen(["sleep", "300"], env={**os.environ, **lab.exports()})
    try:
        assert guest.pid not in lab.processes()
        ours = subprocess.Popen(["sleep", "300"], env=lab.environment())
        until(lambda: ours.pid in lab.processes(), "a process of the lab is not recognised", 5)
        ours.kill()
        ours.wait()
    finally:
        guest.kill()
        guest.wait()
