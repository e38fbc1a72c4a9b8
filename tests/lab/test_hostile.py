"""Names and comments that anybody may choose, through the real sbatch and squeue: exact and harmless."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sactui.core.controller import once
from sactui.domain.job import Job
from sactui.domain.state import Phase
from sactui.domain.text import encode, visible
from sactui.lab import Lab
from sactui.lab.faults import wait_until
from tests.hostile import TEXTS

from .test_cli import Cli
from .test_slice import configuration

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def named(lab: Lab) -> Iterator[dict[int, str]]:
    """Held jobs, one for each text as its name and as its comment; by id which text."""
    jobs: dict[int, str] = {}
    try:
        for key, text in TEXTS.items():
            raw = encode(text)
            # sbatch turns a name into the file name of the output, so that is given.
            argv = [b"sbatch", b"--parsable", b"--hold", b"-t5", b"-c1", b"--mem=10M", b"-o", b"/dev/null"]
            done = subprocess.run(
                [*argv, b"--job-name=" + raw, b"--comment=" + raw, b"--wrap", b"true"],
                env={**lab.environment(), "LANG": "C.UTF-8"},
                cwd=lab.layout.home,
                capture_output=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, (key, done.stderr)
            jobs[int(done.stdout.split(b";")[0])] = key
        yield jobs
    finally:
        if jobs:
            lab.slurm("scancel", *map(str, jobs))
            wait_until(
                lambda: not set(lab.slurm("squeue", "-h", "-o", "%A").split()) & set(map(str, jobs)),
                "jobs are left",
                60,
            )


def test_in_the_domain_each_text_is_exact_and_shifts_nothing(
    lab: Lab, named: dict[int, str], tmp_path: Path
) -> None:
    async def look() -> dict[int, Job]:
        async with once(configuration(lab, tmp_path)) as controller:
            fleet = controller.fleet
            assert not fleet.hosts[0].troubles, fleet.hosts[0].troubles
            assert fleet.reservations == ()
            return {job.id: job for _, job in fleet.jobs}

    found = asyncio.run(look())
    assert set(named) <= set(found)
    users = {found[job].user for job in named}
    assert len(users) == 1
    for job, key in named.items():
        seen = found[job]
        assert seen.name == TEXTS[key], key
        # Slurm itself writes "(null)" for no comment.
        assert seen.comment == ("" if TEXTS[key] == "(null)" else TEXTS[key]), key
        assert (seen.phase, seen.reason, seen.partition) == (Phase.PENDING, "JobHeldUser", "main"), key
        assert (seen.time_limit, seen.cpus) == (300, 1), key
        shown = visible(seen.name)
        assert shown.isprintable() or "\u200d" in shown or " " in shown, key
        assert not set(shown) & set("\n\r\t\x1b\x1e\x1f\x07\u202e\u2066"), key


def test_on_the_command_line_each_text_is_exact_as_json_and_harmless_as_text(
    lab: Lab, named: dict[int, str], tmp_path: Path
) -> None:
    cli = Cli(lab, tmp_path)
    records = {each["id"]: each for each in cli.json("--host", lab.alias, "jobs") if each["id"] in named}
    assert set(records) == set(named)
    for job, key in named.items():
        assert records[job]["name"] == TEXTS[key], key
        assert (records[job]["state"], records[job]["partition"]) == ("PENDING", "main"), key

    text = cli("--host", lab.alias, "jobs").stdout
    lines = text.splitlines()
    assert all(line.isprintable() or "\u200d" in line for line in lines)
    head = lines[0]
    assert head.split() == ["JOB", "NAME", "STATE", "PARTITION", "TIME", "NODES", "WHY"]
    rows = {int(line.split()[0]): line for line in lines[1:] if line.split()[0].isdigit()}
    assert set(named) <= set(rows), "one line for each job, and the id stands first"
    for job in named:
        assert rows[job].rstrip().endswith("is held by its user (JobHeldUser)")

    details = {
        each["job"]: each
        for each in cli.json("--host", lab.alias, "jobs", "show", *(str(job) for job in named))
    }
    for job, key in named.items():
        facts = {fact["label"]: fact["value"] for fact in details[str(job)]["parts"][0]["facts"]}
        assert facts["name"] == visible(TEXTS[key]), key
        assert facts["state"].startswith("PENDING"), key
        assert details[str(job)]["headline"] == "The job is held by its user.", key
