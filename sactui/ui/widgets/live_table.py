"""A table of live rows that a person filters, sorts and cuts to size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from textual import events
from textual.timer import Timer

from ... import clock
from ...domain.query import Field
from ...domain.shape import Shape
from .. import theming
from ..table import export, paint
from ..table.editing import Line
from ..table.painter import GUTTER
from ..table.row import LazyRows, Row, Span
from ..table.view import View
from ..table.widths import Column
from . import table_messages
from .row_table import RowTable

#: Rows up to which a filter follows every key; beyond, once the typing pauses.
_AT_ONCE = 2500
_PAUSE = 0.08


class LiveTable(RowTable):
    """Rows found again by key through every sort, insert and removal, and a view on them.

    :meth:`show` takes the complete snapshot; what of it is shown, and in which order, is
    the view's. While the filter is typed every printable key belongs to it; enter keeps
    it, escape clears it.
    """

    Shaped: TypeAlias = table_messages.Shaped

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        fields: Sequence[Field[Any]] = (),
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
        """As :class:`RowTable`; ``fields`` are what can be filtered and sorted by."""
        super().__init__(
            columns,
            title=title,
            theme=theme,
            empty=empty,
            heading=heading,
            rule=rule,
            strokes=strokes,
            flash=flash,
            id=id,
            classes=classes,
        )
        self.view = View(columns, fields)
        self._source: Sequence[Row] = ()
        self._line: Line | None = None
        self._before = ""
        self._later: Timer | None = None

    # --- what it shows -------------------------------------------------------

    def show(self, rows: Sequence[Row]) -> None:
        """Show this snapshot: all its rows; the view chooses and orders. Rows that wait are not built."""
        self._source = rows
        if isinstance(rows, LazyRows):
            before = (self.view.total, len(self.keys))
            rows = self.view.choose(rows, clock.now())
            super().show(rows)
            if (self.view.total, len(self.keys)) != before:
                self._refresh_heading()
        else:
            super().show(rows)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns altogether; rows of the new form must follow with :meth:`show`."""
        if tuple(columns) != self.view.designed:
            shape, me = self.view.shape, self.view.me
            self.view = View(columns, self.view.fields)
            self.view.me = me
            self.view.wear(shape)
        super().set_columns(self.view.columns)

    @property
    def shape(self) -> Shape:
        """How the table is looked at."""
        return self.view.shape

    def wear(self, shape: Shape) -> None:
        """Look at the table another way."""
        self.view.wear(shape)
        self._reshape()

    def _reshape(self) -> None:
        """Apply the view to the rows there are."""
        if self.view.columns != self._columns:
            self._arrange_columns(self.view.columns)
        self.show(self._source)
        self._repaint()
        self._refresh_heading()
        self.post_message(self.Shaped(self))

    # --- sorting ---------------------------------------------------------------

    def sort(self, key: str) -> None:
        """Sort by a column; a second time the other way; a third time the table's own order."""
        view = self.view
        if view.shape.sort != key:
            view.sort(key)
        else:
            first = view.shape.descending
            view.sort(key)
            if view.shape.descending == first:
                view.reverse()
            else:
                view.sort("")
        self._reshape()

    def sort_step(self, step: int) -> None:
        """Sort by the next column, or the one before."""
        self.view.sort_step(step)
        self._reshape()

    def reverse(self) -> None:
        """Turn the order round; the table's own order cannot be turned."""
        self.view.reverse()
        self._reshape()

    def show_columns(self, columns: Sequence[str], hidden: Sequence[str]) -> None:
        """Show these columns, in this order, without the hidden ones."""
        self.view.arrange(columns, hidden)
        self._reshape()

    # --- the filter --------------------------------------------------------------

    @property
    def filtering(self) -> bool:
        """Whether the filter is being typed now: then keys belong to it."""
        return self._line is not None

    def begin_filter(self) -> None:
        """Let the filter be typed in the heading."""
        text = self.view.shape.filter
        self._before = text
        self._line = Line(text, len(text))
        self._refresh_heading()

    def filter(self, text: str) -> bool:
        """Filter by ``text`` now; False when it is not understood (``view.error``)."""
        understood = self.view.filter(text)
        self._reshape()
        return understood

    def back(self) -> bool:
        """Undo the nearest thing: the filter, then the marks. False when there is neither."""
        if self._line is not None or self.view.shape.filter or self.view.error:
            self._end_filter(clear=True)
            return True
        if self.marked:
            self.clear_marks()
            return True
        return False

    def _end_filter(self, *, clear: bool) -> None:
        line, self._line = self._line, None
        if self._later is not None:
            self._later.stop()
            self._later = None
        self.filter("" if clear else line.text if line else self.view.shape.filter)
        if self.view.error is not None:
            # What was not understood is not kept: the filter that holds is the one that is shown.
            self.filter(self.view.shape.filter)

    def on_key(self, event: events.Key) -> None:
        if self._line is None:
            return
        if event.key in ("enter", "escape"):
            self._end_filter(clear=event.key == "escape")
        elif event.key in ("tab", "shift+tab"):
            self._type(self._completed(self._line))
        elif (edited := self._line.key(event.key)) is not None:
            self._type(edited)
        elif event.is_printable and event.character:
            self._type(self._line.insert(event.character))
        else:
            return  # arrows move the cursor meanwhile
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        if self._line is not None:
            self._type(self._line.insert(event.text))
            event.stop()

    def on_blur(self) -> None:  # beside the base's: Textual calls both
        if self._line is not None:
            self._end_filter(clear=False)

    def _type(self, line: Line) -> None:
        changed = self._line is None or line.text != self._line.text
        self._line = line
        self._refresh_heading()
        if not changed:
            return
        if self._later is not None:
            self._later.stop()
            self._later = None
        if self.view.total <= _AT_ONCE:
            self._apply()
        else:
            self._later = self.set_timer(_PAUSE, self._apply)

    def _apply(self) -> None:
        self._later = None
        if self._line is not None:
            self.filter(self._line.text)

    def _completed(self, line: Line) -> Line:
        """With the name of the field under the cursor completed, where only one begins so."""
        word = line.text[: line.at].rpartition(" ")[2].lstrip("!")
        names = [field.name for field in self.view.fields if word and field.name.startswith(word)]
        return line.insert(names[0][len(word) :] + ":") if len(names) == 1 else line

    # --- the heading ---------------------------------------------------------------

    @property
    def heading_note(self) -> Sequence[Span]:
        """The note; then the filter, its matches or its mistake, and the order."""
        spans: list[Span] = []
        view, line = self.view, self._line
        if line is not None:
            spans += [("/", "accent+bold"), (line.text[: line.at], "strong")]
            spans += [(line.text[line.at : line.at + 1] or " ", "strong+reverse")]
            spans += [(line.text[line.at + 1 :], "strong")]
        elif view.shape.filter:
            spans += [("/", "accent+bold"), (view.shape.filter, "accent")]
        if view.error is not None:
            where = f" at {view.error.position + 1}"
            hint = f"; {view.error.remedy}" if view.error.remedy else ""
            spans += [("  ", "dim"), (f"{view.error.message}{where}{hint}", "banner")]
        elif view.shape.filter:
            spans += [("  ", "dim"), (f"{len(self.keys)} of {view.total}", "text")]
        if line is not None and not line.text:
            names = " ".join(f"{field.name}:" for field in view.fields[:8])
            spans += [("  words, /regex/, !not, ", "dim"), (names, "dim")]
        if view.shape.sort:
            arrow = self._painter.strokes.down if view.shape.descending else self._painter.strokes.up
            spans += [("  " if spans else "", "dim"), (f"by {view.shape.sort} {arrow}", "accent")]
        if not spans:
            return self.note
        return [*self.note, ("  ", "dim"), *spans] if self.note and line is None else spans

    @property
    def empty(self) -> str:
        """The sentence shown when there are no rows: whether there are none, or none that match."""
        if self.view.shape.filter and self.view.total:
            return f"none of {self.view.total} matches {self.view.shape.filter}: esc shows all"
        return self._empty

    @empty.setter
    def empty(self, empty: str) -> None:
        if empty != self._empty:
            self._empty = empty
            if not self.keys:
                self.refresh()

    def click_heading(self, x: int) -> None:
        key = self._column_at(x)
        if key in self.view.sortable:
            self.sort(key)

    def _column_at(self, x: int) -> str:
        """The key of the column at a cell of the line; empty where there is none."""
        start = GUTTER
        first = True
        for column, width in zip(self._columns, self._widths, strict=False):
            if not width:
                continue
            start += 0 if first else column.gap
            first = False
            if start <= x < start + width:
                return column.key
            start += width
        return ""

    # --- taking it along -------------------------------------------------------------

    def exported(self, form: export.Form) -> str:
        """All rows that match, also those out of sight; JSON has the values, the others the words."""
        source = self._source
        if form is export.Form.JSON and self.view.fields and isinstance(source, LazyRows):
            chosen = self.view.choose(LazyRows(source.items, source.key, source.build), clock.now())
            return export.records(chosen.items, self.view.fields, clock.now())
        return export.text_table(form, self._columns, list(self._rows))
