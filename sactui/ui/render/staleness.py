"""Is what a row shows still so? Rows of a host that does not answer are dimmed and say their age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...domain.fleet import Fleet, HostView
from ...domain.state import Link
from ..table.widths import Column
from . import words

#: The age of what is not fresh; there only while something is not.
COLUMN = Column(
    "seen", min_width=7, max_width=11, align="right", priority=8, collapse=True, whole=True, flash=False
)

#: Looks that may be missed, and the least number of seconds, before a row counts as stale.
_LOOKS = 3
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Seen:
    """``stale`` dims the row; ``text`` is its age, empty while fresh or never seen."""

    stale: bool
    text: str = ""


def hosts_of(fleet: Fleet) -> Mapping[str, HostView]:
    """The fleet's hosts by name."""
    return {view.name: view for view in fleet.hosts}


def seen(view: HostView | None, observed_at: float | None, now: float) -> Seen:
    """Whether an observation of a host still holds at ``now`` (epoch seconds)."""
    up = view is not None and view.link is Link.UP
    if observed_at is None:
        return Seen(view is not None and not up)
    limit = max(_SECONDS, _LOOKS * view.interval) if view is not None else _SECONDS
    if up and now - observed_at <= limit:
        return Seen(False)
    return Seen(True, f"{words.duration(now - observed_at)} old")
