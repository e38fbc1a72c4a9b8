"""What of a snapshot is shown, in which order, with which columns. Knows nothing of a screen."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...domain.query import Field, Query, QueryError, named, ordered, parse
from ...domain.shape import Shape
from .row import LazyRows, Row
from .widths import Column

#: A cell of its own without a heading: it goes where the next designed column goes.
_GLUED = "glyph"
#: Seconds after which a filter or an order that depends on time is looked at again.
_TIMELY = 5.0


@dataclass(frozen=True, slots=True)
class _Made:
    """A choice that was made, and what it was made from."""

    items: Sequence[Any]
    at: float
    query: Query[Any] | None
    sort: str
    descending: bool
    chosen: Sequence[Any]
    keys: list[Hashable]


class View:
    """A table's filter, order and columns, applied to whole snapshots.

    ``fields`` are what can be filtered and sorted by. A filter that is not understood
    leaves the last good one in force; ``error`` says why.
    """

    def __init__(self, columns: Sequence[Column], fields: Sequence[Field[Any]] = ()) -> None:
        self.designed = tuple(columns)
        self.fields = tuple(fields)
        self.shape = Shape()
        self.error: QueryError | None = None
        #: Who ``user:me`` is.
        self.me = ""
        #: Rows before the filter, in the newest snapshot.
        self.total = 0
        self._named = named(fields)
        self._query: Query[Any] | None = None
        self._made: _Made | None = None
        self._order: tuple[int, ...] | None = None

    # -- rows ---------------------------------------------------------------------

    def choose(self, rows: LazyRows[Any], now: float) -> LazyRows[Any]:
        """The rows to show, in order; the same snapshot is not gone through twice."""
        self.total = len(rows.items)
        made = self._made
        if made is None or not self._holds(made, rows.items, now):
            made = self._made = self._make(rows, now)
        if made.chosen is rows.items and self._order is None:
            rows.keys = made.keys
            return rows
        return LazyRows(made.chosen, rows.key, self._arranged(rows), made.keys)

    def _holds(self, made: _Made, items: Sequence[Any], now: float) -> bool:
        same = (
            made.items is items
            and made.query is self._query
            and (made.sort, made.descending) == (self.shape.sort, self.shape.descending)
        )
        return same and (not self._timely or now - made.at < _TIMELY)

    @property
    def _timely(self) -> bool:
        field = self._named.get(self.shape.sort)
        return bool((self._query and self._query.timely) or (field and field.timely))

    def _make(self, rows: LazyRows[Any], now: float) -> _Made:
        chosen: Sequence[Any] = rows.items
        if self._query is not None and self._query.tests:
            chosen = self._query.select(chosen, now)
        field = self._named.get(self.shape.sort)
        if field is not None:
            chosen = ordered(chosen, field, now, descending=self.shape.descending)
        keys = rows.keys if chosen is rows.items else list(map(rows.key, chosen))
        return _Made(rows.items, now, self._query, self.shape.sort, self.shape.descending, chosen, keys)

    def _arranged(self, rows: LazyRows[Any]) -> Any:
        order, build = self._order, rows.build
        if order is None:
            return build

        def arranged(item: Any) -> Row:
            row = build(item)
            return Row(row.key, tuple(row.cells[at] for at in order if at < len(row.cells)), row.dim)

        return arranged

    # -- the filter ---------------------------------------------------------------

    def filter(self, text: str) -> bool:
        """Filter by ``text``; False, with ``error`` set, when it is not understood."""
        text = text.strip()
        try:
            query = parse(text, self.fields, me=self.me) if text else None
        except QueryError as error:
            self.error = error
            return False
        self.error = None
        self._query = query
        self.shape = replace(self.shape, filter=text)
        return True

    # -- the order ----------------------------------------------------------------

    @property
    def sortable(self) -> list[str]:
        """The keys of the shown columns that can be sorted by, as they stand."""
        return [column.key for column in self.columns if column.key in self._named]

    def sort(self, key: str, *, descending: bool | None = None) -> None:
        """Sort by a field, numbers and amounts the largest first; an empty key: the table's own order."""
        field = self._named.get(key)
        if field is None:
            key = ""
        if descending is None:
            descending = field is not None and field.kind != "text" and key != "left"
        self.shape = replace(self.shape, sort=key, descending=descending)

    def sort_step(self, step: int) -> None:
        """Sort by the next column (or the one before); past the last one: the table's own order."""
        choices = ["", *self.sortable]
        at = choices.index(self.shape.sort) if self.shape.sort in choices else 0
        self.sort(choices[(at + step) % len(choices)])

    def reverse(self) -> None:
        """The other way round."""
        if self.shape.sort:
            self.shape = replace(self.shape, descending=not self.shape.descending)

    # -- the columns --------------------------------------------------------------

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns to show, in order."""
        if self._order is None:
            return self.designed
        return tuple(self.designed[at] for at in self._order)

    @property
    def choices(self) -> list[tuple[str, bool]]:
        """The columns that can be shown or hidden, in order, and whether each is shown."""
        order = self.shape.order([column.key for column in self.designed])
        return [(key, key not in self.shape.hidden) for key in order if key != _GLUED]

    def arrange(self, columns: Sequence[str], hidden: Sequence[str]) -> None:
        """Show these columns in this order, without the hidden ones; never none at all."""
        shown = [key for key in columns if key not in hidden]
        if shown:
            self.wear(replace(self.shape, columns=tuple(columns), hidden=tuple(hidden)))

    def wear(self, shape: Shape) -> None:
        """Look at the table as ``shape`` says; what of it this table does not have is left out."""
        designed = [column.key for column in self.designed]
        hidden = tuple(key for key in shape.hidden if key in designed and key != _GLUED)
        order = shape.order([key for key in designed if key != _GLUED])
        if all(key in hidden for key in order):
            hidden = ()
        self.shape = replace(
            self.shape,
            sort=shape.sort if shape.sort in self._named else "",
            descending=shape.descending,
            columns=tuple(order) if order != [key for key in designed if key != _GLUED] else (),
            hidden=hidden,
        )
        if _GLUED in designed:
            follower = designed[designed.index(_GLUED) + 1]
            order.insert(order.index(follower), _GLUED)
        places = tuple(designed.index(key) for key in order if key not in hidden)
        self._order = None if places == tuple(range(len(designed))) else places
        self._made = None
        self.filter(shape.filter)
