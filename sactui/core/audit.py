"""The audit file: one JSON line per change, never a secret."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from .. import clock
from .plan import Outcome, Plan

#: Beyond this size the file is moved to ``audit.jsonl.1`` and begun anew.
_LARGEST = 5 * 1024 * 1024


class Audit:
    """Appends to ``audit.jsonl`` in the state directory (0600)."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "audit.jsonl"

    def write(self, plan: Plan, outcome: Outcome) -> None:
        """Record a change that was tried. Raises OSError when the file cannot be written."""
        entry = {
            "at": datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="milliseconds"),
            "who": _user(),
            "host": plan.host,
            "action": plan.kind,
            "target": plan.target,
            "commands": [_shown(command) for command in plan.commands],
            "result": outcome.result.value,
            "message": outcome.message,
            "evidence": outcome.evidence,
            "parts": {name: part.result.value for name, part in outcome.parts},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path.exists() and self.path.stat().st_size > _LARGEST:
            self.path.replace(self.path.with_suffix(".jsonl.1"))
        line = json.dumps(entry, ensure_ascii=True) + "\n"
        # One write with O_APPEND: two consoles cannot tear each other's lines.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def _shown(command: str) -> str:
    """A command as it is; of a script, which may hold what a user put into its setup, a fingerprint."""
    if "\n" not in command:
        return command
    digest = hashlib.sha256(command.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"(script of {len(command.splitlines())} lines, sha256 {digest})"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
