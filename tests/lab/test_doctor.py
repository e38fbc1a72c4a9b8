"""The doctor on a real cluster: what it finds, what it costs, and the old files it removes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sactui.lab import Lab

from .test_cli import Cli, booked

pytestmark = pytest.mark.lab


@pytest.fixture
def cli(lab: Lab, tmp_path: Path) -> Iterator[Cli]:
    yield Cli(lab, tmp_path)
    for job in lab.slurm("squeue", "-h", "-o", "%A").split():
        lab.slurm("scancel", job)


def named(found: list[dict[str, Any]], check: str) -> dict[str, Any]:
    return next(one for one in found if one["check"] == check)


def test_a_healthy_site_is_green_and_the_price_is_counted_by_the_controller(cli: Cli) -> None:
    booked(cli)
    found = cli.json("doctor", "--host", cli.lab.alias)
    assert [one for one in found if one["mark"] == "bad"] == []
    assert all(one["observed_at"] and one["source"] == "doctor" for one in found)
    assert "slurm" in named(found, "controller")["what"]
    assert "over an own connection" in named(found, "login")["what"]
    assert "requests to the controller" in named(found, "load")["what"]
    pool = next(one for one in found if one["check"].startswith("pool on "))
    assert (pool["mark"], "tmux" in pool["what"]) == ("good", True)
    assert "✔ controller" in cli("doctor", "--host", cli.lab.alias).stdout


def test_what_is_wrong_is_red_with_the_remedy(cli: Cli) -> None:
    directory = cli.home / "agents" / "bad"
    directory.mkdir(parents=True)
    (directory / "bad.yaml").write_text("kind: Agent\n")
    broken = cli.json("doctor", "--agents", str(cli.home / "agents"), expect=1)
    assert any("bad.yaml" in one["what"] and one["remedy"] for one in broken if one["mark"] == "bad")
    lost = cli.json("doctor", "--host", "127.0.0.1:1-nowhere", expect=4)
    assert [one["mark"] for one in lost if one["host"]] == ["bad"]
    cli.lab.faults.stop("slurmctld")
    try:
        down = cli.json("doctor", "--host", cli.lab.alias, expect=1)
        assert named(down, "controller")["mark"] == "bad"
        assert named(down, "programs")["mark"] == "good"
    finally:
        cli.lab.faults.restore()


def test_a_noisy_profile_and_the_wishes_of_a_site_are_told(cli: Cli) -> None:
    profile = cli.lab.layout.home / ".bash_profile"
    wishes = cli.home / "site.yaml"
    wishes.write_text("min_interval: 60\nmessage: be kind\nfast: true\n")
    profile.write_text(f"echo welcome\nexport SACTUI_SITE={wishes}\n")
    try:
        found = cli.json("doctor", "--host", cli.lab.alias)
    finally:
        profile.unlink()
    assert "8 bytes" in named(found, "profile")["what"]
    said = [one["what"] for one in found if one["check"] == "site"]
    assert said[0] == "the site wishes: a look every 60 s at the most"
    assert said[1] == "the site says: be kind"
    assert "fast: not a key of it" in said[2]
    assert "at a look every 60 s" in named(found, "load")["what"]


def test_old_files_are_removed_and_those_of_living_jobs_stay(cli: Cli) -> None:
    booked(cli)
    ours = cli.lab.layout.home / ".sactui"
    old = [ours / "scripts" / "gone-0123456789ab.sh", ours / "logs" / "gone-99999999.out"]
    foreign = ours / "logs" / "not ours.txt"
    for path in (*old, foreign):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (lease,) = (cli.home / "leases").glob("*.json")
    uuid = json.loads(lease.read_text())["extras"]["sactui"]["uuid"]
    (script,) = (ours / "scripts").glob(f"pool-{uuid}*")
    host = ("--host", cli.lab.alias)
    assert "gone-0123456789ab.sh" in cli("doctor", "--purge", "--dry-run", *host).stderr
    assert all(path.exists() for path in old)
    (done,) = cli.json("doctor", "--purge", "--yes", *host)
    assert done["result"] == "done"
    assert not any(path.exists() for path in old)
    assert foreign.exists()
    assert script.exists()
    foreign.unlink()
