"""Which Slurm a host has, and what it can do."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

Version = tuple[int, int, int]

_VERSION = re.compile(r"(?<![0-9.])([0-9]{2})\.([0-9]{2})(?:\.([0-9]{1,3}))?")


def parse_version(text: str) -> Version | None:
    """The version in ``slurm 22.05.8`` or ``slurm-wlm 24.11.3``; ``None`` when there is none."""
    match = _VERSION.search(text)
    if not match or int(match.group(2)) > 12:
        return None
    return int(match.group(1)), int(match.group(2)), int(match.group(3) or 0)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the commands of one Slurm version can do. Missing ones have a reason, see
    :func:`missing`."""

    version: Version | None = None
    me: bool = True  # squeue --me
    long_format: bool = True  # squeue and sinfo -O with a separator of our own
    overlap: bool = True  # srun --overlap; before it, steps share without being told
    json_details: bool = True  # JSON whose numbers and states can be relied on
    submit_line: bool = True  # accounting keeps the sbatch command
    accounted_reason: bool = True  # accounting keeps the last reason for waiting


_SINCE: dict[str, tuple[Version, str]] = {
    "me": ((20, 2, 0), "squeue has no --me before 20.02: own jobs are asked for by user name"),
    "long_format": (
        (20, 2, 0),
        "squeue -O has no separators before 20.02: restarts and totals of memory and GPUs are not shown",
    ),
    "overlap": ((20, 11, 0), "srun has no --overlap before 20.11: steps share CPUs without it"),
    "json_details": ((23, 2, 0), "JSON before 23.02 leaves out states and limits: details are read as text"),
    "submit_line": (
        (21, 8, 0),
        "accounting has no SubmitLine before 21.08: old jobs are not found by their script",
    ),
    "accounted_reason": ((19, 5, 0), "accounting has no Reason before 19.05"),
}


def capabilities(version: Version | None) -> Capabilities:
    """The capabilities of a version. For an unknown one only what every version has is
    used, except ``--overlap``: without it a step could wait for ever."""
    if version is None:
        return Capabilities(
            None, me=False, long_format=False, json_details=False, submit_line=False, accounted_reason=False
        )
    return Capabilities(version, **{name: version >= since for name, (since, _) in _SINCE.items()})


#: What the newest version can do.
LATEST = Capabilities()


def missing(able: Capabilities) -> dict[str, str]:
    """What this version cannot do, each with its reason and consequence."""
    return {
        field.name: _SINCE[field.name][1]
        for field in fields(able)
        if field.name in _SINCE and not getattr(able, field.name)
    }
