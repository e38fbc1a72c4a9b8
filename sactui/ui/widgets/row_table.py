"""Rows on a screen: cursor, marks and scroll by identity, and only changed lines repainted."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar, TypeAlias

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from .. import theming
from ..table import paint, position
from ..table.news import News
from ..table.painter import GUTTER, MARGIN, Look, Painter
from ..table.row import Cell, Row, Span, keys_of
from ..table.widths import Column, SteadyWidths, fit, measure
from . import table_messages

_FLASH_SECONDS = 0.7


class RowTable(ScrollView, can_focus=True):
    """Rows found again by key through every sort, insert and removal.

    :meth:`show` takes the complete, filtered and sorted snapshot. Cursor, marks and
    scroll belong to keys, not to line numbers; when the row under the cursor is gone,
    the cursor stays where it is. Text is drawn as it is, cut by terminal cells, never
    wrapped, never read as markup.
    """

    DEFAULT_CSS = """
    RowTable {
        height: 1fr; background: $background; color: $foreground;
        overflow-x: hidden; overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor(1)", "down", show=False),
        Binding("up,k", "cursor(-1)", "up", show=False),
        Binding("pagedown", "page(1.0)", "page down", show=False),
        Binding("pageup", "page(-1.0)", "page up", show=False),
        Binding("ctrl+d", "page(0.5)", "half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "half a page up", show=False),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
        Binding("space", "mark", "mark", show=False),
        Binding("enter", "activate", "open", show=False),
    ]

    Selected: TypeAlias = table_messages.Selected
    Activated: TypeAlias = table_messages.Activated
    Marked: TypeAlias = table_messages.Marked

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        title: str = "",
        theme: theming.Theme | None = None,
        empty: str = "nothing here",
        heading: bool = True,
        rule: bool = False,
        strokes: paint.Strokes = paint.UNICODE,
        flash: bool | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """``theme=None`` follows the app's theme.

        ``flash=None`` lets changed cells flash unless the app is headless or animations are off.
        """
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._theme = theme
        self._title = title
        self._note: tuple[Span, ...] = ()
        self._empty = empty
        self._heading = heading
        self._rule = rule
        self._painter = Painter(strokes)
        self._flash = flash
        self._rows: Sequence[Row] = ()
        self._keys: list[Hashable] = []
        self._cursor = -1
        self._marked: set[Hashable] = set()
        self._steady = SteadyWidths()
        self._widths: tuple[int, ...] = ()
        self._measured: list[tuple[Cell, ...]] | None = None
        self._wanted: list[int] = []
        self._painted: dict[int, Look] = {}
        self._news = News()
        self._fade_timer: Timer | None = None

    # --- what it shows -------------------------------------------------------

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows, all of them, in this order. Only visible ones are looked at."""
        top, height, old_keys, old_cursor = self.scroll_offset.y, self._body_height, self._keys, self._cursor
        before = {row.key: row for row in self._visible()} if self._flashes else {}
        key = self.cursor_key
        self._rows, self._keys = rows, keys_of(rows)
        if self._marked:
            self._marked &= set(self._keys)
        self._cursor = position.find(self._keys, key, old_cursor)
        self._resize_virtual()
        target = position.kept(top, height, old_keys, old_cursor, self._keys, self._cursor)
        if target != top:
            self.scroll_to(y=target, animate=False)
        if before and self._news.note(before, self._visible(), self._columns) and self._fade_timer is None:
            self._fade()
        if not self._measure(tick=True):
            self._repaint()
        if self.cursor_key != key:
            self.post_message(self.Selected(self, self.cursor_key))

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns; rows of the new form must follow with :meth:`show`."""
        if tuple(columns) == self._columns:
            return
        self._rows, self._keys = (), []
        self._arrange_columns(columns)

    def _arrange_columns(self, columns: Sequence[Column]) -> None:
        """Other columns for the same rows; they must be shown anew at once, in the new form."""
        self._columns = tuple(columns)
        self._rows = ()
        self._measured = None
        self._steady.reset()
        self._restyle()

    def set_strokes(self, strokes: paint.Strokes) -> None:
        """Draw with other characters, e.g. ASCII ones."""
        self._painter.strokes = strokes
        self._restyle()

    @property
    def title(self) -> str:
        """The table's own name, in the heading line."""
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self._refresh_heading()

    @property
    def note(self) -> tuple[Span, ...]:
        """What stands after the title: a count, a filter."""
        return self._note

    @note.setter
    def note(self, note: Sequence[Span]) -> None:
        if tuple(note) != self._note:
            self._note = tuple(note)
            self._refresh_heading()

    @property
    def heading_note(self) -> Sequence[Span]:
        """All that stands after the title."""
        return self._note

    @property
    def empty(self) -> str:
        """The sentence shown when there are no rows."""
        return self._empty

    @empty.setter
    def empty(self, empty: str) -> None:
        if empty != self._empty:
            self._empty = empty
            self._painter.forget()
            if not self._keys:
                self.refresh()

    @property
    def heading(self) -> bool:
        """Whether the heading line is shown."""
        return self._heading

    @heading.setter
    def heading(self, heading: bool) -> None:
        if heading != self._heading:
            self._heading = heading
            self._painted.clear()
            self._resize_virtual()
            self.refresh()

    # --- where the cursor is -------------------------------------------------

    @property
    def keys(self) -> Sequence[Hashable]:
        """The keys of all rows, in order."""
        return self._keys

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the selected row, None when there is no row."""
        return self._keys[self._cursor] if 0 <= self._cursor < len(self._keys) else None

    @property
    def cursor_index(self) -> int:
        """The selected row's place, -1 when there is no row."""
        return self._cursor

    @property
    def column_widths(self) -> tuple[int, ...]:
        """The widths in use, one a column; 0 for a column that is not shown."""
        return self._widths

    @property
    def marked(self) -> tuple[Hashable, ...]:
        """The marked keys in the rows' order."""
        return tuple(key for key in self._keys if key in self._marked) if self._marked else ()

    def toggle_mark(self) -> None:
        """Mark or unmark the selected row, and go on to the next."""
        key = self.cursor_key
        if key is None:
            return
        self._marked ^= {key}
        self.post_message(self.Marked(self))
        self._repaint()
        self._move(self._cursor + 1)

    def clear_marks(self) -> None:
        """Unmark every row."""
        if self._marked:
            self._marked.clear()
            self._repaint()
            self.post_message(self.Marked(self))

    def move_to(self, key: Hashable) -> bool:
        """Put the cursor on the row with this key; False when there is none."""
        try:
            index = self._keys.index(key)
        except ValueError:
            return False
        self._move(index)
        return True

    def _move(self, index: int) -> None:
        if not self._keys:
            return
        index = min(max(index, 0), len(self._keys) - 1)
        moved, self._cursor = index != self._cursor, index
        self._reveal()
        self._repaint()
        if moved:
            self.post_message(self.Selected(self, self.cursor_key))

    def _reveal(self) -> None:
        """Scroll just far enough to see the cursor."""
        top, height = self.scroll_offset.y, self._body_height
        if self._cursor < 0 or height <= 0:
            return
        target = position.revealed(top, height, self._cursor)
        if target != top:
            self.scroll_to(y=target, animate=False)

    # --- widths and the visible window ---------------------------------------

    @property
    def _head(self) -> int:
        return (1 + self._rule) if self._heading else 0

    @property
    def _body_height(self) -> int:
        return max(0, self.size.height - self._head)

    def _visible(self) -> Sequence[Row]:
        top = self.scroll_offset.y
        return self._rows[top : top + self._body_height]

    def _resize_virtual(self) -> None:
        size = Size(self.size.width, self._head + max(1, len(self._keys)))
        if size != self.virtual_size:
            self.virtual_size = size

    def _measure(self, *, tick: bool) -> bool:
        """Bring the widths up to date; True when they changed and all was repainted."""
        if self.size.width <= 0:
            return False
        cells = [row.cells for row in self._visible()]
        if cells != self._measured:
            self._measured = cells
            self._wanted = measure(self._columns, cells)
        wanted = self._steady.update(self._wanted, tick=tick)
        widths = fit(self._columns, wanted, self.size.width - GUTTER - MARGIN)
        if widths == self._widths:
            return False
        self._widths = widths
        self._painter.forget()
        self._painted.clear()
        self.refresh()
        return True

    def _fade(self) -> None:
        """One timer for all: what flashed ends, what came meanwhile has its own turn."""
        self._fade_timer = self.set_timer(_FLASH_SECONDS, self._fade) if self._news.turn() else None
        self._repaint()

    @property
    def _flashes(self) -> bool:
        if self._flash is not None:
            return self._flash
        wanted = getattr(getattr(self.app, "settings", None), "flash", True)
        return wanted and self.is_mounted and not self.app.is_headless and self.app.animation_level != "none"

    # --- painting ------------------------------------------------------------

    def _look(self, index: int, focused: bool) -> Look:
        """How the line of the row ``index`` looks now."""
        if not 0 <= index < len(self._keys):
            return (None, index == 0, False, False, False, ())
        row = self._rows[index]
        selected = index == self._cursor
        return (
            row.cells,
            row.dim,
            selected,
            selected and focused,
            row.key in self._marked,
            self._news.of(row),
        )

    def _repaint(self) -> None:
        """Ask for exactly the lines that no longer look as they were painted."""
        # What Textual looks up in its tree is looked up once, not for every line.
        width, height = self.size
        if not height:
            return
        painted, head, focused = self._painted, self._head, self.has_focus
        if not painted:
            self.refresh()
            return
        above = self.scroll_offset.y - head
        regions, start = [], -1
        for y in range(head, height + 1):
            changed = y < height and self._look(y + above, focused) != painted.get(y)
            if changed and start < 0:
                start = y
            elif not changed and start >= 0:
                regions.append(Region(0, start, width, y - start))
                start = -1
        if regions:
            self.refresh(*regions)

    def _refresh_heading(self) -> None:
        if self._heading:
            self.refresh(Region(0, 0, self.size.width, 1))

    def _restyle(self) -> None:
        """Forget everything drawn: the theme, the strokes or the columns are others."""
        self._painter.forget(styles=True)
        self._skin()
        self._painted.clear()
        self._widths = ()
        if not self._measure(tick=False):
            self.refresh()

    def _skin(self) -> None:
        self._painter.theme = self._theme or theming.current(self.app)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._painter.theme is None:
            self._skin()
        if y < self._head:
            if y == 1:
                return self._painter.rule(width)
            return self._painter.heading(
                self._title, self.heading_note, self._columns, self._widths, width, loud=self.has_focus
            )
        look = self._look(y - self._head + self.scroll_offset.y, self.has_focus)
        self._painted[y] = look
        if look[0] is None:
            return self._painter.sentence(self.empty if look[1] else "", width)
        return self._painter.line(look, self._columns, self._widths, width)

    # --- events and keys -----------------------------------------------------

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._restyle())
        self._resize_virtual()

    def on_resize(self, event: events.Resize) -> None:
        self._painted.clear()
        self._resize_virtual()
        self._measure(tick=False)
        self._reveal()

    def on_focus(self) -> None:
        self._refresh_heading()
        self._repaint()

    def on_blur(self) -> None:
        self._refresh_heading()
        self._repaint()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._measure(tick=False)

    def on_click(self, event: events.Click) -> None:
        index = event.y - self._head + self.scroll_offset.y
        if event.y == 0 and self._heading:
            self.click_heading(event.x)
        elif event.y >= self._head and index < len(self._keys):
            event.stop()
            self._move(index)
            if event.chain == 2:
                self.action_activate()

    def click_heading(self, x: int) -> None:
        """A click on the heading line, in that cell."""

    def action_cursor(self, lines: int) -> None:
        self._move(self._cursor + lines)

    def action_page(self, pages: float) -> None:
        self._move(self._cursor + round(pages * max(1, self._body_height - 1)))

    def action_first(self) -> None:
        self._move(0)

    def action_last(self) -> None:
        self._move(len(self._keys) - 1)

    def action_mark(self) -> None:
        self.toggle_mark()

    def action_activate(self) -> None:
        key = self.cursor_key
        if key is not None:
            self.post_message(self.Activated(self, key))
