"""From how a line looks to the strip that shows it, remembered while nothing about it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from .. import theming
from . import paint
from .row import Cell, Span
from .widths import Column

#: Everything that decides how one line looks, apart from widths and theme: cells (None below
#: the rows), dim, selected, focused, marked, and the columns that flash.
Look: TypeAlias = "tuple[tuple[Cell, ...] | None, bool, bool, bool, bool, tuple[int, ...]]"

GUTTER = 2  # the selection's bar and the mark
MARGIN = 1  # the scrollbar's place, free also while there is none: nothing moves when it comes


class Painter:
    """Draws lines in one theme with one set of strokes; :meth:`forget` when something else changes."""

    def __init__(self, strokes: paint.Strokes) -> None:
        self.strokes = strokes
        self.theme: theming.Theme | None = None
        self._strips: LRUCache[Look, Strip] = LRUCache(512)
        self._styles: dict[tuple[str, str, bool, bool], Style] = {}

    def forget(self, *, styles: bool = False) -> None:
        """Forget what was drawn, and the theme's styles too."""
        self._strips.clear()
        if styles:
            self._styles.clear()

    def style(self, name: str, background: str, dim: bool = False, bold: bool = False) -> Style:
        """The style of a name on the role ``background``."""
        key = (name, background, dim, bold)
        found = self._styles.get(key)
        if found is None:
            assert self.theme is not None
            if dim and not name.startswith("faint"):
                name = "dim"
            found = theming.style(self.theme, f"{name}+bold" if bold else name, background)
            self._styles[key] = found
        return found

    def rule(self, width: int) -> Strip:
        """The line under a heading."""
        return Strip([Segment(self.strokes.rule * width, self.style("faint", "page"))], width)

    def heading(
        self,
        title: str,
        note: Sequence[Span],
        columns: Sequence[Column],
        widths: Sequence[int],
        width: int,
        *,
        loud: bool,
    ) -> Strip:
        """The table's title and note, and the columns' titles."""
        name = "strong+bold" if loud else "dim+bold"
        room = width - GUTTER - MARGIN
        segments = paint.heading(title, name, note, columns, widths, self.style, self.strokes, room)
        base = self.style("text", "page")
        return Strip([Segment(" " * GUTTER, base), *segments]).adjust_cell_length(width, base)

    def sentence(self, text: str, width: int) -> Strip:
        """A sentence in the place of a row."""
        base = self.style("text", "page")
        words = Segment(paint.safe(text), self.style("dim", "page"))
        return Strip([Segment(" " * GUTTER, base), words]).adjust_cell_length(width, base)

    def line(self, look: Look, columns: Sequence[Column], widths: Sequence[int], width: int) -> Strip:
        """The strip of one row."""
        strip = self._strips.get(look)
        if strip is None or strip.cell_length != width:
            strip = self._strips[look] = self._line(look, columns, widths, width)
        return strip

    def _line(self, look: Look, columns: Sequence[Column], widths: Sequence[int], width: int) -> Strip:
        cells, dim, selected, focused, marked, flashing = look
        background = "selection" if focused else "page"
        assert self.theme is not None
        assert cells is not None
        # The sixteen colours have no faint background: there the selected row is bold.
        bold = focused and self.theme.ansi

        def brush(name: str, behind: str) -> Style:
            return self.style(name, behind, dim, bold and "+bold" not in name)

        bar = self.style("accent" if focused else "dim", background)
        segments = [
            Segment(self.strokes.cursor if selected else " ", bar),
            Segment(self.strokes.mark if marked else " ", self.style("accent", background)),
            *paint.row(cells, columns, widths, brush, self.strokes, background, flashing),
        ]
        return Strip(segments).adjust_cell_length(width, self.style("text", background))
