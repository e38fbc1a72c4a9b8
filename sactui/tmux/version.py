"""Which tmux a node has, and what it can do."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

Version = tuple[int, int, str]


def parse_version(text: str) -> Version | None:
    """``tmux 3.3a`` as (3, 3, "a"); ``tmux next-3.5`` counts as 3.5. ``None`` for a text
    without a number (``tmux master``, ``tmux openbsd-7.5`` is OpenBSD's own count)."""
    match = re.search(r"(?<!openbsd-)(?<![0-9.])([0-9]{1,2})\.([0-9]{1,2})([a-z]?)\b", text)
    return (int(match.group(1)), int(match.group(2)), match.group(3)) if match else None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one tmux can do; missing ones have a reason, see :func:`missing`."""

    version: Version | None = None
    pane_options: bool = True  # set-option -p: reports of agents' hooks
    new_session_environment: bool = True  # new-session -e
    ignore_size: bool = True  # attach -f ignore-size: looking does not resize
    popup: bool = True  # display-popup
    remain_on_exit_format: bool = True
    pane_dead_signal: bool = True
    usable: bool = True  # exact targets (=name)


_SINCE: dict[str, tuple[Version, str]] = {
    "usable": ((2, 6, ""), "tmux before 2.6 is not supported"),
    "pane_options": ((3, 0, ""), "tmux before 3.0 has no pane options: agents cannot report their state"),
    "new_session_environment": ((3, 2, ""), "tmux before 3.2 has no new-session -e"),
    "ignore_size": (
        (3, 2, ""),
        "tmux before 3.2 resizes a session to whoever looks at it: peek reads the screen",
    ),
    "popup": ((3, 2, ""), "tmux before 3.2 has no display-popup"),
    "remain_on_exit_format": ((3, 3, ""), "tmux before 3.3 writes its own words into dead panes"),
    "pane_dead_signal": ((3, 3, ""), "tmux before 3.3 does not say which signal ended a pane"),
}


def capabilities(version: Version | None) -> Capabilities:
    """The capabilities of a version. A version without a number is a build from source,
    taken as new."""
    if version is None:
        return Capabilities()
    return Capabilities(version, **{name: version >= since for name, (since, _) in _SINCE.items()})


def missing(able: Capabilities) -> dict[str, str]:
    """What this tmux cannot do, each with its reason."""
    return {
        each.name: _SINCE[each.name][1]
        for each in fields(able)
        if each.name in _SINCE and not getattr(able, each.name)
    }
