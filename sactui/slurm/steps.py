"""squeue --steps: the steps that run now. Not ours alone: what else lives in a job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..domain.accounting import Step
from . import values
from .records import RecordError, Tokens, split

# The short format: the long one has the same fields and prints errors for others.
_LETTERS = ("i", "u", "P", "M", "S", "N", "j")


def command(tokens: Tokens, jobs: Sequence[int] = (), user: str = "") -> list[str]:
    """The argv that asks for the steps of these jobs, or of a user."""
    form = "".join(f"%{letter}{tokens.field}" for letter in _LETTERS[:-1]) + f"%{_LETTERS[-1]}{tokens.end}"
    argv = ["squeue", "-h", "-a", "-o", form, "-s"]
    if jobs:
        argv += ["-j", ",".join(str(int(job)) for job in jobs)]
    elif user:
        argv += ["-u", user]
    return argv


def parse(data: bytes, tokens: Tokens) -> tuple[tuple[Step, ...], tuple[RecordError, ...]]:
    """Read the answer; never raises."""
    rows, errors = split(data, tokens, len(_LETTERS))
    steps: list[Step] = []
    for identity, user, partition, used, start, nodes, name in rows:
        match = re.fullmatch(r"([0-9]{1,10}(?:_[0-9]{1,10}|\+[0-9]{1,5})?)\.([A-Za-z0-9_+]{1,20})", identity)
        if not match:
            errors.append(RecordError("a step has no id"))
            continue
        steps.append(
            Step(
                match.group(1),
                match.group(2),
                name,
                user,
                partition,
                values.word(nodes),
                values.elapsed(used),
                values.timestamp(start),
            )
        )
    return tuple(steps), tuple(errors)
