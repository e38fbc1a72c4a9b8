"""Whether this machine lets a lab use cgroups, and what is left of them afterwards."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
#: What proctrack/cgroup and task/cgroup need of version 1.
_HIERARCHIES = ("freezer", "cpuset", "memory", "devices")


def problem(root: Path = ROOT) -> str:
    """Why a lab with cgroups cannot run here; empty when it can.

    Slurm's plugin for version 2 wants systemd, or the whole tree for itself: the lab has it
    for version 1 only.
    """
    if os.geteuid() != 0:
        return "only root may make cgroups and mount namespaces"
    if (root / "cgroup.controllers").exists():
        return "this machine has cgroup version 2 alone, and Slurm needs systemd or the whole tree for it"
    missing = [name for name in _HIERARCHIES if not (root / name).is_dir()]
    if missing:
        return f"there is no cgroup hierarchy (version 1) {', '.join(missing)} below {root}"
    for name in _HIERARCHIES:
        probe = root / name / f"sactui-probe-{os.getpid()}"
        try:
            probe.mkdir()
            probe.rmdir()
        except OSError as error:
            return f"no group can be made in {root / name}: {error.strerror}"
    try:
        done = subprocess.run(
            ["unshare", "--mount", "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"mount namespaces cannot be tried: {error}"
    if done.returncode != 0:
        return f"no mount namespace can be made: {done.stderr.strip()}"
    return ""


def leave(directory: Path, nodes: Sequence[str]) -> None:
    """Unmount what jobs have mounted below ``directory``, and remove the groups of its nodes."""
    if not os.path.lexists(directory / "private"):
        return
    below = f"{directory}/"
    with suppress(OSError):
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        points = [line.split(" ")[4] for line in lines if line.split(" ")[4].startswith(below)]
        for point in reversed(points):
            subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
    for name in [each.name for each in ROOT.iterdir()] if ROOT.is_dir() else []:
        for node in nodes:
            _remove(ROOT / name / f"slurm_{node}")


def _remove(group: Path) -> None:
    if not group.is_dir():
        return
    for directory, _, _ in os.walk(group, topdown=False):
        # One that still has a process stays: it is not ours to move.
        with suppress(OSError):
            os.rmdir(directory)
