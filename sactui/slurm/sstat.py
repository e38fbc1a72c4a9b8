"""sstat: what the steps of a running job have used so far. It asks the job's nodes: on demand only."""

from __future__ import annotations

import re

from ..domain.accounting import Usage
from . import sacctmgr, values

_FIELDS = ("JobID", "MaxRSS", "AveCPU", "NTasks")


def command(job: int) -> list[str]:
    """The argv that asks for every step of one running job."""
    if job < 1:
        raise ValueError(f"{job} is not a job id")
    return ["sstat", "-n", "-P", "-a", "-j", str(job), "-o", ",".join(_FIELDS)]


def parse(data: bytes) -> tuple[tuple[Usage, ...], int]:
    """The use of each step, and how many lines could not be read."""
    rows, bad = sacctmgr.rows(data, len(_FIELDS))
    found = []
    for identity, memory, cpu, tasks in rows:
        match = re.fullmatch(r"[0-9_+]{1,24}\.([A-Za-z0-9_+]{1,20})", identity)
        if not match:
            bad += 1
            continue
        found.append(
            Usage(
                match.group(1),
                values.memory_mib(memory),
                values.cpu_seconds(cpu),
                values.number(tasks) or 0,
            )
        )
    return tuple(found), bad
