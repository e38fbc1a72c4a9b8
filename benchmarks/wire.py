"""What one refresh costs on the wire: 3 reservations of 20 agents and 2,000 jobs, beside the bare commands.

    python -m benchmarks.wire [--jobs N] [--tenants N] [--rounds N]

In one run, at 0, 50 and 200 ms added delay each way: a fresh ssh with squeue, the same through a
ControlMaster, ``squeue --json``, the bare commands on the same warm connection (one squeue, and one
list and one capture of every pane in each open step, all at once), and sactui's own refresh. Read the
ratios: the machine is small, and the cluster runs on it too. Then the memory and the time of one queue
of 10,000 and of 50,000 jobs.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from benchmarks import cluster
from sactui.core.booking import BookRequest
from sactui.core.controller import Controller
from sactui.core.plan import Result
from sactui.core.tenants import allocation
from sactui.lab import Lab, LabOptions
from sactui.runtimes.hold import HoldOptions
from sactui.slurm import records, squeue
from sactui.tmux import exchange

_POOLS = ("pool1", "pool2", "pool3")

_AGENT = """\
apiVersion: scitex-agent-container/v3
kind: Agent
spec:
  runtime: slurm-tenant
  slurm: {{reservation: {pool}}}
  extensions: {{sactui: {{command: [sh, -c, "seq 1 60; exec sleep 36000"]}}}}
"""


async def median(work: Callable[[], Awaitable[object]], rounds: int) -> float:
    """Median milliseconds of a call, after one that is not counted."""
    await work()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


async def measure(lab: Lab, directory: Path, args: argparse.Namespace) -> None:
    """Book, fill, and print the figures at each delay."""
    for pool in _POOLS:
        for number in range(args.tenants):
            place = directory / "agents" / f"{pool}-{number}"
            place.mkdir(parents=True)
            (place / f"{place.name}.yaml").write_text(_AGENT.format(pool=pool))
    through = replace(cluster.configuration(lab, directory, 3600), hosts=(lab.proxy_alias,))
    controller = Controller(through)
    await controller.start(polling=False)
    try:
        await controller.refresh()
        for pool in _POOLS:
            request = BookRequest(pool, lab.proxy_alias, HoldOptions(cpus=2, memory="2G", time="10:00:00"))
            await done(controller, controller.plan_book(request), wait=True)
        for plan in controller.plan_start(list(controller.files.definitions)):
            await done(controller, plan)
        await asyncio.to_thread(cluster.hold_jobs, lab, args.jobs)
        await controller.refresh()
        await asyncio.sleep(2.5)  # what was just printed stands still from here on
        await controller.refresh()
        fleet = controller.fleet
        print(f"{len(fleet.jobs)} jobs, {len(fleet.agents)} agents, median of {args.rounds}")
        for delay in (0.0, 0.05, 0.2):
            lab.proxy.delay(delay / 2)
            await figures(lab, controller, directory, delay, args.rounds if delay < 0.1 else 5)
        lab.proxy.normal()
    finally:
        await controller.close()


async def done(controller: Controller, plan: object, wait: bool = False) -> None:
    """Run a plan that must work."""
    outcome = await controller.run(plan, wait=wait)  # type: ignore[arg-type]
    if outcome.result is not Result.DONE:
        raise SystemExit(outcome.message)


async def figures(lab: Lab, controller: Controller, directory: Path, delay: float, rounds: int) -> None:
    """One block of figures, at one round trip time."""
    host = await controller.host(lab.proxy_alias)
    link, homes = host.link, [controller.reservation(pool) for pool in _POOLS]
    places = [allocation(home) for home in homes]
    argv = squeue.command(records.fresh(), user="", ended=True, able=link.able)
    listing = f"{link.preamble}{shlex.join(argv)} </dev/null"

    async def bare() -> None:
        questions = [exchange.build(place.socket) for place in places]
        await asyncio.gather(
            link.transport.run(listing),
            *(host.steps._exchange_raw(p, q.script) for p, q in zip(places, questions, strict=True)),
        )

    ssh = ["ssh", "-F", str(lab.ssh_config)]
    master = ["-o", f"ControlPath={directory}/cm-%C"]

    def program(*words: str) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            await asyncio.to_thread(subprocess.run, [*ssh, *words], check=True, capture_output=True)

        return run

    command = shlex.join(argv)
    await program(*master, "-fNM", lab.proxy_alias)()
    try:
        rows = {
            "fresh ssh + squeue": await median(program(lab.proxy_alias, command), 5),
            "ControlMaster + squeue": await median(program(*master, lab.proxy_alias, command), 5),
            "ControlMaster + squeue --json": await median(
                program(*master, lab.proxy_alias, "squeue --me --json"), 3
            ),
        }
    finally:
        await program(*master, "-O", "exit", lab.proxy_alias)()
    rows["bare: squeue + all screens, same connection"] = await median(bare, rounds)
    dials, calls = link.transport.dials, len(link._calls)
    await controller.refresh()
    each = len(link._calls) - calls
    rows["sactui: one refresh"] = await median(controller.refresh, rounds)
    print(f"\nround trip +{delay * 1e3:.0f} ms")
    for name, value in rows.items():
        print(f"  {name:46} {value:8.1f} ms")
    ratio = rows["sactui: one refresh"] / rows["bare: squeue + all screens, same connection"]
    print(f"  {'ratio refresh / bare':46} {ratio:8.2f}")
    dialled = link.transport.dials - dials
    print(f"  calls a refresh {each} (1 exec, {len(places)} exchanges), dials {dialled}")


def queues() -> None:
    """Time and memory of queues that are only read, not asked for."""
    for count in (10_000, 50_000):
        tokens, memory = records.fresh(), squeue.Memory()
        before, later = made_up(count, tokens, 100), made_up(count, tokens, 160)
        tracemalloc.start()
        first = timed(squeue.parse, before, tokens, memory=memory)
        size = tracemalloc.get_traced_memory()[0] / 2**20
        tracemalloc.stop()
        same = timed(squeue.parse, before, tokens, memory=memory)
        moved = timed(squeue.parse, later, tokens, memory=memory)
        print(
            f"{count} jobs: read first {first:.0f} ms (traced), unchanged {same:.0f} ms, "
            f"all times moved {moved:.0f} ms; {size:.0f} MiB"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak of this process {peak:.0f} MiB")


def timed(work: Callable[..., object], *arguments: object, **named: object) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    work(*arguments, **named)
    return (time.perf_counter() - began) * 1e3


def made_up(count: int, tokens: records.Tokens, used: int) -> bytes:
    """squeue's answer for ``count`` running jobs that have used ``used`` minutes."""
    names = [key for _, _, key in squeue.fields()]
    known = {
        "state": "RUNNING",
        "user": "ada",
        "partition": "cascade",
        "nodes": "1",
        "cpus": "4",
        "limit": "1-00:00:00",
        "submitted": "1795287731",
        "start": "1795287731",
        "end": "1795374131",
        "reason": "None",
    }
    lines = []
    for number in range(count):
        values = {**known, "id": str(1000 + number), "label": str(1000 + number), "name": f"train-{number}"}
        values["elapsed"] = f"{used + number % 60}:00"
        lines.append(tokens.field.join(values.get(name, "") for name in names) + tokens.end + "\n")
    return "".join(lines).encode()


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.wire")
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    queues()
    with tempfile.TemporaryDirectory() as directory, Lab(LabOptions(name="wire", nodes=3)) as lab:
        lab.proxy.normal()
        asyncio.run(measure(lab, Path(directory), args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
