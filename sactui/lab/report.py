"""The status file of a lab: written by its supervisor and watcher, read by everybody else."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

State = Literal["starting", "up", "failed", "dead"]


@dataclass(slots=True)
class DaemonReport:
    """One daemon: its process id, and how it is (``running``, ``hung``, ``dead``)."""

    pid: int
    state: str
    log: str


@dataclass(slots=True)
class LoginReport:
    """One login host: SSH alias, TCP port, and what serves it (``sshd`` or ``asyncssh``)."""

    alias: str
    port: int
    server: str


@dataclass(slots=True)
class Report:
    """What is known of a lab. ``steps`` are the lines shown while it starts; ``started_in`` is seconds."""

    state: State = "starting"
    supervisor: int = 0
    started_in: float = 0.0
    steps: list[str] = field(default_factory=list)
    daemons: dict[str, DaemonReport] = field(default_factory=dict)
    logins: list[LoginReport] = field(default_factory=list)
    error: str = ""
    remedy: str = ""

    def write(self, path: Path) -> None:
        """Replace the file at once: a reader never sees half of it. Raises OSError."""
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        fresh.replace(path)


def read(path: Path) -> Report | None:
    """The report in ``path``, or None when there is none that can be read."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fields["daemons"] = {name: DaemonReport(**each) for name, each in fields["daemons"].items()}
        fields["logins"] = [LoginReport(**each) for each in fields["logins"]]
        return Report(**fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
