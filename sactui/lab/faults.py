"""Breaking a lab on purpose, and mending it.

Daemons are ``munged``, ``slurmctld``, ``slurmdbd``, ``mariadbd``, the nodes by their
names (their slurmd) and ``login1``, ``login2`` ...; a login host is hit with all
sessions on it. Each fault can be taken back; :meth:`Faults.restore` takes back all.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Protocol

from sactui.errors import LabError
from sactui.lab import control, install, report, sweep
from sactui.lab.layout import NODE_MARKER, Layout

#: The commands that speak with the controller or with accounting.
_COMMANDS = (
    *("squeue", "sinfo", "scontrol", "sbatch", "scancel", "srun"),
    *("salloc", "sacct", "sacctmgr", "sshare", "sprio"),
)


class Cluster(Protocol):
    """What faults need of a lab."""

    @property
    def layout(self) -> Layout: ...

    @property
    def node_names(self) -> tuple[str, ...]: ...

    def slurm(self, *argv: str, timeout: float = ...) -> str: ...


class Faults:
    """The faults of one lab. All methods raise LabError, and return when the fault is in effect."""

    def __init__(self, lab: Cluster) -> None:
        self._lab = lab

    # ---- daemons

    def hang(self, daemon: str) -> None:
        """Stop it (SIGSTOP): it holds its connections and answers nothing."""
        self._ask("hang", daemon)

    def resume(self, daemon: str) -> None:
        """Let a hung daemon go on."""
        self._ask("resume", daemon)

    def stop(self, daemon: str) -> None:
        """End it in an orderly way (SIGTERM), as for maintenance; the controller saves its state."""
        self._ask("stop", daemon)

    def kill(self, daemon: str) -> None:
        """Kill it (SIGKILL). Of a node, only slurmd dies: steps live on and answer.

        A killed slurmctld forgets what it has not saved yet: jobs of the last seconds are
        unknown after its restart, and cancelled ones run again. See :meth:`settle`.
        """
        self._ask("kill", daemon)

    def restart(self, daemon: str) -> None:
        """Start it (again), whatever state it is in, and wait until it serves."""
        self._ask("restart", daemon)

    def crash(self, node: str) -> None:
        """A node loses power: slurmd, all steps, shells and tmux servers on it are gone."""
        marker = os.fsencode(f"{NODE_MARKER}={node}")
        directory = self._lab.layout.directory

        def on_node(pid: int) -> bool:
            return marker in sweep.environment(pid) and sweep.belongs(pid, directory)

        def reports(pid: int) -> bool:
            return sweep.command_line(pid).startswith(b"slurmstepd")

        deadline = time.monotonic() + 10
        self._ask("kill", node)
        while found := {pid for pid in sweep.members(directory) if on_node(pid)}:
            # The step daemons first: they would live to tell the controller that the tasks died.
            stepds = {pid for pid in found if reports(pid)}
            sweep.end(stepds, on_node)
            sweep.end(found - stepds, on_node)
            if time.monotonic() > deadline:
                raise LabError(f"processes of node {node} do not end: {sorted(found)}")

    def settle(self, timeout: float = 30.0) -> None:
        """Wait until the controller has saved what it knows now (some seconds)."""
        saved = self._lab.layout.directory / "state" / "job_state"

        def version() -> int:
            return saved.stat().st_mtime_ns if saved.exists() else 0

        before = version()
        # Of all requests this one makes it save, whether or not anything has changed.
        self._lab.slurm("scontrol", "reconfigure")
        wait_until(lambda: version() != before, "the controller did not save its state", timeout)

    # ---- Slurm's commands on the login hosts

    def replace(self, command: str, body: str) -> None:
        """On the login hosts ``command`` is shell text ``body`` instead; ``$real`` is what it replaces."""
        if not re.fullmatch(r"[a-z]{2,20}", command):
            raise LabError(f"{command!r} is not a command of Slurm")
        path = self._lab.layout.front / command
        real = install.find(command) or "/bin/false"
        # Whole or not at all: a login may run it at this moment.
        fresh = path.with_name(f".{command}.new")
        fresh.write_text(f"#!/bin/sh\nreal={real}\n{body}\n", encoding="utf-8")
        fresh.chmod(0o755)
        fresh.replace(path)

    def mend(self, command: str) -> None:
        """``command`` is Slurm's own again on the login hosts."""
        (self._lab.layout.front / command).unlink(missing_ok=True)

    def slow(self, seconds: float) -> None:
        """A busy controller: each command of Slurm on a login host takes so much longer.

        Steps that are open are not slowed down. See :meth:`quick`.
        """
        for command in _COMMANDS:
            self.replace(command, f'sleep {seconds:g}\nexec "$real" "$@"')

    def quick(self) -> None:
        """All commands on the login hosts are Slurm's own again."""
        for path in self._lab.layout.front.iterdir():
            path.unlink(missing_ok=True)

    # ---- nodes, as an administrator

    def drain(self, node: str, reason: str = "lab") -> None:
        """No new jobs on the node; running ones stay."""
        self._lab.slurm("scontrol", "update", f"NodeName={node}", "State=DRAIN", f"Reason={reason}")

    def down(self, node: str, reason: str = "lab") -> None:
        """The controller takes the node for broken: its jobs are requeued or fail."""
        self._lab.slurm("scontrol", "update", f"NodeName={node}", "State=DOWN", f"Reason={reason}")

    def resume_node(self, node: str) -> None:
        """The node is fit for jobs again."""
        self._lab.slurm("scontrol", "update", f"NodeName={node}", "State=RESUME")

    # ---- all

    def restore(self, timeout: float = 30.0) -> None:
        """Take back every fault: all daemons run, all nodes can take jobs."""
        self.quick()
        for name, each in self._report().daemons.items():
            if each.state == "hung":
                self.resume(name)
            elif each.state == "dead":
                self.restart(name)
        bad = {name: state for name, state in self._nodes().items() if _needs_resume(state)}
        for name in bad:
            self.resume_node(name)
        wait_until(
            lambda: not any(_needs_resume(state) or state.endswith("*") for state in self._nodes().values()),
            "the nodes did not come back",
            timeout,
        )

    def _nodes(self) -> dict[str, str]:
        lines = self._lab.slurm("sinfo", "-h", "-N", "-o", "%N %T").splitlines()
        return {line.split()[0]: line.split()[1] for line in lines if len(line.split()) == 2}

    def _report(self) -> report.Report:
        found = report.read(self._lab.layout.status)
        if found is None:
            raise LabError("the lab is not up", "sactui lab up")
        return found

    def _ask(self, action: str, daemon: str) -> None:
        control.ask(self._lab.layout.control_socket, action, daemon)


def _needs_resume(state: str) -> bool:
    return state.rstrip("*$~#!%@^-+").startswith(("down", "drain", "fail"))


def wait_until(condition: Callable[[], bool], failure: str, timeout: float) -> None:
    """Wait for ``condition``; LabError(``failure``) after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{failure} within {timeout:.0f} s")
        time.sleep(0.05)
