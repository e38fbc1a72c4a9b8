"""The keys that every table answers: filter, order, columns, views, taking it along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textual.screen import Screen

from ... import clock
from ...core.views import SavedViews
from ...domain import fields
from ...domain.query import Field
from ...domain.text import visible
from ...errors import SactuiError
from ..table import export
from ..widgets.live_table import LiveTable
from .table_dialogs import ColumnsDialog, ExportDialog, ViewsDialog

#: What each table can be filtered and sorted by.
FIELDS: Mapping[str, Sequence[Field[Any]]] = {
    "reservations": fields.RESERVATIONS,
    "agents": fields.AGENTS,
    "jobs": fields.JOBS,
}
#: Terminals take this much of a copied text in one piece; tmux hands on less than a megabyte.
_MOST_COPIED = 500_000


class TableKeys:
    """The actions of the key table that concern the table in front, whichever it is."""

    def __init__(self, screen: Screen[None], views: SavedViews, table: Callable[[], LiveTable]) -> None:
        self._screen = screen
        self._views = views
        self._table = table
        #: Action to what it does.
        self.actions: dict[str, Callable[[], None]] = {
            "filter": lambda: self._table().begin_filter(),
            "sort_next": lambda: self._table().sort_step(1),
            "sort_previous": lambda: self._table().sort_step(-1),
            "sort_reverse": lambda: self._table().reverse(),
            "columns": self._columns,
            "views": self._saved,
            "export": self._export,
        }

    def works(self, action: str) -> bool:
        """Whether an action does something for the table in front now."""
        table = self._table()
        if action == "sort_reverse":
            return bool(table.shape.sort)
        if action == "export":
            return bool(table.keys)
        return bool(table.view.fields) or action in ("columns", "views")

    def restore(self, table: LiveTable) -> None:
        """Look at a table as it was looked at last time."""
        table.wear(self._views.last(table.id or ""))

    def remember(self, table: LiveTable) -> None:
        """Note how a table is looked at, for the next time."""
        self._views.remember(table.id or "", table.shape)

    def _columns(self) -> None:
        table = self._table()
        dialog = ColumnsDialog(table.view.choices, [column.key for column in table.view.designed])

        def done(kept: bool | None) -> None:
            if kept:
                table.show_columns(dialog.order, dialog.hidden)

        self._screen.app.push_screen(dialog, done)

    def _saved(self) -> None:
        table = self._table()
        name = table.id or ""
        dialog = ViewsDialog(self._views.named(name), table.shape)

        def done(kept: bool | None) -> None:
            for one in dialog.removed:
                self._views.remove(name, one)
            if kept and dialog.saved:
                self._views.save(name, dialog.saved, table.shape)
                self._screen.notify(f"saved: {visible(dialog.saved)}", markup=False, timeout=3)
            elif kept and dialog.chosen is not None:
                table.wear(dialog.chosen)

        self._screen.app.push_screen(dialog, done)

    def _export(self) -> None:
        table = self._table()
        dialog = ExportDialog(f"{len(table.keys)} {table.id}")

        def done(kept: bool | None) -> None:
            if kept:
                self._take(table, dialog.form, copied=dialog.copied)

        self._screen.app.push_screen(dialog, done)

    def _take(self, table: LiveTable, form: export.Form, *, copied: bool) -> None:
        text = table.exported(form)
        if copied and len(text) > _MOST_COPIED:
            self._screen.notify("too much for a clipboard: take a file", severity="warning", timeout=4)
        elif copied:
            self._screen.app.copy_to_clipboard(text)
            self._screen.notify(f"{len(table.keys)} rows copied", timeout=3)
        else:
            try:
                place = export.save(text, form, table.id or "table", clock.now())
            except SactuiError as error:
                self._screen.notify(str(error), severity="error", markup=False, timeout=8)
            else:
                self._screen.notify(f"{len(table.keys)} rows in {place}", markup=False, timeout=6)
