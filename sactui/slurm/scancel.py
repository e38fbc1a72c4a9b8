"""scancel: end jobs, always by raw id.

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
    neither means the steps. The raw id of an array's last task is the id of the whole
    array: that task alone is named as ``ID_TASK``.
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


def pending_command(spec: str) -> list[str]:
    """The argv that cancels what still waits of an array, or one waiting task of it.

    ``spec`` is an array's id or ``ID_TASK``; tasks that have begun are left alone.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,9}(?:_[0-9]{1,10})?", spec):
        raise ValueError(f"{spec!r} is not an array or a task of one")
    return ["scancel", "--state=PENDING", spec]
