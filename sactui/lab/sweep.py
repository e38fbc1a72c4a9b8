"""Ends every process of a lab.

A process belongs to a lab when its environment says so (``SACTUI_LAB=<dir>`` or
``SLURM_CONF=<dir>/...``): step daemons, batch shells and tmux servers all carry it.
sshd overwrites its own environment with its title; it is known by its log file.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sactui.lab.layout import GUEST_MARKER, MARKER

#: Clients of Slurm that cannot outlive their cluster in a sensible way.
_CLIENTS = frozenset({"srun", "salloc", "sattach", "sbatch", "strigger"})


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: how many processes were signalled, and what is still there."""

    ended: int
    left: tuple[int, ...]


def members(directory: Path) -> set[int]:
    """The processes of the lab in ``directory``, without the caller and its ancestors."""
    spared = _ancestors(os.getpid())
    return {pid for pid in _pids() if pid not in spared and belongs(pid, directory)}


def belongs(pid: int, directory: Path) -> bool:
    """Whether process ``pid`` is one of the lab's. A process that cannot be read is not."""
    marker = os.fsencode(f"{MARKER}={directory}")
    conf = os.fsencode(f"SLURM_CONF={directory}/")
    entries = environment(pid)
    if any(entry == marker or entry.startswith(conf) for entry in entries):
        guest = os.fsencode(f"{GUEST_MARKER}={directory}") in entries
        in_job = any(entry.startswith(b"SLURM_JOB_ID=") for entry in entries)
        return not guest or in_job or _command_name(pid) in _CLIENTS
    return _command_name(pid).startswith("sshd") and _holds_file_below(pid, directory)


def environment(pid: int) -> list[bytes]:
    """The environment ``pid`` was started with, as ``NAME=value``; empty when it cannot be read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def descendants(pid: int) -> set[int]:
    """All processes below ``pid`` at this moment, without ``pid``."""
    children: dict[int, list[int]] = {}
    for each in _pids():
        parent = _parent(each)
        if parent is not None:
            children.setdefault(parent, []).append(each)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def sweep(directory: Path, *, timeout: float = 5.0, below: int | None = None) -> Swept:
    """Kill (SIGKILL) the lab's processes until none is left or ``timeout`` seconds are over.

    ``below`` is a process whose descendants all belong to the lab, marked or not.
    New ones may appear while the old ones die, so it looks again until it finds none.
    """
    deadline = time.monotonic() + timeout
    ended: set[int] = set()
    while True:
        found = members(directory)
        if below is not None:
            found |= {pid for pid in descendants(below) if _state(pid) != "Z"} - _ancestors(os.getpid())
        if not found or time.monotonic() > deadline:
            return Swept(len(ended), tuple(sorted(found)))
        end(found, lambda pid: belongs(pid, directory) or (below is not None and pid in descendants(below)))
        ended |= found


def end(pids: Iterable[int], still: Callable[[int], bool] = lambda pid: True, *, wait: float = 0.5) -> None:
    """Kill ``pids`` through descriptors, and wait up to ``wait`` seconds for their end.

    ``still(pid)`` is asked once the descriptor is open: from then on the number cannot
    come to mean another process.
    """
    held: list[int] = []
    pending = 0
    poll = select.poll()
    try:
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except OSError:
                continue
            held.append(descriptor)
            if not still(pid):
                continue
            try:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            except OSError:
                continue
            poll.register(descriptor, select.POLLIN)
            pending += 1
        deadline = time.monotonic() + wait
        while pending and time.monotonic() < deadline:
            for descriptor, _ in poll.poll(20):
                poll.unregister(descriptor)
                pending -= 1
    finally:
        for descriptor in held:
            os.close(descriptor)


def terminate(pid: int, timeout: float) -> None:
    """Ask ``pid`` to end and wait for it; after ``timeout`` seconds kill it."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(timeout * 1000):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            poll.poll(2000)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else "Z"


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if len(fields) > 1 else None


def _ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    current: int | None = pid
    while current and current not in found:
        found.add(current)
        current = _parent(current)
    return found


def _command_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def _holds_file_below(pid: int, directory: Path) -> bool:
    below = f"{directory}/"
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for name in names:
        try:
            if os.readlink(f"/proc/{pid}/fd/{name}").startswith(below):
                return True
        except OSError:
            continue
    return False


def command_line(pid: int) -> bytes:
    """The command line of ``pid``, its words separated by NUL; empty when it cannot be read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
