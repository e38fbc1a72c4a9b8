"""What can be chosen about a table: its columns, a saved view, and how to take it along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from ...domain.shape import Shape
from ...domain.text import visible
from ..table.export import Form
from ..table.row import Span
from ..widgets.chrome import Lines
from .dialog import Dialog

#: Lines of a list that are seen at once.
_SEEN = 14


class _Surface(Lines):
    BEHIND = "surface"
    DEFAULT_CSS = "_Surface { background: $surface; }"


class ListDialog(Dialog):
    """A list with a cursor. What keys do is the subclass's."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "cancel", show=False)]
    AUTO_FOCUS = ""  # keys are the list's until a field is asked for
    title_text = ""
    keys_text = ""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = Content(visible(self.title_text))
        with box:
            yield _Surface()
            yield from self.more()
            yield Static(Content(self.keys_text), classes="choices")

    def more(self) -> ComposeResult:
        """Further widgets between the list and its keys."""
        yield from ()

    def on_mount(self) -> None:
        self.paint()

    def entries(self) -> list[list[Span]]:
        """The list's lines."""
        raise NotImplementedError

    def paint(self) -> None:
        """Draw the part of the list around the cursor."""
        entries = self.entries()
        self.at = min(max(self.at, 0), max(0, len(entries) - 1))
        top = min(max(0, self.at - _SEEN // 2), max(0, len(entries) - _SEEN))
        lines = []
        for index, spans in list(enumerate(entries))[top : top + _SEEN]:
            here = index == self.at
            lines.append([("> " if here else "  ", "accent+bold"), *spans])
        self.query_one(_Surface).show_lines(lines or [[("  nothing here yet", "dim")]])

    def action_scroll(self, lines: int) -> None:
        self.at += lines
        self.paint()

    def pressed(self, key: str) -> bool:
        """What a key does; False when it does nothing here."""
        return False

    def on_key(self, event: events.Key) -> None:
        if self.pressed(event.character or event.key) or self.pressed(event.key):
            event.stop()
            event.prevent_default()
            if self.is_current:
                self.paint()


class ColumnsDialog(ListDialog):
    """Which columns are shown, in which order; calls ``done(order, hidden)``."""

    title_text = "columns"
    keys_text = "space shows or hides   J K move   0 as designed   enter keeps   esc leaves it"

    def __init__(self, choices: Sequence[tuple[str, bool]], designed: Sequence[str]) -> None:
        super().__init__()
        self._choices = list(choices)
        self._designed = [key for key in designed if key in dict(choices)]

    @property
    def order(self) -> tuple[str, ...]:
        """All columns in their order."""
        return tuple(key for key, _ in self._choices)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Those not shown."""
        return tuple(key for key, shown in self._choices if not shown)

    def entries(self) -> list[list[Span]]:
        return [
            [(f"[{'x' if shown else ' '}] ", "dim"), (key, "text" if shown else "dim")]
            for key, shown in self._choices
        ]

    def pressed(self, key: str) -> bool:
        match key:
            case "space" | " ":
                name, shown = self._choices[self.at]
                self._choices[self.at] = (name, not shown)
            case "J" | "shift+down":
                self._move(1)
            case "K" | "shift+up":
                self._move(-1)
            case "0":
                self._choices = [(name, True) for name in self._designed]
            case "enter":
                self.dismiss(True)
            case _:
                return False
        return True

    def _move(self, step: int) -> None:
        to = self.at + step
        if 0 <= to < len(self._choices):
            self._choices[self.at], self._choices[to] = self._choices[to], self._choices[self.at]
            self.at = to


class ViewsDialog(ListDialog):
    """Saved views: ``chosen`` is the one to wear, ``saved`` the name to keep, ``removed`` what to forget."""

    title_text = "views"
    keys_text = "enter looks that way   s saves what is shown now   X forgets one   esc leaves it"

    def __init__(self, views: dict[str, Shape], now: Shape) -> None:
        super().__init__()
        self._views = {"as designed": Shape(), **views}
        self._now = now
        self.chosen: Shape | None = None
        self.saved = ""
        self.removed: list[str] = []

    def entries(self) -> list[list[Span]]:
        return [
            [(visible(name), "strong" if shape == self._now else "text"), (f"  {_words(shape)}", "dim")]
            for name, shape in self._views.items()
        ]

    def more(self) -> ComposeResult:
        field = Input(placeholder="a name for what is shown now", compact=True, max_length=60)
        field.display = False
        yield field

    def pressed(self, key: str) -> bool:
        if self.query_one(Input).has_focus:
            return False
        names = list(self._views)
        match key:
            case "enter":
                self.chosen = self._views[names[self.at]]
                self.dismiss(True)
            case "s":
                field = self.query_one(Input)
                field.display = True
                field.focus()
            case "X" if self.at > 0:
                self.removed.append(names[self.at])
                del self._views[names[self.at]]
            case _:
                return False
        return True

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.saved = event.value.strip()
        if self.saved:
            self.dismiss(True)


def _words(shape: Shape) -> str:
    """A shape in words: its filter, its order, what is hidden."""
    parts = [f"/{visible(shape.filter)}"] if shape.filter else []
    if shape.sort:
        parts.append(f"by {shape.sort}{' down' if shape.descending else ''}")
    if shape.hidden:
        parts.append(f"without {', '.join(shape.hidden)}")
    if shape.columns:
        parts.append("columns moved")
    return ", ".join(parts)


class ExportDialog(ListDialog):
    """How a table is taken along; ``form`` and ``copied`` say what was chosen."""

    keys_text = "enter does it   esc leaves it"
    _CHOICES: tuple[tuple[str, Form, bool], ...] = (
        ("CSV, in a file here", Form.CSV, False),
        ("JSON, in a file here (all fields, with plain numbers)", Form.JSON, False),
        ("Markdown, in a file here", Form.MARKDOWN, False),
        ("CSV, to the clipboard", Form.CSV, True),
        ("JSON, to the clipboard", Form.JSON, True),
        ("Markdown, to the clipboard", Form.MARKDOWN, True),
    )

    def __init__(self, what: str) -> None:
        super().__init__()
        self.title_text = f"take along: {what}"

    def entries(self) -> list[list[Span]]:
        return [[(words, "text")] for words, _, _ in self._CHOICES]

    @property
    def form(self) -> Form:
        """What it is written as."""
        return self._CHOICES[self.at][1]

    @property
    def copied(self) -> bool:
        """Whether it goes to the clipboard instead of a file."""
        return self._CHOICES[self.at][2]

    def pressed(self, key: str) -> bool:
        if key == "enter":
            self.dismiss(True)
            return True
        return False
