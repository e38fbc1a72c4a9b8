"""From cells, columns and widths to styled segments of exactly one line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style

from ...domain.text import visible
from .row import Bar, Cell, Span, width_of
from .widths import Column

#: From a style's name and a background role to the style.
Brush: TypeAlias = Callable[[str, str], Style]


@dataclass(frozen=True, slots=True)
class Strokes:
    """The characters a table is drawn with."""

    cursor: str = "▌"
    mark: str = "•"
    full: str = "█"
    rest: str = "░"
    more: str = "…"
    rule: str = "─"
    up: str = "▴"
    down: str = "▾"


UNICODE = Strokes()
ASCII = Strokes(cursor=">", mark="+", full="#", rest=".", more="~", rule="-", up="^", down="v")


def safe(text: str) -> str:
    """Text that cannot move the cursor: whatever is not printable becomes a visible escape."""
    return text if text.isprintable() else visible(text)


def cropped(spans: Sequence[Span], room: int, more: str) -> tuple[list[Span], int]:
    """Spans cut to ``room`` terminal cells, ending in ``more`` when cut, and their width."""
    total = sum(width_of(text) for text, _ in spans)
    if total <= room:
        return list(spans), total
    left = room - width_of(more)
    kept: list[Span] = []
    used = 0
    last = spans[0][1] if spans else "text"
    for text, name in spans:
        width = width_of(text)
        last = name
        if used + width > left:
            head = chop_cells(text, left - used)[0] if left > used else ""
            if width_of(head) <= left - used:  # a wide character may not fit at all
                kept.append((head, name))
                used += width_of(head)
            break
        kept.append((text, name))
        used += width
    kept.append((more if left >= 0 else "", last))
    return kept, used + (width_of(more) if left >= 0 else 0)


def _filled(cells: Sequence[Cell], index: int) -> bool:
    return index < len(cells) and cells[index] != ()


def _bar(bar: Bar, width: int, strokes: Strokes) -> list[Span]:
    filled = bar.filled(width)
    return [(strokes.full * filled, bar.style), (strokes.rest * (width - filled), "faint")]


def row(
    cells: Sequence[Cell],
    columns: Sequence[Column],
    widths: Sequence[int],
    brush: Brush,
    strokes: Strokes,
    background: str = "page",
    flashing: Collection[int] = (),
) -> Iterator[Segment]:
    """The segments of one row, from the first column on.

    Text too long for its column runs on over empty cells at its right, as on paper.
    """
    shown = [index for index, width in enumerate(widths) if width > 0]
    at = 0
    while at < len(shown):
        index = shown[at]
        column, room = columns[index], widths[index]
        value = cells[index] if index < len(cells) else ()
        behind = "flash" if index in flashing else background
        if at:
            yield Segment(" " * column.gap, brush("text", background))
        at += 1
        if isinstance(value, Bar):
            spans, used = _bar(value, room, strokes), room
        else:
            spans = [(safe(text), name) for text, name in value]
            wanted = sum(width_of(text) for text, _ in spans)
            spills = column.align == "left"
            while spills and wanted > room and at < len(shown) and not _filled(cells, shown[at]):
                room += columns[shown[at]].gap + widths[shown[at]]
                at += 1
            spans, used = cropped(spans, room, strokes.more)
        pad = room - used
        if pad and column.align == "right":
            yield Segment(" " * pad, brush("text", background))
        for text, name in spans:
            if text:
                yield Segment(text, brush(name, behind))
        if pad and column.align == "left":
            yield Segment(" " * pad, brush("text", background))


def heading(
    title: str,
    title_style: str,
    note: Sequence[Span],
    columns: Sequence[Column],
    widths: Sequence[int],
    brush: Brush,
    strokes: Strokes,
    room: int,
) -> Iterator[Segment]:
    """The table's title and note, then the titles of the columns right of them."""
    lead: list[Span] = [(title, title_style)] if title else []
    if note:
        lead += [("  " if title else "", "dim"), *((safe(text), name) for text, name in note)]
    lead, used = cropped(lead, room, strokes.more)
    for text, name in lead:
        if text:
            yield Segment(text, brush(name, "page"))
    start = 0
    shown = [index for index, width in enumerate(widths) if width > 0]
    for index in shown:
        column, width = columns[index], widths[index]
        start += column.gap if index != shown[0] else 0
        words, size = cropped([(column.title, "dim")], width, strokes.more)
        x = start + (width - size if column.align == "right" else 0)
        if column.title and size and x >= (used + 2 if used else 0):
            yield Segment(" " * (x - used), brush("text", "page"))
            for text, name in words:
                yield Segment(text, brush(name, "page"))
            used = x + size
        start += width
