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
    "MaxTRES",
    "GrpSubmit",
    "GrpTRESMins",
)
_QOS = (
    *("Name", "Priority", "MaxWall", "MaxJobsPU", "MaxSubmitPU", "MaxTRESPU", "GrpTRES", "Preempt", "Flags"),
    *("MaxTRES", "GrpTRESMins"),
)


def association_command(user: str) -> list[str]:
    """The argv that asks for a user's associations."""
    return [
        "sacctmgr",
        "-n",
        "-P",
        "-r",
        "show",
        "association",
        f"user={_user(user)}",
        f"format={','.join(_ASSOCIATION)}",
    ]


def default_account_command(user: str) -> list[str]:
    """The argv that asks for the account that a job gets when it names none."""
    return ["sacctmgr", "-n", "-P", "-r", "show", "user", _user(user), "format=User,DefaultAccount"]


def qos_command() -> list[str]:
    """The argv that asks for the qualities of service."""
    return ["sacctmgr", "-n", "-P", "-r", "show", "qos", f"format={','.join(_QOS)}"]


def parse_associations(data: bytes) -> tuple[tuple[Association, ...], int]:
    """The associations, and how many lines could not be read. sacctmgr writes "no limit"
    as nothing."""
    found, bad = rows(data, len(_ASSOCIATION))
    return tuple(
        Association(
            row[0], row[1], row[2], row[3], _names(row[4]), row[5],
            values.number(row[6]), values.number(row[7]), values.duration(row[8]) if row[8] else None,
            values.tres(row[9]), values.tres(row[10]), values.number(row[11]), values.tres(row[12]),
        )
        for row in found
    ), bad  # fmt: skip


def parse_default_account(data: bytes) -> str:
    """The default account; empty when there is none."""
    found, _ = rows(data, 2)
    return found[0][1] if found else ""


def parse_qos(data: bytes) -> tuple[tuple[Qos, ...], int]:
    """The qualities of service, and how many lines could not be read."""
    found, bad = rows(data, len(_QOS))
    return tuple(
        Qos(
            row[0], values.number(row[1]) or 0, values.duration(row[2]) if row[2] else None,
            values.number(row[3]), values.number(row[4]),
            values.tres(row[5]), values.tres(row[6]), _names(row[7]), _names(row[8]),
            values.tres(row[9]), values.tres(row[10]),
        )
        for row in found
    ), bad  # fmt: skip


def rows(data: bytes, fields: int) -> tuple[list[list[str]], int]:
    """The lines of ``fields`` fields of a command with ``-P``, and how many are none."""
    text = decode(data)
    lines = text.split("\n")
    # A last line without its line break was cut short.
    cut = 1 if lines[-1] else 0
    found = [line.rstrip("\r").split("|") for line in lines[:-1] if line.strip()]
    good = [row for row in found if len(row) == fields and row[0]]
    return good, len(found) - len(good) + cut


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _user(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", name):
        raise ValueError(f"{name!r} is not a user's name")
    return name
