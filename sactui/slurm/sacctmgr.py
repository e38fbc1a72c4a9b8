"""sacctmgr: which accounts and qualities of service one may use.

It has no separator of our own; only fields without free text are asked for, and a line
that does not fit is left out and counted.
"""

from __future__ import annotations

import re

from ..domain.accounting import Association, Qos
from ..domain.text import decode
from . import values

_ASSOCIATION = (
    "Cluster",
    "Account",
    "User",
    "Partition",
    "QOS",
    "DefaultQOS",
    "MaxJobs",
    "MaxSubmit",
    "MaxWall",
    "GrpTRES",
)
_QOS = ("Name", "Priority", "MaxWall", "MaxJobsPU", "MaxSubmitPU", "MaxTRESPU", "GrpTRES", "Preempt", "Flags")


def association_command(user: str) -> list[str]:
    """The argv that asks for a user's associations."""
    if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", user):
        raise ValueError(f"{user!r} is not a user's name")
    return [
        "sacctmgr",
        "-n",
        "-P",
        "-r",
        "show",
        "association",
        f"user={user}",
        f"format={','.join(_ASSOCIATION)}",
    ]


def qos_command() -> list[str]:
    """The argv that asks for the qualities of service."""
    return ["sacctmgr", "-n", "-P", "-r", "show", "qos", f"format={','.join(_QOS)}"]


def parse_associations(data: bytes) -> tuple[tuple[Association, ...], int]:
    """The associations, and how many lines could not be read. sacctmgr writes "no limit"
    as nothing."""
    rows, bad = _rows(data, len(_ASSOCIATION))
    return tuple(
        Association(
            row[0], row[1], row[2], row[3], _names(row[4]), row[5],
            values.number(row[6]), values.number(row[7]), values.duration(row[8]) if row[8] else None,
            tuple(values.pairs(row[9]).items()),
        )
        for row in rows
    ), bad  # fmt: skip


def parse_qos(data: bytes) -> tuple[tuple[Qos, ...], int]:
    """The qualities of service, and how many lines could not be read."""
    rows, bad = _rows(data, len(_QOS))
    return tuple(
        Qos(
            row[0], values.number(row[1]) or 0, values.duration(row[2]) if row[2] else None,
            values.number(row[3]), values.number(row[4]),
            tuple(values.pairs(row[5]).items()), tuple(values.pairs(row[6]).items()),
            _names(row[7]), _names(row[8]),
        )
        for row in rows
    ), bad  # fmt: skip


def _rows(data: bytes, fields: int) -> tuple[list[list[str]], int]:
    text = decode(data)
    lines = text.split("\n")
    # A last line without its line break was cut short.
    cut = 1 if lines[-1] else 0
    rows = [line.rstrip("\r").split("|") for line in lines[:-1] if line.strip()]
    good = [row for row in rows if len(row) == fields and row[0]]
    return good, len(rows) - len(good) + cut


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)
