"""scancel: end jobs, always by id.

By name it matches nothing and says nothing; even for an id that does not exist its
status is 0. So what it did is found out by looking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def command(
    jobs: Sequence[int | str], *, signal: str = "", batch: bool = False, full: bool = False
) -> list[str]:
    """The argv that cancels jobs, or with ``signal`` sends it instead.

    ``batch`` signals the batch shell only, ``full`` the shell and all its children;
    neither means the steps. Tasks of an array are named as ``ID_TASK``: the raw id of the
    last one is that of the whole array.
    """
    if not jobs or not all(re.fullmatch(r"[1-9][0-9]{0,9}(?:_[0-9]{1,10})?", str(job)) for job in jobs):
        raise ValueError("scancel needs job ids")
    if signal and not re.fullmatch(r"[A-Z0-9]{1,10}", signal):
        raise ValueError(f"{signal!r} is not a signal")
    if batch and full:
        raise ValueError("the batch shell alone or with its children, not both")
    argv = ["scancel"]
    if signal:
        argv.append(f"--signal={signal}")
    if batch:
        argv.append("--batch")
    if full:
        argv.append("--full")
    return [*argv, *(str(job) for job in jobs)]


def pending_command(array: int) -> list[str]:
    """The argv that cancels everything of an array that still waits; what has begun is left.

    With a task's own id (``ID_TASK``) the filter would take all waiting tasks along (seen
    with 22.05): one task is cancelled by :func:`command`.
    """
    if array < 1:
        raise ValueError(f"{array} is not an array")
    return ["scancel", "--state=PENDING", str(array)]
