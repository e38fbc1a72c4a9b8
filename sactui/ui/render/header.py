"""The first line of every screen, and the banners: links, counts, cost, what fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.text import Text

from ...domain.fleet import Fleet, HostView, Trouble
from ...domain.state import Link
from ...domain.text import visible
from ..table.row import Span, width_of
from ..theming import Theme, painted
from . import staleness, words

#: From everything to the least: pace and calls, which states have words, how much is
#: said of hosts, how many states are counted one by one.
_LEVELS: tuple[tuple[bool, Literal["all", "loud", "none"], int, int], ...] = (
    (True, "all", 2, 99),
    (False, "all", 2, 99),
    (True, "loud", 2, 99),
    (False, "loud", 2, 99),
    (False, "loud", 1, 99),
    (False, "none", 2, 99),
    (False, "none", 1, 99),
    (False, "none", 0, 99),
    (False, "none", 0, 6),
)


def header(
    fleet: Fleet,
    now: float,
    theme: Theme,
    *,
    width: int,
    read_only: bool = False,
    glyphs: words.Glyphs = words.UNICODE,
) -> Text:
    """:func:`line`, painted in a theme."""
    return painted(theme, line(fleet, now, width, read_only=read_only, glyphs=glyphs))


def line(
    fleet: Fleet,
    now: float,
    width: int,
    *,
    read_only: bool = False,
    glyphs: words.Glyphs = words.UNICODE,
) -> tuple[Span, ...]:
    """The header, ``width`` cells wide: hosts left, counts by state, pace and calls right.

    What does not fit is left out, the calmest first; no agent is left out of the counts.
    """
    counts = words.tally(fleet.agents)
    best: tuple[list[Span], list[Span], list[Span]] = ([], [], [])
    for pace, names, depth, most in _LEVELS:
        left = _hosts(fleet, now, depth, glyphs)
        middle = words.tally_spans(counts, glyphs, words=names, most=most)
        right = _badge(read_only) + (_pace(fleet, glyphs) if pace else [])
        best = (left, middle, right)
        if sum(_width(part) + 3 for part in best if part) <= width:
            break
    return _spread(*best, width)


def _hosts(fleet: Fleet, now: float, depth: int, glyphs: words.Glyphs) -> list[Span]:
    """``depth`` 2 says everything about each host, 1 in few characters, 0 only its glyph."""
    spans: list[Span] = [(" sactui", "strong+bold")]
    for view in fleet.hosts:
        spans.append(("  ", "dim"))
        spans.append((view.name, "text" if view.link is Link.UP else "text+bold"))
        spans.append((f" {glyphs.links[view.link]}", words.LINK_STYLES[view.link]))
        said = link_words(view, now) if depth == 2 else _short_link(view, now) if depth else ""
        if said:
            spans.append((f" {said}", "dim" if view.link is Link.UP else "banner"))
    return spans


def link_words(view: HostView, now: float) -> str:
    """The link in words: ``8 ms``, ``retry in 4 s, data 34 s old``."""
    parts = [_link(view, now)]
    if staleness.seen(view, view.data_at, now).stale and view.data_at is not None:
        parts.append(f"data {words.spoken(now - view.data_at)} old")
    return ", ".join(part for part in parts if part)


def _link(view: HostView, now: float) -> str:
    match view.link:
        case Link.UP:
            return "" if view.latency is None else f"{view.latency * 1000:.0f} ms"
        case Link.RETRYING:
            return "down" if view.next_try is None else f"retry in {words.spoken(view.next_try - now)}"
        case Link.WAITING:
            return "down, r dials"
        case Link.CONNECTING:
            return "connecting"
        case Link.CLOSED:
            return "closed"
        case Link.IDLE:
            return "not connected"


def _short_link(view: HostView, now: float) -> str:
    if view.link is Link.UP:
        return _link(view, now).replace(" ", "")
    return "" if view.data_at is None else words.duration(now - view.data_at)


def _pace(fleet: Fleet, glyphs: words.Glyphs) -> list[Span]:
    intervals = [view.interval for view in fleet.hosts if view.interval > 0]
    calls = sum(view.calls_per_minute for view in fleet.hosts)
    pace = f"{words.spoken(min(intervals))} {glyphs.dot} " if intervals else ""
    return [(f"{pace}{calls:.0f} calls/min", "dim")]


def _badge(read_only: bool) -> list[Span]:
    return [("read-only", "banner+bold"), ("  ", "dim")] if read_only else []


def _spread(left: list[Span], middle: list[Span], right: list[Span], width: int) -> tuple[Span, ...]:
    """Left, middle and right with the room between them; one cell stays free at the end."""
    room = max(0, width - 1 - _width(left) - _width(middle) - _width(right))
    if not right or not middle:
        return (*left, (" " * room, "dim"), *middle, *right)
    after = room // 2
    return (*left, (" " * (room - after), "dim"), *middle, (" " * after, "dim"), *right)


def _width(spans: Sequence[Span]) -> int:
    return sum(width_of(text) for text, _ in spans)


def banners(fleet: Fleet, now: float, *, glyphs: words.Glyphs = words.UNICODE) -> list[tuple[Span, ...]]:
    """One line for each failing layer of each host; the rows below stay as they are."""
    return [_banner(view, trouble, now, glyphs) for view in fleet.hosts for trouble in view.troubles]


def _banner(view: HostView, trouble: Trouble, now: float, glyphs: words.Glyphs) -> tuple[Span, ...]:
    rest: list[str] = []
    if trouble.remedy:
        rest.append(_sentence(trouble.remedy))
    if view.data_at is not None:
        at = words.clock_time(view.data_at, now, seconds=True)
        rest.append(f"Data from {at}, {words.spoken(now - view.data_at)} old.")
    next_try = trouble.next_try if trouble.next_try is not None else view.next_try
    if next_try is not None:
        rest.append(f"Next try in {words.spoken(next_try - now)}.")
    return (
        (f" {glyphs.warning} ", "banner+bold"),
        (f"{view.name}: ", "banner+bold"),
        (visible(_sentence(trouble.what)), "text"),
        (visible("".join(f" {part}" for part in rest)), "dim"),
        ("  r", "strong+bold"),
        (" now", "dim"),
    )


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
