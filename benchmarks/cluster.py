"""The cluster that consoles are measured on: held jobs, and a reservation full of agents."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sactui.core.booking import BookRequest
from sactui.core.controller import Configuration, Controller
from sactui.core.plan import Result
from sactui.lab import Lab
from sactui.runtimes.hold import HoldOptions

_AGENT = """\
apiVersion: scitex-agent-container/v3
kind: Agent
spec:
  runtime: slurm-tenant
  slurm: {reservation: bench}
  extensions: {sactui: {command: [sh, -c, "echo ready; exec sleep 36000"]}}
"""

_SUBMIT = """\
i=0; while [ $i -lt %d ]; do
  sbatch -H -J "train-$((i %% 37))-$i" -n1 --mem=100 -t $((20 + i %% 200)) -o /dev/null --wrap 'sleep 100' \
    </dev/null >/dev/null || exit 1
  i=$((i + 1)); done
"""


def hold_jobs(lab: Lab, count: int) -> None:
    """Submit ``count`` held jobs, each its own."""
    subprocess.run(["sh", "-c", _SUBMIT % count], env=environment(lab), check=True)


def environment(lab: Lab) -> dict[str, str]:
    """The environment in which Slurm's commands talk to the lab from this machine."""
    return {**os.environ, "SLURM_CONF": str(lab.directory / "slurm.conf")}


def counting(directory: Path, programs: Mapping[str, str]) -> Path:
    """A directory for the front of PATH: what it holds adds a line to ``calls`` with each call.

    ``programs``: name to real path.
    """
    place = directory / "counting"
    place.mkdir()
    for name, real in programs.items():
        log = shlex.quote(str(directory / "calls"))
        (place / name).write_text(
            f'#!/bin/sh\necho {name} >>{log}\nexec {shlex.quote(real)} "$@"\n', encoding="utf-8"
        )
        (place / name).chmod(0o755)
    return place


def write_agents(directory: Path, count: int) -> Path:
    """Definitions of ``count`` agents of the reservation ``bench``."""
    agents = directory / "agents"
    for number in range(count):
        place = agents / f"agent{number:02}"
        place.mkdir(parents=True)
        (place / f"agent{number:02}.yaml").write_text(_AGENT)
    return agents


def configuration(lab: Lab, directory: Path, interval: float = 10.0) -> Configuration:
    """The configuration of the console below ``directory``."""
    return Configuration(
        hosts=(lab.alias,),
        agent_directories=(directory / "agents",),
        lease_directory=directory / "leases",
        state_directory=directory / "state",
        ssh_config=lab.ssh_config,
        interval=interval,
        follow_files=False,
    )


def populate(lab: Lab, directory: Path, tenants: int) -> None:
    """Book the reservation ``bench`` and start all its agents."""

    async def work() -> None:
        controller = Controller(configuration(lab, directory))
        await controller.start(polling=False)
        try:
            await controller.refresh()
            request = BookRequest("bench", lab.alias, HoldOptions(cpus=4, memory="4G", time="10:00:00"))
            outcome = await controller.run(controller.plan_book(request), wait=True)
            if outcome.result is not Result.DONE:
                raise SystemExit(outcome.message)
            names = [f"agent{number:02}" for number in range(tenants)]
            for plan in controller.plan_start(names):
                outcome = await controller.run(plan)
                if outcome.result is not Result.DONE:
                    raise SystemExit(outcome.message)
        finally:
            await controller.close()

    write_agents(directory, tenants)
    asyncio.run(work())
