"""Completion, tried in the shells themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sactui.cli.main import main

_BASH = """
source "$SCRIPT"
COMP_WORDS=({words}) COMP_CWORD={at}
_sactui
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two agents, a broken one, and a lease; ``sactui`` is on its PATH."""
    for name in ("docs", "trainer-1"):
        directory = tmp_path / "agents" / name
        directory.mkdir(parents=True)
        (directory / f"{name}.yaml").write_text("not yet\n")
    (tmp_path / "agents" / "notes").mkdir()
    leases = tmp_path / "leases"
    leases.mkdir()
    (leases / "lab-pool.json").write_text(json.dumps({"name": "dev-pool"}))
    (leases / "broken.json").write_text("{")
    program = tmp_path / "bin" / "sactui"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sactui "$@"\n')
    program.chmod(0o755)
    return tmp_path


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "SCITEX_AGENT_CONTAINER_YAML_DIRS": str(home / "agents"),
        "SCITEX_HPC_LEASE_DIR": str(home / "leases"),
        "SCRIPT": str(home / "script"),
        "PYTHONPATH": os.getcwd(),
        "LC_ALL": "C.UTF-8",
    }


def script(home: Path, shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    (home / "script").write_text(capsys.readouterr().out)


def completed(home: Path, *argv: str) -> list[str]:
    done = subprocess.run(
        argv, env=environment(home), capture_output=True, text=True, timeout=60, check=False, cwd=home
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["sactui", "st"], ["start", "stop"]),
        (["sactui", "reservations", "b"], ["book"]),
        (["sactui", "--host", "spartan", "reservations", "book", "--gp"], ["--gpus"]),
        (["sactui", "attach", "tr"], ["trainer-1"]),
        (["sactui", "reservations", "release", "de"], ["dev-pool"]),
        (["sactui", "lab", "u"], ["up"]),
        (["sactui", "completion", "z"], ["zsh"]),
    ],
)
def test_bash(home: Path, capsys: pytest.CaptureFixture[str], words: list[str], wanted: list[str]) -> None:
    script(home, "bash", capsys)
    text = _BASH.format(words=" ".join(words), at=len(words) - 1)
    assert completed(home, "bash", "--norc", "-c", text) == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("sactui sta", ["start"]),
        ("sactui reservations bo", ["book"]),
        ("sactui attach tr", ["trainer-1"]),
        ("sactui reservations release dev", ["dev-pool"]),
    ],
)
def test_fish(home: Path, capsys: pytest.CaptureFixture[str], line: str, wanted: list[str]) -> None:
    script(home, "fish", capsys)
    found = completed(home, "fish", "--no-config", "-c", f"source {home / 'script'}; complete -C '{line}'")
    assert [one.split("\t")[0] for one in found] == wanted


def test_names_come_from_files_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(home, "sactui", "completion", "names", "agents") == ["docs", "trainer-1"]
    assert completed(home, "sactui", "completion", "names", "reservations") == ["dev-pool"]
