"""The command line of Claude Code from a definition's ``model`` and ``claude`` block."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def argv(
    model: str,
    *,
    session: str = "continue-or-new",
    flags: Sequence[str] = (),
    channels: Sequence[str] = (),
    resume_id: str = "",
) -> tuple[str, ...]:
    """Words of the command.

    ``flags`` entries may hold a flag and its value in one string, as the reference
    accepts them; they are split as a shell would. ``continue-or-new`` starts a new
    conversation here: Claude Code's ``--continue`` fails where there is none.
    """
    words = ["claude", "--model", model]
    for channel in channels:
        words += ["--channels", channel]
    for flag in flags:
        words += shlex.split(flag)
    if session == "continue":
        words.append("--continue")
    elif session == "resume" and resume_id:
        words += ["--resume", resume_id]
    return tuple(words)
