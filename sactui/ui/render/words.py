"""Durations, sizes, times and glyphs as people read them: short, constant, never wrapped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ...domain.fleet import Agent
from ...domain.spoken import DAY as DAY
from ...domain.spoken import HOUR as HOUR
from ...domain.spoken import MINUTE as MINUTE
from ...domain.spoken import age as age
from ...domain.spoken import ago as ago
from ...domain.spoken import clock_time as clock_time
from ...domain.spoken import duration as duration
from ...domain.spoken import spoken as spoken
from ...domain.state import URGENCY, AgentState, Link, Phase
from ..table.row import Bar, Span


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """What is left, drawn: ``bar`` is None when the whole is not known."""

    bar: Bar | None
    text: str
    style: str


def time_left(left: float, total: float | None) -> TimeLeft:
    """Time left in seconds as a bar, coloured by the end that is bad.

    Calm until a quarter is left, then amber; red below a tenth or a quarter of an
    hour. Under an hour the words are bold.
    """
    left = max(0.0, left)
    share = left / total if total and total > 0 else None
    if left < 15 * MINUTE or (share is not None and share < 0.1):
        tone = "bar-red"
    elif share is not None and share < 0.25:
        tone = "bar-amber"
    else:
        tone = "bar-calm"
    words = "text" if tone == "bar-calm" else tone
    return TimeLeft(
        None if share is None else Bar(share, tone), duration(left), f"{words}+bold" if left < HOUR else words
    )


# --- amounts -----------------------------------------------------------------


def memory(mib: float) -> str:
    """An amount of memory given in MiB: ``512M``, ``1.5G``, ``60G``, ``2T``."""
    value, unit = _scaled(mib)
    return f"{_short(value)}{unit}"


def memory_pair(used: float | None, total: float) -> str:
    """Used of total, MiB in: ``9/32G``; ``32G`` when the used part is not known."""
    value, unit = _scaled(total)
    divisor = total / value if value else 1
    part = "" if used is None else f"{_short(used / divisor)}/"
    return f"{part}{_short(value)}{unit}"


def pair(used: int | None, total: int) -> str:
    """Used of total: ``3/8``; ``8`` when the used part is not known."""
    return str(total) if used is None else f"{used}/{total}"


def _scaled(mib: float) -> tuple[float, str]:
    if mib < 1024:
        return mib, "M"
    if mib < 10 * 1024 * 1024:
        return mib / 1024, "G"
    return mib / 1024 / 1024, "T"


def _short(value: float) -> str:
    if value >= 10 or value == int(value):
        return str(round(value))
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def plural(count: int, noun: str) -> str:
    """``1 agent``, ``3 agents``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def array_size(tasks: str) -> int | None:
    """How many tasks an array expression names: ``[0-99%4]`` is 100; None when it is cut short."""
    body = tasks.strip("[]").split("%")[0]
    count = 0
    for part in body.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if not found:
            return None
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        if step < 1 or last < first:
            return None
        count += (last - first) // step + 1
    return count


# --- glyphs ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One character for each state, phase and link, and the few marks of sentences."""

    states: Mapping[AgentState, str]
    phases: Mapping[Phase, str]
    links: Mapping[Link, str]
    warning: str
    times: str
    dot: str


UNICODE = Glyphs(
    states={
        AgentState.WORKING: "●",
        AgentState.BACKGROUND: "◍",
        AgentState.ASKING: "?",
        AgentState.IDLE: "○",
        AgentState.LIMITED: "◷",
        AgentState.RETRYING: "↻",
        AgentState.STARTING: "◌",
        AgentState.STOPPED: "□",
        AgentState.EXITED: "■",
        AgentState.DEAD: "✖",
        AgentState.LOST: "⌁",
        AgentState.UNKNOWN: "·",
    },
    phases={
        Phase.PENDING: "◌",
        Phase.RUNNING: "●",
        Phase.PAUSED: "‖",
        Phase.DONE: "✓",
        Phase.ERROR: "✖",
        Phase.CANCELED: "⊘",
        Phase.UNKNOWN: "·",
    },
    links={
        Link.IDLE: "○",
        Link.CONNECTING: "◌",
        Link.UP: "●",
        Link.RETRYING: "◐",
        Link.WAITING: "◐",
        Link.CLOSED: "○",
    },
    warning="⚠",
    times="×",
    dot="·",
)

ASCII = Glyphs(
    states={
        AgentState.WORKING: "*",
        AgentState.BACKGROUND: "&",
        AgentState.ASKING: "?",
        AgentState.IDLE: "o",
        AgentState.LIMITED: "L",
        AgentState.RETRYING: "r",
        AgentState.STARTING: ".",
        AgentState.STOPPED: "_",
        AgentState.EXITED: "x",
        AgentState.DEAD: "X",
        AgentState.LOST: "~",
        AgentState.UNKNOWN: "-",
    },
    phases={
        Phase.PENDING: ".",
        Phase.RUNNING: "*",
        Phase.PAUSED: "=",
        Phase.DONE: "v",
        Phase.ERROR: "X",
        Phase.CANCELED: "/",
        Phase.UNKNOWN: "-",
    },
    links={
        Link.IDLE: "o",
        Link.CONNECTING: ".",
        Link.UP: "*",
        Link.RETRYING: "~",
        Link.WAITING: "~",
        Link.CLOSED: "o",
    },
    warning="!",
    times="x",
    dot="-",
)

#: The style of a link's glyph; a link in trouble is amber like what waits for a person.
LINK_STYLES: Mapping[Link, str] = {
    Link.IDLE: "dim",
    Link.CONNECTING: "starting",
    Link.UP: "working",
    Link.RETRYING: "banner",
    Link.WAITING: "banner",
    Link.CLOSED: "dim",
}


def tally(agents: Iterable[Agent]) -> list[tuple[AgentState, int]]:
    """How many agents are in which state, the most urgent state first, none left out but zeros."""
    counts: dict[AgentState, int] = {}
    for agent in agents:
        counts[agent.state] = counts.get(agent.state, 0) + 1
    return [(state, counts[state]) for state in URGENCY if state in counts]


def tally_spans(
    counts: Iterable[tuple[AgentState, int]],
    glyphs: Glyphs,
    *,
    words: Literal["all", "loud", "none"] = "none",
    most: int = 99,
) -> list[Span]:
    """Counts as spans: ``? 2 asking  ◷ 1 limited``.

    ``words`` names all states, those that need you, or none. Beyond ``most`` states
    the rest is one number, ``+12``.
    """
    spans: list[Span] = []
    rest = 0
    for place, (state, count) in enumerate(counts):
        if place >= most:
            rest += count
            continue
        if spans:
            spans.append(("  ", "dim"))
        loud = state.needs_you
        tone = f"{state.value}+bold" if loud else state.value
        spans.append((f"{glyphs.states[state]} {count}", tone))
        if words == "all" or (words == "loud" and loud):
            spans.append((f" {state.value}", tone if loud else "dim"))
    if rest:
        spans.append((f"  +{rest}", "dim"))
    return spans
