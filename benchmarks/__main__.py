"""``make bench``: what a refresh costs, beside the bare commands, in one run on one machine.

Medians of :data:`ROUNDS`; the machine is noisy and small, so read the ratios.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sactui.core.booking import BookRequest
from sactui.core.controller import Configuration, Controller
from sactui.core.plan import Result
from sactui.lab import Lab, LabOptions
from sactui.runtimes.hold import HoldOptions

ROUNDS = 9
TENANTS = 10

_AGENT = """\
apiVersion: scitex-agent-container/v3
kind: Agent
spec:
  runtime: slurm-tenant
  slurm: {reservation: bench}
  extensions: {sactui: {command: [sh, -c, "echo ready; exec sleep 3600"]}}
"""


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median seconds of a call, after one that is not counted."""
    work()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


async def timed_async(work: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """Median seconds of an awaitable call, after one that is not counted."""
    await work()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> int:
    """Print one line per figure; ``--json`` prints them as JSON."""
    with tempfile.TemporaryDirectory() as directory, Lab(LabOptions(name="bench", nodes=2)) as lab:
        figures = asyncio.run(measure(lab, Path(directory)))
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
        return 0
    for name, value in figures.items():
        print(f"{name:66} {value:8.2f}")
    return 0


async def measure(lab: Lab, directory: Path) -> dict[str, float]:
    """All figures, in milliseconds unless the name says ratio."""
    for number in range(TENANTS):
        agent = directory / "agents" / f"agent{number}"
        agent.mkdir(parents=True)
        (agent / f"agent{number}.yaml").write_text(_AGENT)
    configuration = Configuration(
        hosts=(lab.alias,),
        agent_directories=(directory / "agents",),
        lease_directory=directory / "leases",
        state_directory=directory / "state",
        ssh_config=lab.ssh_config,
        interval=3600,
        follow_files=False,
    )
    ssh = ["ssh", "-F", str(lab.ssh_config), lab.alias]
    fresh = timed(lambda: subprocess.run([*ssh, "squeue --me -h"], check=True, capture_output=True))
    figures = {"fresh ssh + squeue, ms": fresh * 1e3}
    controller = Controller(configuration)
    await controller.start(polling=False)
    try:
        await controller.refresh()
        request = BookRequest("bench", lab.alias, HoldOptions(cpus=2, memory="2G", time="1:00:00"))
        outcome = await controller.run(controller.plan_book(request), wait=True)
        if outcome.result is not Result.DONE:
            raise SystemExit(outcome.message)
        names = [f"agent{number}" for number in range(TENANTS)]
        began = time.perf_counter()
        for plan in controller.plan_start(names):
            outcome = await controller.run(plan)
            if outcome.result is not Result.DONE:
                raise SystemExit(outcome.message)
        figures[f"start of {TENANTS} agents, proved alive, ms"] = (time.perf_counter() - began) * 1e3
        refresh = await timed_async(controller.refresh)
        figures[f"one refresh: queue + {TENANTS} agents with screens, ms"] = refresh * 1e3
        home = controller.reservation("bench")
        capture = (
            f"srun --jobid={home.job_id} --overlap -N1 -n1 --mem=0 "
            f"tmux -L {home.tmux_server} capture-pane -p -t =sac-agent0: </dev/null"
        )
        single = timed(lambda: subprocess.run([*ssh, capture], check=True, capture_output=True), 5)
        figures["fresh ssh + srun + capture of one agent, ms"] = single * 1e3
        figures[f"ratio: {TENANTS} agents one by one / one refresh"] = TENANTS * single / refresh
    finally:
        await controller.close()
    return figures


if __name__ == "__main__":
    sys.exit(main())
