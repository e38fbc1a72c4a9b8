"""The quiet frame around the tables: header, banner, tabs, footer. One line each.

Drawn by lines, and only when the words are others: a Static would lay out the whole
screen again with every update, and these are told everything once a second.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from ...domain.fleet import Fleet
from ...domain.keymap import KeyAction, written
from ...domain.text import visible
from ..render import words
from ..render.header import banners
from ..table import paint
from ..table.row import Span, width_of
from ..theming import current, style

Spans = Sequence[Span]


class Lines(Widget):
    """Lines of styled text, each cut at the edge. As high as it has lines."""

    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; background: $background; }
    """
    ALLOW_SELECT = False
    #: The role of the theme behind the words.
    BEHIND = "page"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[tuple[Span, ...], ...] = ()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    @property
    def content(self) -> str:
        """The words, line by line."""
        return "\n".join("".join(words for words, _ in line) for line in self._lines)

    def show_lines(self, lines: Sequence[Spans]) -> None:
        """Show these lines; nothing is painted when they are the same."""
        wanted = tuple(map(tuple, lines))
        if wanted == self._lines:
            return
        higher = len(wanted) != len(self._lines)
        self._lines = wanted
        self.refresh(layout=higher)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines))

    def render_line(self, y: int) -> Strip:
        theme, width = current(self.app), self.size.width
        spans, _ = paint.cropped(self._lines[y], width, "") if y < len(self._lines) else ((), 0)
        segments = [Segment(words, style(theme, name, self.BEHIND)) for words, name in spans if words]
        return Strip(segments).adjust_cell_length(width, style(theme, "text", self.BEHIND))


class Header(Lines):
    """The first line of every screen."""

    def show(self, spans: Spans) -> None:
        """Show this line."""
        self.show_lines([spans])


class Footer(Lines):
    """Only keys that work now, most useful first, never more than one line."""

    DEFAULT_CSS = "Footer { height: 1; padding: 0 1; }"

    def show(self, actions: Sequence[KeyAction]) -> None:
        """Show as many actions as fit the width; ``?`` is always among them."""
        useful = sorted((a for a in actions if a.footer), key=lambda a: a.rank)
        last = [action for action in useful if action.id in ("help", "quit")]
        room = max(20, self.size.width) - sum(map(_key_width, last))
        fitting: list[KeyAction] = []
        for action in useful:
            if action in last:
                continue
            room -= _key_width(action)
            if room < 0:
                break
            fitting.append(action)
        spans: list[Span] = []
        for action in (*fitting, *last):
            spans += [(written(action.key), "strong+bold"), (f" {action.footer}  ", "dim")]
        self.show_lines([spans])


def _key_width(action: KeyAction) -> int:
    return width_of(written(action.key)) + width_of(action.footer) + 3


class Banner(Lines):
    """One line per failing layer: what, to what, since when, what next. Hidden when all is well."""

    DEFAULT_CSS = """
    Banner { max-height: 4; background: $surface; display: none; }
    Banner.shown { display: block; }
    """
    BEHIND = "surface"

    def show(self, fleet: Fleet, now: float, *, glyphs: words.Glyphs = words.UNICODE) -> None:
        """Show the troubles of all hosts, then files that are broken; rows stay where they are."""
        lines: list[Spans] = [*banners(fleet, now, glyphs=glyphs)]
        if fleet.problems:
            first = fleet.problems[0]
            more = f" and {len(fleet.problems) - 1} more" if len(fleet.problems) > 1 else ""
            lines.append(
                (
                    (f" {glyphs.warning} ", "banner+bold"),
                    (f"{visible(first.where)}: {visible(first.what)}{more}.", "text"),
                    ("  4", "strong+bold"),
                    (" shows them", "dim"),
                )
            )
        self.set_class(bool(lines), "shown")
        self.show_lines(lines[:4])


class Tabs(Lines):
    """The tab line of narrow terminals."""

    DEFAULT_CSS = "Tabs { height: 1; padding: 0 1; }"

    def show(self, names: Sequence[str], current: int) -> None:
        """Show the names with their number keys; the current one in the accent."""
        spans: list[Span] = []
        for index, name in enumerate(names):
            spans += [
                (f"{index + 1} {name}", "accent+bold" if index == current else "dim"),
                ("  ", "dim"),
            ]
        self.show_lines([spans])
