"""``scitex-hpc`` from PyPI and sactui on each other's leases, both over the real cluster."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sactui.lab import Lab

from .test_cli import Cli
from .test_slice import define

pytestmark = pytest.mark.lab

_PACKAGE = "scitex-hpc==0.8.1"
_KEYS = {
    *("extras", "host", "id", "job_id", "name", "node"),
    *("persistent", "submitted_at", "walltime_end"),
}


@pytest.fixture(scope="session")
def hpc() -> Path:
    """The program, in an environment of its own that is made once on a machine."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sactui-tests"
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"{_PACKAGE.replace('==', '-')}-py{sys.version_info.major}{sys.version_info.minor}"
    program = home / "bin" / "scitex-hpc"
    with open(cache / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test process may be at it
        if not (home / "ready").exists():
            for argv in (
                [sys.executable, "-m", "venv", "--clear", str(home)],
                [str(home / "bin" / "python"), "-m", "pip", "install", "-q", _PACKAGE],
            ):
                done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
                if done.returncode:
                    pytest.fail(f"{_PACKAGE} cannot be installed for this test:\n{done.stderr[-2000:]}")
            (home / "ready").touch()
    return program


class Hpc:
    """``scitex-hpc reservations`` with the same leases and the lab's ssh."""

    def __init__(self, program: Path, cli: Cli) -> None:
        self.program = program
        self.leases = cli.home / "leases"
        wrapper = cli.home / "bin" / "ssh"
        wrapper.parent.mkdir()
        ssh = cli.lab.ssh_argv(alias="x")[0]
        wrapper.write_text(f'#!/bin/sh\nexec {ssh} -F {cli.lab.ssh_config} "$@"\n')
        wrapper.chmod(0o755)
        self.environment = {**cli.environment, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}

    def __call__(self, *words: str, expect: int = 0) -> str:
        done = subprocess.run(
            [str(self.program), "reservations", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def file(self, name: str) -> dict[str, Any]:
        (path,) = self.leases.glob(f"*-{name}.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found


@pytest.fixture
def cli(lab: Lab, tmp_path: Path) -> Iterator[Cli]:
    yield Cli(lab, tmp_path)
    for job in lab.slurm("squeue", "-h", "-o", "%A").split():
        lab.slurm("scancel", job)


def test_scitex_hpc_works_on_leases_of_sactui(hpc: Path, cli: Cli, lab: Lab) -> None:
    other = Hpc(hpc, cli)
    cli(
        *("reservations", "book", "ours", "--host", lab.alias, "--cpus", "1", "--mem", "1G"),
        *("--time", "3:00:00", "--persistent", "--yes"),
    )
    before = other.file("ours")
    assert set(before) == _KEYS
    assert before["walltime_end"], "unlike scitex-hpc's own, it says when it ends"
    assert "ours" in other("list")
    got = json.loads(other("get", "ours", "--json"))
    assert (got["job_id"], got["node"]) == (before["job_id"], before["node"])
    other("refresh", "ours")
    after = other.file("ours")
    assert after["job_id"] == before["job_id"]
    assert after["extras"] == before["extras"], "what sactui keeps is kept"
    assert cli.json("reservations", "show", "ours")[0]["state"] == "running"
    other("release", "ours")
    assert not list(other.leases.glob("*.json"))
    assert cli.json("reservations") == []


def test_sactui_works_on_leases_of_scitex_hpc(hpc: Path, cli: Cli, lab: Lab, tmp_path: Path) -> None:
    define(tmp_path, "guest", ["sleep", "600"], "theirs")
    other = Hpc(hpc, cli)
    other(
        *("book", "theirs", "--host", lab.alias, "--partition", "main", "--cpus", "1", "--mem", "1G"),
        *("--time", "2:00:00", "--tmux-server", "theirs", "--persistent"),
    )
    before = other.file("theirs")
    (seen,) = cli.json("reservations", "refresh", "theirs")
    assert (seen["state"], str(seen["job_id"]), seen["tmux_server"]) == (
        "running",
        before["job_id"],
        "theirs",
    )
    cli("start", "guest", "--agents", str(tmp_path / "agents"), "--yes")
    after = other.file("theirs")
    assert set(after) == _KEYS
    assert after["extras"]["tmux_server"] == "theirs", "its server is used as it was recorded"
    assert json.loads(other("get", "theirs", "--json"))["job_id"] == before["job_id"]

    # Its script resubmits itself and ends: the lease follows without scitex-hpc's help.
    lab.slurm("scancel", "--signal=USR1", "--batch", before["job_id"])
    heir = before["job_id"]
    for _ in range(120):
        (seen,) = cli.json("reservations", "refresh", "theirs")
        heir = str(seen["job_id"])
        if heir != before["job_id"] and seen["state"] == "running":
            break
    assert heir != before["job_id"]
    assert "theirs" in other("list")
    assert heir in other("get", "theirs")
    cli("reservations", "release", "theirs", "--yes")
    assert not list(other.leases.glob("*.json"))
    names = lab.slurm("squeue", "-h", "-o", "%j").split()
    assert "theirs" not in names
