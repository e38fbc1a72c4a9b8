"""Rows of a terminal as strips of the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip

from sactui.terminal.screen import Colour, Cursor, CursorShape, Run, Style

_REVERSE = RichStyle(reverse=True)
_UNDERLINE = RichStyle(underline=True)


class Painter:
    """Draws rows on a base style (the widget's own colours); remembers the styles it met."""

    def __init__(self, base: RichStyle) -> None:
        self.base = base
        self._known: dict[Style, RichStyle] = {}

    def strip(self, runs: Sequence[Run], columns: int) -> Strip:
        """One row, exactly ``columns`` wide."""
        segments = [
            Segment(
                " " * run.columns if run.style.invisible else fitted(run.text, run.columns),
                self._of(run.style),
            )
            for run in runs
        ]
        return Strip(segments, sum(run.columns for run in runs)).adjust_cell_length(columns, self.base)

    def _of(self, style: Style) -> RichStyle:
        known = self._known.get(style)
        if known is None:
            if len(self._known) > 4096:
                self._known.clear()
            # Blinking is left out on purpose: nothing on this screen moves but what works.
            known = self._known[style] = self.base + RichStyle(
                color=_colour(style.foreground),
                bgcolor=_colour(style.background),
                bold=style.bold or None,
                dim=style.dim or None,
                italic=style.italic or None,
                underline=style.underline == 1 or style.underline > 2 or None,
                underline2=style.underline == 2 or None,
                reverse=style.reverse or None,
                strike=style.strike or None,
                overline=style.overline or None,
            )
        return known


def with_cursor(strip: Strip, cursor: Cursor, columns: int) -> Strip:
    """The row with the cursor on it. A bar cannot be drawn between cells and becomes an underline."""
    if not 0 <= cursor.x < columns:
        return strip
    for width in (1, 2):  # a cut through a wide character would widen the row
        before, under, after = (
            strip.crop(0, cursor.x),
            strip.crop(cursor.x, cursor.x + width),
            strip.crop(cursor.x + width, columns),
        )
        if width == 2 or "".join(segment.text for segment in under).strip() or cursor.x + 2 > columns:
            break
        if cell_len("".join(segment.text for segment in strip.crop(cursor.x, cursor.x + 2)).strip()) != 2:
            break
    block = cursor.shape in (CursorShape.BLOCK, CursorShape.HOLLOW)
    marked = Strip(
        [
            Segment(text, (style or RichStyle()) + (_toggled(style) if block else _UNDERLINE))
            for text, style, _ in under
        ]
    )
    return Strip.join([before, marked, after])


def fitted(text: str, columns: int) -> str:
    """Text that is as wide here as it was in the terminal it comes from.

    Two programs disagree about the width of some characters (emoji with selectors,
    what Unicode added lately); one such character would shift the rest of the row.
    """
    if text.isascii():
        return text
    # A joiner at the end of a cell would melt it with its neighbour on the outer terminal.
    text = text.rstrip("\u200d") or " "
    if cell_len(text) == columns:
        return text
    width = 2 if columns == 2 * len(text) else 1 if columns == len(text) else 0
    if not width:
        return text[0] if cell_len(text[0]) == columns else "\ufffd" + " " * (columns - 1)
    return "".join(
        character if cell_len(character) == width else "\ufffd" + " " * (width - 1) for character in text
    )


def _toggled(style: RichStyle | None) -> RichStyle:
    """Reverse video, or the way back from it."""
    return RichStyle(reverse=False) if style is not None and style.reverse else _REVERSE


def _colour(colour: Colour) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)
