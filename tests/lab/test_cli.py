"""The command line against a real cluster: what it prints, what it changes, how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sactui.lab import Lab

from .test_slice import define

pytestmark = pytest.mark.lab


class Cli:
    """``python -m sactui`` with a home of its own."""

    def __init__(self, lab: Lab, home: Path) -> None:
        self.lab, self.home = lab, home
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SCITEX_"))},
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"),
            "SCITEX_HPC_LEASE_DIR": str(home / "leases"),
            "SACTUI_SSH_CONFIG": str(lab.ssh_config),
        }

    def __call__(self, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "sactui", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, expect: int = 0) -> Any:
        return json.loads(self(*words, "--json", expect=expect).stdout)


@pytest.fixture
def cli(lab: Lab, tmp_path: Path) -> Iterator[Cli]:
    yield Cli(lab, tmp_path)
    for job in lab.slurm("squeue", "-h", "-o", "%A").split():
        lab.slurm("scancel", job)


def booked(cli: Cli, *words: str) -> None:
    cli(
        *("reservations", "book", "pool", "--host", cli.lab.alias, "--partition", "main", "--cpus", "2"),
        *("--mem", "2G", "--time", "1:00:00", "--yes", *words),
    )


def test_the_documented_flow(cli: Cli) -> None:
    define(cli.home, "helper", ["sh", "-c", "seq 1 200; exec sleep 600"])
    agents = ("--agents", str(cli.home / "agents"))
    booked(cli)
    (reservation,) = cli.json("reservations")
    assert (reservation["name"], reservation["state"], reservation["source"]) == ("pool", "running", "squeue")
    assert reservation["observed_at"]
    (job,) = (job for job in cli.json("jobs") if job["id"] == reservation["job_id"])
    assert (job["id"], job["name"], job["state"]) == (reservation["job_id"], "pool", "RUNNING")
    assert job["comment"].startswith(f"sactui:reservation:{cli.lab.alias}-pool:")

    (started,) = cli.json("start", "helper", "--yes", *agents)
    assert (started["name"], started["result"]) == ("helper", "done")
    (agent,) = cli.json("agents", *agents)
    assert agent["name"] == "helper"
    assert agent["reservation"] == "pool"
    assert agent["pane"]
    assert agent["state"] not in ("stopped", "unknown")

    assert cli("logs", "helper", "-n", "3", *agents).stdout.splitlines() == ["198", "199", "200"]
    (stopped,) = cli.json("stop", "helper", "--yes", *agents)
    assert stopped["result"] == "done"
    (agent,) = cli.json("agents", *agents)
    assert agent["state"] == "stopped"

    (released,) = cli.json("reservations", "release", "pool", "--yes")
    assert released["result"] == "done"
    assert cli.json("reservations") == []


def test_a_dry_run_shows_the_script_and_changes_nothing(cli: Cli) -> None:
    done = cli(
        *("reservations", "book", "pool", "--host", cli.lab.alias, "--cpus", "2", "--mem", "2G"),
        *("--time", "1:00:00", "--dry-run"),
    )
    assert "sbatch --parsable" in done.stderr
    assert "trap finish TERM" in done.stderr
    assert cli.lab.slurm("squeue", "-h") == ""
    assert not (cli.home / "leases").exists() or not list((cli.home / "leases").glob("*.json"))


def test_without_a_terminal_nothing_asks_and_nothing_changes(cli: Cli) -> None:
    done = cli("reservations", "book", "pool", "--host", cli.lab.alias, "--time", "1:00:00", expect=1)
    assert "--yes" in done.stderr
    assert cli.lab.slurm("squeue", "-h") == ""


def test_a_host_that_is_not_there_is_could_not_be_determined(cli: Cli) -> None:
    done = cli("agents", "--host", "127.0.0.1:1-nowhere", expect=4)
    assert "127.0.0.1:1-nowhere" in done.stderr


def test_the_controller_down_is_could_not_be_determined_and_says_the_layer(cli: Cli) -> None:
    booked(cli)
    cli.lab.faults.stop("slurmctld")
    try:
        done = cli("reservations", expect=4)
        assert "controller" in done.stderr
        assert "pool" in done.stdout, "the lease is still listed"
    finally:
        cli.lab.faults.restore()
    (reservation,) = cli.json("reservations")
    assert reservation["state"] == "running"


def test_wrong_definitions_are_usage_errors_with_file_and_line(cli: Cli) -> None:
    directory = cli.home / "agents" / "bad"
    directory.mkdir(parents=True)
    (directory / "bad.yaml").write_text(
        "apiVersion: scitex-agent-container/v3\nkind: Agent\nspec:\n  modle: x\n"
    )
    define(cli.home, "good", ["true"])
    done = cli("validate", str(cli.home / "agents"), expect=2)
    assert "bad.yaml:4:3" in done.stderr
    assert "model" in done.stderr
    assert "good is valid" in done.stdout
    assert "bad.yaml:4:3" in cli("start", "bad", "--agents", str(cli.home / "agents"), expect=2).stderr


def test_a_tenant_without_a_tmux_server_is_refused_with_the_remedy(cli: Cli) -> None:
    define(cli.home, "helper", ["sleep", "600"])
    booked(cli)
    (path,) = (cli.home / "leases").glob("*.json")
    lease = json.loads(path.read_text())
    lease["extras"] = {}  # as scitex-hpc writes it without --tmux-server
    path.write_text(json.dumps(lease))
    done = cli("start", "helper", "--yes", "--agents", str(cli.home / "agents"), expect=1)
    assert "reservation 'pool' was not booked with tmux_server set" in done.stderr
    assert "--tmux-server" in done.stderr


def test_nodes_without_tmux_say_so(cli: Cli, tmp_path: Path) -> None:
    setup = tmp_path / "setup.sh"
    setup.write_text("PATH=/nowhere\n")
    done = cli(
        *("reservations", "book", "pool", "--host", cli.lab.alias, "--cpus", "1", "--mem", "1G"),
        *("--time", "1:00:00", "--setup", str(setup), "--yes"),
        expect=1,
    )
    assert "pool ended: failed" in done.stderr
    assert ".sactui/logs" in done.stderr


def test_keys_prints_the_table_with_the_users_own(cli: Cli) -> None:
    config = cli.home / "config" / "sactui"
    config.mkdir(parents=True)
    (config / "config.yaml").write_text("keys: {look: f5}\n")
    keys = {entry["action"]: entry["key"] for entry in cli.json("keys")}
    assert keys["look"] == "f5"
    assert keys["attach"] == "a"
    (config / "config.yaml").write_text("kyes: {look: f5}\n")
    assert "config.yaml:1:1" in cli("keys", expect=2).stderr
