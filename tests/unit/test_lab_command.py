"""`sactui lab`: arguments, output and exit status, with the lab itself replaced."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import pytest

from sactui.errors import LabError
from sactui.lab import Lab, LabOptions, Partition, command
from sactui.lab.report import DaemonReport, LoginReport, Report

UP = Report(
    state="up",
    supervisor=5,
    started_in=1.5,
    daemons={"munged": DaemonReport(6, "running", "/log")},
    logins=[LoginReport("lab", 20006, "sshd")],
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[LabOptions]:
    """The options with which a lab would have been started."""
    seen: list[LabOptions] = []

    def up(self: Lab, progress: object = None) -> bool:
        seen.append(self.options)
        assert callable(progress)
        progress("one step")
        return len(seen) == 1

    monkeypatch.setattr(Lab, "up", up)
    monkeypatch.setattr(Lab, "status", lambda self: UP)
    return seen


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="sactui lab")
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def test_up_shows_its_steps_and_how_to_get_in(
    started: list[LabOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("up") == 0
    assert started == [LabOptions()]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "one step"
    assert said[1] == "lab lab is up (1.5 s)"
    assert said[2].startswith("  ssh -F /")
    assert run("up") == 0
    assert "lab lab is already up" in capsys.readouterr().out


def test_up_takes_all_options(started: list[LabOptions]) -> None:
    words = (
        "up --name two --nodes 2 --cpus 8 --memory 9000 --partition a:30 --partition b --gpus 1 --accounting"
    )
    more = ("--cgroup", "--max-sessions", "2", "--set", "MaxStepCount=40", "--set", "PrivateData=jobs,usage")
    assert run(*words.split(), "--logins", "3", "--owner", "42", "--port", "21000", *more) == 0
    assert started == [
        LabOptions(
            name="two",
            nodes=2,
            cpus=8,
            memory=9000,
            partitions=(Partition("a", "30"), Partition("b")),
            gpus=1,
            accounting=True,
            logins=3,
            owner=42,
            port=21000,
            max_sessions=2,
            cgroup=True,
            settings=(("MaxStepCount", "40"), ("PrivateData", "jobs,usage")),
        )
    ]


def test_a_setting_that_slurm_conf_cannot_hold_is_refused(started: list[LabOptions]) -> None:
    assert run("up", "--set", "Max Step=1") == 2
    assert run("up", "--set", "MaxStepCount") == 2
    assert started == []


def test_up_as_json_is_one_object(started: list[LabOptions], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("up", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["started"] is True
    assert told["state"] == "up"
    assert told["logins"] == [{"alias": "lab", "port": 20006, "server": "sshd"}]


@pytest.mark.parametrize("words", [["--name", "A/b"], ["--nodes", "0"], ["--partition", "p:soon"]])
def test_impossible_options_are_a_usage_error(
    words: list[str], started: list[LabOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("up", *words) == 2
    assert started == []
    assert capsys.readouterr().err.startswith("sactui lab: ")


def test_failure_shows_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up(self: Lab, progress: object = None) -> bool:
        raise LabError("munged is not installed", "apt-get install -y munge")

    monkeypatch.setattr(Lab, "up", up)
    assert run("up") == 1
    assert capsys.readouterr().err == "sactui lab: munged is not installed\n  apt-get install -y munge\n"
    assert run("up", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told == {"error": "munged is not installed", "remedy": "apt-get install -y munge"}


def test_env_is_quoted_for_the_shell(
    started: list[LabOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Lab, "exports", lambda self: {"SLURM_CONF": "/a b/'c'/slurm.conf", "X": "$(reboot)"})
    assert run("env") == 0
    script = capsys.readouterr().out + 'printf "%s|%s" "$SLURM_CONF" "$X"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "/a b/'c'/slurm.conf|$(reboot)"


def test_env_names_what_a_client_needs(started: list[LabOptions], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("env", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {Path(told["SLURM_CONF"]).name, Path(told["SACTUI_SSH_CONFIG"]).name} == {"slurm.conf", "config"}


@pytest.mark.parametrize("action", ["status", "env"])
def test_without_a_lab(
    action: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Lab, "status", lambda self: None)
    assert run(action, "--name", "two") == 1
    assert "sactui lab up --name two" in capsys.readouterr().err


def test_down_says_whether_there_was_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Lab, "down", lambda self: True)
    assert run("down") == 0
    assert capsys.readouterr().out == "lab lab is down\n"
    monkeypatch.setattr(Lab, "down", lambda self: False)
    assert run("down", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"name": "lab", "ended": False}


def test_status_of_a_dead_lab_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = Report(state="dead", error="the lab's supervisor ended", remedy="sactui lab up")
    monkeypatch.setattr(Lab, "status", lambda self: dead)
    assert run("status") == 1
    assert "the lab's supervisor ended" in capsys.readouterr().out


def test_importing_the_command_is_cheap() -> None:
    import sys

    program = "import sys, argparse; from sactui.lab import command; print('asyncssh' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
