"""Agents with a job of their own.

Defects of the reference that are shown not to be here, by number (its own list): 8 starting one agent
ends another, 9 a stop that resubmits, 15 logs that are empty and a waiting job called running, 16 a
``pre_agent`` hook that is skipped in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sactui.lab import Lab
from sactui.lab.faults import wait_until

from .test_cli import Cli

pytestmark = pytest.mark.lab

_AGENT = """\
apiVersion: scitex-agent-container/v3
kind: Agent
spec:
  runtime: slurm
  env: {{WORD: {word}}}
  slurm:
    partition: main
    cpus_per_task: 1
    mem: 500M
    time_limit: "0-04:00:00"
    logs_dir: ~/agent-logs
    hooks: {{pre_agent: {hook}}}
    heartbeat: {{command: 'echo "it''s alive"', interval_s: 1}}
    extra_directives: ["#SBATCH --nice=5"]
  extensions:
    sactui:
      command:
        - sh
        - -c
        - 'echo "$WORD and $FROM_HOOK in $SLURM_JOB_ID"; while read -r l; do echo "got <$l>"; done'
  startup:
    ready_patterns: ["and sourced in [0-9]+"]
    ready_poll_interval_seconds: 0.1
    commands: ["first 'words' $HOME"]
"""


@pytest.fixture
def cli(mended: Lab, tmp_path: Path) -> Iterator[Cli]:
    one = Cli(mended, tmp_path)
    one.environment["SCITEX_AGENT_CONTAINER_REGISTRY_DIR"] = str(tmp_path / "registry")
    one.environment["SCITEX_AGENT_CONTAINER_SLURM_STATE_DIR"] = str(tmp_path / "slurm-state")
    yield one
    for job in mended.slurm("squeue", "-h", "-o", "%A").split():
        mended.slurm("scancel", job)


def define(cli: Cli, name: str, hook: str) -> None:
    directory = cli.home / "agents" / name
    directory.mkdir(parents=True)
    (directory / f"{name}.yaml").write_text(_AGENT.format(word=f"word-of-{name}", hook=hook))


def test_two_agents_with_jobs_of_their_own_from_start_to_stop(cli: Cli) -> None:
    hook = cli.lab.layout.home / "modules.sh"
    hook.write_text("FROM_HOOK=sourced; export FROM_HOOK\n")
    for name in ("solo", "solo2"):
        define(cli, name, "~/modules.sh")
    agents = ("--agents", str(cli.home / "agents"))
    host = ("--host", cli.lab.alias)
    planned = cli("start", "solo", "--dry-run", *host, *agents).stderr
    assert "sbatch --parsable" in planned
    assert "word-of-solo" not in planned, "its environment is in no script and no command"

    for name in ("solo", "solo2"):
        (started,) = cli.json("start", name, "--yes", *host, *agents)
        assert started["result"] == "done"
    again = cli("start", "solo", "--yes", *host, *agents, expect=1)
    assert "has its job already" in again.stderr

    def alive() -> bool:
        return all(one["pane"] for one in cli.json("agents", *host, *agents))

    wait_until(alive, "both agents run", 60)
    found = {one["name"]: one for one in cli.json("agents", *host, *agents)}
    assert found["solo"]["job_id"] != found["solo2"]["job_id"]
    for name in ("solo", "solo2"):
        job = found[name]["job_id"]
        wait_until(
            lambda name=name, job=job: (
                f"word-of-{name} and sourced in {job}"  # type: ignore[misc]
                in cli("logs", name, *host, *agents).stdout
            ),
            "its words",
            60,
        )
        wait_until(
            lambda name=name: (
                "got <first 'words' $HOME>"  # type: ignore[misc]
                in cli("logs", name, *host, *agents).stdout
            ),
            "what it is told",
            60,
        )
        log = cli.lab.layout.home / "agent-logs" / f"{name}_{job}.out"
        wait_until(lambda log=log: "and sourced in" in log.read_text(), "the log on the cluster", 60)  # type: ignore[misc]
        beat = cli.lab.layout.home / "agent-logs" / f"{job}.heartbeat.log"
        wait_until(lambda beat=beat: "it's alive" in beat.read_text(), "the heartbeat", 60)  # type: ignore[misc]
        state = json.loads((cli.home / "slurm-state" / f"{name}.json").read_text())
        assert state["job_id"] == str(job)
    assert cli.lab.slurm("scontrol", "show", "job", str(found["solo"]["job_id"])).count("Nice=5") == 1

    # A USR1 that is on its way when it is stopped submits nothing.
    cli.lab.slurm("scancel", "--signal=USR1", "--batch", str(found["solo"]["job_id"]))
    (stopped,) = cli.json("stop", "solo", "--yes", *host, *agents)
    assert stopped["result"] == "done"
    left = {one["name"]: one["state"] for one in cli.json("agents", *host, *agents)}
    assert left["solo"] == "stopped"
    assert left["solo2"] not in ("stopped", "dead", "lost")
    assert cli.lab.slurm("squeue", "-h", "-o", "%j").split() == ["solo2"]
    assert not (cli.home / "slurm-state" / "solo.json").exists()
    cli("stop", "solo2", "--yes", *host, *agents)
    hook.unlink()


def test_a_hook_that_is_not_there_is_refused_before_anything_is_submitted(cli: Cli) -> None:
    define(cli, "solo", "~/nowhere.sh")
    agents = ("--host", cli.lab.alias, "--agents", str(cli.home / "agents"))
    run = cli.lab.layout.home / ".sactui" / "run"
    before = set(run.glob("*.agent"))
    done = cli("start", "solo", "--yes", *agents, expect=1)
    assert "~/nowhere.sh cannot be read" in done.stderr
    assert cli.lab.slurm("squeue", "-h") == ""
    assert not list((cli.home / "leases").glob("*.json"))
    assert set(run.glob("*.agent")) == before


def test_a_job_that_waits_is_not_called_running(cli: Cli) -> None:
    define(cli, "solo", "~/modules.sh")
    hook = cli.lab.layout.home / "modules.sh"
    hook.write_text(":\n")
    path = cli.home / "agents" / "solo" / "solo.yaml"
    path.write_text(path.read_text().replace('"#SBATCH --nice=5"', '"#SBATCH --begin=now+1hour"'))
    agents = ("--host", cli.lab.alias, "--agents", str(cli.home / "agents"))
    cli("start", "solo", "--yes", *agents)
    (one,) = cli.json("agents", *agents)
    assert one["state"] == "starting"
    assert one["pane"] is None
    assert "start" in one["why"] or "wait" in one["why"] or "begin" in one["why"].lower()
    (stopped,) = cli.json("stop", "solo", "--yes", *agents)
    assert stopped["result"] == "done"
    assert cli.lab.slurm("squeue", "-h") == ""
    hook.unlink()
