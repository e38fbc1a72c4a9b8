"""Task expressions of job arrays: ``[0-99%4]``, ``1,3,5-9:2``, ``1,3,5...``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10})(?::([0-9]{1,10}))?)?")


@dataclass(frozen=True, slots=True)
class Tasks:
    """How many tasks one record of squeue stands for.

    ``exact`` is False when Slurm cut the expression short ("..."): then there are more.
    ``at_once`` is the limit of tasks that run at the same time, if there is one.
    """

    count: int
    exact: bool = True
    at_once: int | None = None


def tasks(expression: str) -> Tasks:
    """Read a task expression, with or without brackets. What cannot be read counts as one
    task, not exactly: a record always stands for at least one."""
    text = expression.strip()
    closed = text.endswith("]") or not text.startswith("[")
    text = text.removeprefix("[").removesuffix("]")
    text, found, limit = text.partition("%")
    at_once = int(limit) if found and re.fullmatch(r"[0-9]{1,9}", limit) else None
    exact = closed and (not found or at_once is not None)
    if text.endswith("..."):
        # The last number before the dots may itself be cut in the middle.
        text, exact = text[:-3].rpartition(",")[0], False
    total = 0
    for part in text.split(",") if text else ():
        match = _RANGE.fullmatch(part)
        if not match:
            exact = False
            continue
        low, high, step = int(match.group(1)), int(match.group(2) or match.group(1)), int(match.group(3) or 1)
        if high < low or step < 1:
            exact = False
            continue
        total += (high - low) // step + 1
    return Tasks(max(1, total), exact and total > 0, at_once)


def holds(expression: str, task: int) -> bool:
    """True when a task expression, with or without brackets, names this task."""
    text = expression.strip().removeprefix("[").partition("%")[0].removesuffix("]")
    for part in text.removesuffix("...").split(","):
        match = _RANGE.fullmatch(part)
        if not match:
            continue
        low, high, step = int(match.group(1)), int(match.group(2) or match.group(1)), int(match.group(3) or 1)
        if low <= task <= high and step >= 1 and (task - low) % step == 0:
            return True
    return False
