"""``sactui demo``: a private Slurm cluster, example agents and the console on them.

Everything lives below the lab's directory and ends with this process: on quit by
``down``, on a kill or a lost terminal by the lab's watcher.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import clock
from ..core.booking import BookRequest
from ..core.controller import Configuration, once
from ..core.plan import Result
from ..errors import LabError, Refused
from ..runtimes.hold import HoldOptions

if TYPE_CHECKING:
    from ..lab import Lab

#: The agents that the demo starts; the other examples are there to be started by hand.
STARTED = ("trainer", "reviewer", "docs")
RESERVATION = "dev-pool"


def examples() -> Path:
    """The example definitions: packaged with the wheel, or in the source tree."""
    root = Path(__file__).resolve().parent.parent
    for candidate in (root / "_data" / "agents", root.parent / "examples" / "agents"):
        if candidate.is_dir():
            return candidate
    raise LabError(
        "the example agents are not installed with this sactui",
        "install it again: pip install --force-reinstall sactui",
    )


def demo(args: argparse.Namespace) -> int:
    """Bring everything up with progress, run the console, take everything down."""
    from ..lab import Lab, LabOptions

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("the demo needs a terminal", "without one, the cluster alone: sactui lab up")
    began = clock.monotonic()

    def say(text: str) -> None:
        print(f"  {clock.monotonic() - began:5.1f} s  {text}", flush=True)

    print("sactui demo: a private Slurm cluster on this machine; it ends with the console")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    lab = Lab(LabOptions(name=_free_name(), nodes=args.nodes, owner=os.getpid()))
    try:
        lab.up(progress=say)
        configuration = prepare(lab)
        asyncio.run(populate(configuration, say))
        from ..ui.app import SactuiApp

        return SactuiApp(configuration, theme=args.theme).run_console()
    except KeyboardInterrupt:
        return 130
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        lab.down()


def _free_name() -> str:
    """``demo``, or ``demo2`` beside another demo of this user; what is dead is taken over."""
    from ..lab import status

    number = 1
    while True:
        name = "demo" if number == 1 else f"demo{number}"
        known = status(name)
        if known is None or known.state in ("dead", "failed"):
            return name
        number += 1


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def prepare(lab: Lab) -> Configuration:
    """Private directories for everything the console reads and writes."""
    home = lab.directory / "console"
    agents = home / "agents"
    shutil.copytree(examples(), agents)
    for name in ("leases", "state"):
        (home / name).mkdir(mode=0o700)
    return Configuration(
        hosts=(lab.alias,),
        agent_directories=(agents,),
        lease_directory=home / "leases",
        state_directory=home / "state",
        ssh_config=lab.ssh_config,
        interval=2.0,
    )


async def populate(configuration: Configuration, say: object) -> None:
    """Book the reservation and start the example agents, by the same actions as the keys."""
    assert callable(say)
    async with once(configuration) as controller:
        request = BookRequest(
            RESERVATION,
            configuration.hosts[0],
            HoldOptions(cpus=8, memory="32G", time="4:00:00", tmux_prefix="sac"),
        )
        outcome = await controller.run(controller.plan_book(request), wait=True)
        say(outcome.message)
        if outcome.result is not Result.DONE:
            raise LabError(f"the reservation of the demo does not run: {outcome.message}", outcome.remedy)
        for plan in controller.plan_start(STARTED):
            outcome = await controller.run(plan)
            say(outcome.message)
