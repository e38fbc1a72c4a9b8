"""sdiag: how many requests the controller counted for a user."""

from __future__ import annotations

import re

_USER = re.compile(r"^\s+(\S+)\s+\(\s*\d+\)\s+count:(\d+)\b", re.MULTILINE)
_SINCE = re.compile(r"^Data since\s.*\((\d+)\)", re.MULTILINE)
_BY_USER = "Remote Procedure Call statistics by user"


def command() -> list[str]:
    """The argv of sdiag."""
    return ["sdiag"]


def requests_of(text: str, user: str) -> int | None:
    """Requests of ``user`` since the counters began; None when sdiag does not say."""
    _, found, rest = text.partition(_BY_USER)
    if not found:
        return None
    block = rest.split("\n\n", 1)[0]
    return next((int(match[2]) for match in _USER.finditer(block) if match[1] == user), 0)


def since(text: str) -> float | None:
    """When the counters began, in epoch seconds."""
    match = _SINCE.search(text)
    return float(match[1]) if match else None
