"""``python -m benchmarks.idle``: what the whole console costs while nobody touches it.

2,000 held jobs and twenty agents; a bare Textual application with one clock runs beside it in the
same run, because what a Textual application costs is the floor.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sactui.lab import Lab, LabOptions

from . import cluster
from .program import Program

#: A clock that is repainted every second, as any live screen: the floor.
BARE = """\
import datetime
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("bare")
    def on_mount(self):
        self.set_interval(1.0, self.tick)
    def tick(self):
        self.query_one(Static).update(f"bare {datetime.datetime.now():%H:%M:%S}")
Bare().run()
"""


def share(argv: Sequence[str], ready: str, seconds: float, env: dict[str, str]) -> dict[str, float]:
    """CPU in percent of one core and memory in MB of a program that is left alone."""
    with Program(argv, env=env) as program:
        took = program.until(lambda text: ready in text, 60)
        if took is None:
            raise SystemExit(f"{argv}: never showed {ready!r}:\n{program.text}")
        program.idle(75)  # the brisk pace after the start, and the minute of somebody being there, are over
        own, children = program.cpu()
        program.idle(seconds)
        after, after_children = program.cpu()
        return {
            "cpu %": (after - own) / seconds * 100,
            "children %": (after_children - children) / seconds * 100,
            "MB": program.memory(),
        }


def environment(lab: Lab, directory: Path) -> dict[str, str]:
    """Where the console of the benchmark keeps everything: below ``directory``."""
    return {
        "SACTUI_SSH_CONFIG": str(lab.ssh_config),
        "SCITEX_HPC_LEASE_DIR": str(directory / "leases"),
        "XDG_STATE_HOME": str(directory / "state"),
        "XDG_CONFIG_HOME": str(directory / "config"),
    }


def console(lab: Lab, directory: Path, interval: float) -> tuple[list[str], dict[str, str]]:
    """How the console is started on the lab, looking every ``interval`` seconds."""
    config = directory / f"config-{interval:g}.yaml"
    config.write_text(f"hosts: [{lab.alias}]\ninterval: {interval:g}\n")
    argv = [sys.executable, "-m", "sactui", "--config", str(config), "--agents", str(directory / "agents")]
    return argv, environment(lab, directory)


def main() -> int:
    """Measure the bare application, then the console at 2 s and at 10 s."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle")
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Lab(LabOptions(name="idle", nodes=2)) as lab:
        directory = Path(name)
        cluster.populate(lab, directory, args.agents)
        cluster.hold_jobs(lab, args.jobs)
        measure(lab, directory, args.seconds)
    return 0


def measure(lab: Lab, directory: Path, seconds: float) -> None:
    """One line a program."""
    floor = share([sys.executable, "-c", BARE], "bare", seconds, dict(os.environ))
    show("bare Textual, one clock", floor, floor)
    for interval in (2.0, 10.0):
        argv, env = console(lab, directory, interval)
        show(f"sactui, looks every {interval:g} s", share(argv, "bench", seconds, env), floor)


def show(name: str, figures: dict[str, float], floor: dict[str, float]) -> None:
    """A line of the result."""
    ratio = figures["cpu %"] / floor["cpu %"] if floor["cpu %"] else 0.0
    print(
        f"{name:34} {figures['cpu %']:6.2f} % of a core ({ratio:4.1f} x bare)  "
        f"children {figures['children %']:5.2f} %  {figures['MB']:6.1f} MB",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
