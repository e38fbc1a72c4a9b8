"""The preview of what is selected: an agent's screen, or the details of the row."""

from __future__ import annotations

import textwrap

from rich.segment import Segment
from rich.text import Text
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from ...domain.text import visible
from ..render import words
from ..render.details import Facts
from ..table import paint
from ..table.row import Span
from ..theming import Theme, current, style

_Line = tuple[Span, ...]


class Preview(Widget):
    """A bordered box, because what it shows is a terminal. Painted only when it shows something else."""

    DEFAULT_CSS = """
    Preview {
        border: round $panel; border-title-color: $text-muted; border-subtitle-color: $text-muted;
        padding: 0 1; height: 1fr; color: $foreground; background: $background;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._frame = ("", "")
        self._lines: tuple[_Line, ...] = ()
        self._facts: Facts | None = None
        #: A screen shows its end, where the cursor is; everything else its beginning.
        self._from_end = False

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    @property
    def content(self) -> str:
        """The words, line by line."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def screen_text(self, title: str, text: str, age: str) -> None:
        """Show the lower part of a screen that fits; every line cut, never wrapped."""
        self._facts = None
        self._show(title, age, [((line, "text"),) for line in text.rstrip().splitlines()], from_end=True)

    def facts(self, title: str, facts: Facts, look: Theme | None = None) -> None:
        """Show labels and values, long ones on several lines."""
        self._facts = facts
        self._show(title, "", _fact_lines(facts, self.size.width))

    def sentence(self, text: str) -> None:
        """Show one sentence."""
        self._facts = None
        self._show("", "", [((text, "text"),)])

    def on_resize(self) -> None:
        if self._facts is not None:
            self._show(*self._frame, _fact_lines(self._facts, self.size.width))

    def _show(self, title: str, subtitle: str, lines: list[_Line], *, from_end: bool = False) -> None:
        if (title, subtitle) != self._frame:
            self._frame = (title, subtitle)
            self.border_title = Content(visible(title))
            self.border_subtitle = Content(visible(subtitle))
        wanted = tuple(lines)
        if wanted != self._lines or from_end is not self._from_end:
            self._lines, self._from_end = wanted, from_end
            self.refresh()

    def render_line(self, y: int) -> Strip:
        theme, size = current(self.app), self.size
        at = y + (max(0, len(self._lines) - size.height) if self._from_end else 0)
        line = self._lines[at] if at < len(self._lines) else ()
        spans, _ = paint.cropped([(paint.safe(text), name) for text, name in line], size.width, "")
        segments = [Segment(text, style(theme, name, "page")) for text, name in spans if text]
        return Strip(segments).adjust_cell_length(size.width, style(theme, "text", "page"))


def freshness(age: float, interval: float) -> str:
    """How old a screen is: ``live`` within the pace of looking, then in steps of five seconds."""
    if age <= interval + 2:
        return "live"
    return f"seen {words.age(age if age >= words.MINUTE else age // 5 * 5)} ago"


def _fact_lines(facts: Facts, width: int) -> list[_Line]:
    """Labels dim and right-aligned; a value that is too long goes on below itself."""
    label = max((len(name) for name, _ in facts), default=0)
    lines: list[_Line] = []
    for name, value in facts:
        head = f"{name:>{label}}  "
        for part in textwrap.wrap(visible(value), max(12, width - label - 2)) or [""]:
            lines.append(((head, "dim"), (part, "text")))
            head = " " * (label + 2)
    return lines


def facts_text(facts: Facts, look: Theme) -> Text:
    """Facts as text: labels dim and right-aligned, values as they are."""
    label = max((len(name) for name, _ in facts), default=0)
    text = Text()
    for name, value in facts:
        text.append(f"{name:>{label}}  ", style(look, "dim"))
        text.append(f"{visible(value)}\n", style(look, "text"))
    return text
