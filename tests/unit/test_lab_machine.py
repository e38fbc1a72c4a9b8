"""What a lab asks of the machine: directories, ports, programs; and its login hosts' files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from sactui.errors import LabError
from sactui.lab import install, layout, ports, ssh, sweep
from sactui.lab.config import LabOptions, Ports
from sactui.lab.faults import wait_until
from sactui.lab.layout import Layout
from sactui.lab.report import DaemonReport, LoginReport, Report, read


def test_base_is_short_and_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(layout.BASE_VARIABLE, raising=False)
    assert layout.layout_of("lab").directory == Path(f"/tmp/sactui-lab-{os.getuid()}/lab")
    monkeypatch.setenv(layout.BASE_VARIABLE, "/run/l")
    assert layout.layout_of("lab").directory == Path("/run/l/lab")


def test_base_too_long_for_sockets_is_refused() -> None:
    with pytest.raises(LabError, match="a socket's path may have 107"):
        layout.layout_of("lab", ("bm001",), Path("/tmp/" + "x" * 60))


@pytest.mark.parametrize("base", ["/tmp/a b", "/tmp/a,b", "/tmp/a$HOME", "/tmp/a\nb", "/tmp/a[1]"])
def test_base_that_slurms_files_cannot_hold_is_refused(base: str) -> None:
    with pytest.raises(LabError, match="cannot live in"):
        layout.layout_of("lab", (), Path(base))


def test_base_open_to_others_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    base.chmod(0o777)
    with pytest.raises(LabError, match="can be written by others") as caught:
        layout.open_base(base)
    assert caught.value.remedy == f"chmod 700 {base}"


def test_base_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "base").symlink_to(tmp_path / "real")
    with pytest.raises(LabError, match="cannot be used"):
        layout.open_base(tmp_path / "base")


def test_two_blocks_of_ports_do_not_meet() -> None:
    first, held = ports.reserve(20)
    with held:
        second, other = ports.reserve(20)
        with other:
            assert not set(range(first, first + 20)) & set(range(second, second + 20))


def test_a_block_with_a_listener_in_it_is_passed_over() -> None:
    first, held = ports.reserve(4)
    held.close()
    with socket.create_server(("127.0.0.1", first + 2)):
        second, other = ports.reserve(4)
        other.close()
        assert first + 2 not in range(second, second + 4)
        with pytest.raises(LabError, match=rf"port {first + 2} is in use"):
            ports.reserve(4, first)


DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'
UBUNTU = "ID=ubuntu\nID_LIKE=debian\n"
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n'
FEDORA = "ID=fedora\n"


@pytest.mark.parametrize(
    ("system", "command"),
    [
        (DEBIAN, "apt-get install -y munge slurm-wlm tmux"),
        (UBUNTU, "apt-get install -y munge slurm-wlm tmux"),
        (FEDORA, "dnf install -y munge slurm-slurmctld slurm-slurmd tmux"),
        (ROCKY, "dnf install -y epel-release && dnf install -y munge slurm-slurmctld slurm-slurmd tmux"),
    ],
)
def test_install_command_by_system(system: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert install.install_command(["munged", "slurmctld", "slurmd", "tmux"], system) == command
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    sudo = install.install_command(["tmux"], system)
    assert sudo.count("sudo ") == command.count("&&") + 1


def test_missing_programs_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        install, "find", lambda name: None if name in ("munged", "mariadbd") else f"/bin/{name}"
    )
    with pytest.raises(LabError, match=r"^munged is not installed"):
        install.check(accounting=False)
    with pytest.raises(LabError, match=r"^munged, mariadbd are not installed"):
        install.check(accounting=True)


def test_sshd_sets_everything_on_one_line() -> None:
    options = LabOptions(logins=2)
    where = Layout(Path("/tmp/x/lab"))
    text = ssh.sshd_config(where, options, Ports(20000, options), 2)
    settings = [line for line in text.splitlines() if line.startswith("SetEnv")]
    assert len(settings) == 1
    assert "HOME=/tmp/x/lab/home " in settings[0]
    assert "SLURM_CONF=/tmp/x/lab/slurm.conf " in settings[0]
    assert "TMUX_TMPDIR=/tmp/x/lab/t/login2 " in settings[0]
    assert "SACTUI_LAB=/tmp/x/lab" in settings[0].split()
    assert "Port 20007" in text.splitlines()
    assert "ListenAddress 127.0.0.1" in text.splitlines()


def test_shells_without_files_of_ours_are_led_home_by_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    options = LabOptions()
    where = Layout(Path("/tmp/x/lab"))

    def forced(shell: str) -> bool:
        monkeypatch.setattr(ssh, "login_shell", lambda: shell)
        return "ForceCommand /tmp/x/lab/ssh/enter.sh" in ssh.sshd_config(
            where, options, Ports(20000, options), 1
        )

    assert forced("/bin/dash")
    assert not forced("/bin/bash")
    assert not forced("/usr/bin/fish")


def run_shell(layout: Layout, shell: str, *words: str) -> str:
    """Run a shell the way sshd does: in another directory than its HOME."""
    variables = {"HOME": str(layout.home), "PATH": os.environ["PATH"], "SACTUI_LAB_ENTER": "1"}
    done = subprocess.run(
        [shell, *words],
        env={**variables, "BASH_ENV": f"{layout.ssh}/enter.bash"},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "fish", "tcsh", "zsh"])
def test_shells_go_home_once(shell: str, tmp_path: Path) -> None:
    where = Layout(tmp_path)
    where.create()
    for path, text in ssh.startup_files(where).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program = shutil.which(shell)
    if program is None:
        # Shells are the user's business, not a part of the lab: the text is still checked.
        assert any(text for path, text in ssh.startup_files(where).items() if path.parent != where.ssh)
        return
    again = f"pwd; cd /; {program} -c pwd; env"
    said = run_shell(where, program, "-c", again).splitlines()
    assert said[:2] == [str(where.home), "/"]
    assert not any(line.startswith(("SACTUI_LAB_ENTER=", "BASH_ENV=")) for line in said)


def test_command_that_leads_home_runs_what_was_asked_for(tmp_path: Path) -> None:
    where = Layout(tmp_path)
    where.create()
    (tmp_path / "enter.sh").write_text(ssh.enter_script(where))
    asked = "pwd; echo \"two  words\" '$HOME'; exit 6"
    done = subprocess.run(
        ["sh", str(tmp_path / "enter.sh")],
        env={"HOME": str(where.home), "PATH": os.environ["PATH"], "SSH_ORIGINAL_COMMAND": asked},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (f"{where.home}\ntwo  words $HOME\n", 6)


def test_clients_verify_the_labs_host_keys() -> None:
    options = LabOptions(name="mine", logins=2)
    text = ssh.ssh_config(Layout(Path("/tmp/x/mine")), options, Ports(20000, options))
    assert [line for line in text.splitlines() if line.startswith("Host ")] == [
        "Host mine",
        "Host mine-login2",
    ]
    assert text.count("StrictHostKeyChecking yes") == 2
    assert text.count("UserKnownHostsFile /tmp/x/mine/ssh/known_hosts") == 2


def test_report_survives_the_file(tmp_path: Path) -> None:
    written = Report(
        state="up",
        supervisor=7,
        steps=["a"],
        daemons={"munged": DaemonReport(8, "running", "/log")},
        logins=[LoginReport("lab", 20006, "sshd")],
    )
    written.write(tmp_path / "status.json")
    assert read(tmp_path / "status.json") == written


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"daemons": 1, "logins": []}'])
def test_a_broken_report_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(text)
    assert read(tmp_path / "status.json") is None


def start(**variables: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["sleep", "300"], env={**os.environ, **variables})
    # Until exec is done, the environment in /proc is still ours.
    wait_until(lambda: b"sleep" in sweep.command_line(process.pid), "sleep did not start", 30)
    return process


def test_sweep_ends_the_labs_processes_and_no_others(tmp_path: Path) -> None:
    lab, other = tmp_path / "lab", tmp_path / "lab2"
    processes = {
        "marked": start(SACTUI_LAB=str(lab)),
        "slurm": start(SLURM_CONF=f"{lab}/slurm.conf"),
        "job of a guest": start(SLURM_CONF=f"{lab}/slurm.conf", SACTUI_LAB_GUEST=str(lab), SLURM_JOB_ID="1"),
        "guest": start(SLURM_CONF=f"{lab}/slurm.conf", SACTUI_LAB_GUEST=str(lab)),
        "neighbour": start(SACTUI_LAB=str(other), SLURM_CONF=f"{other}/slurm.conf"),
        "stranger": start(),
    }
    try:
        swept = sweep.sweep(lab)
        assert swept == sweep.Swept(ended=3, left=())
        ended = {name for name, process in processes.items() if process.poll() is not None}
        assert ended == {"marked", "slurm", "job of a guest"}
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def test_sweep_ends_unmarked_descendants_too(tmp_path: Path) -> None:
    parent = subprocess.Popen(["sh", "-c", "sleep 300 & wait"])
    try:
        wait_until(lambda: bool(sweep.descendants(parent.pid)), "no child appeared", 30)
        assert sweep.sweep(tmp_path / "lab", below=parent.pid).left == ()
        assert not sweep.descendants(parent.pid)
    finally:
        parent.kill()
        parent.wait()
