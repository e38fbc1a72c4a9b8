"""Column widths: they fit the viewport, give way by priority, and do not jitter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .row import Bar, Cell, text_of, width_of


@dataclass(frozen=True, slots=True)
class Column:
    """A column as data; widths are terminal cells.

    A low ``priority`` number stays longest when the room gets narrow. Columns with
    ``flex`` share what is left over, in that proportion. ``gap`` is the space before
    the column. A ``whole`` column is never cut below what it holds: half a number is
    a wrong number, so it is shown whole or not at all. ``collapse`` takes a column away
    while all its visible cells are empty. ``flash`` says that a changed cell is news
    (an age that ticks is not).
    """

    key: str
    title: str = ""
    min_width: int = 1
    max_width: int | None = None
    flex: int = 0
    align: Literal["left", "right"] = "left"
    priority: int = 50
    gap: int = 2
    collapse: bool = False
    whole: bool = False
    flash: bool = True

    def bounded(self, width: int) -> int:
        """``width`` within the column's own limits."""
        width = max(width, self.min_width)
        return width if self.max_width is None else min(width, self.max_width)


def measure(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> list[int]:
    """The width each column wants for the cells of these (visible) rows; 0 for one that goes away.

    Text that runs on into empty cells at its right wants no more than its column's limit.
    """
    wanted = [0] * len(columns)
    for cells in rows:
        for index, value in enumerate(cells[: len(columns)]):
            width = _wanted(columns[index], value)
            if width > wanted[index]:
                wanted[index] = width
    return [
        0 if column.collapse and not width else column.bounded(max(width, width_of(column.title)))
        for column, width in zip(columns, wanted, strict=True)
    ]


def _wanted(column: Column, value: Cell) -> int:
    if isinstance(value, Bar):
        return column.max_width or column.min_width
    return width_of(text_of(value))


def fit(columns: Sequence[Column], wanted: Sequence[int], available: int) -> tuple[int, ...]:
    """The widths for ``available`` cells; 0 means not shown.

    Columns are dropped, the least important first, until the minimum widths fit. What
    is left goes to the wanted widths, names before sentences (flex columns), the most
    important first; then flex columns share the rest.
    """
    shown = [index for index, width in enumerate(wanted) if width > 0]
    if not shown or available <= 0:
        return (0,) * len(columns)
    by_priority = sorted(shown, key=lambda index: (columns[index].priority, index))

    def used(widths: dict[int, int]) -> int:
        order = sorted(widths)
        return sum(widths.values()) + sum(columns[index].gap for index in order[1:])

    widths = {
        index: wanted[index] if columns[index].whole else min(columns[index].min_width, wanted[index])
        for index in shown
    }
    while used(widths) > available and len(widths) > 1:
        del widths[by_priority.pop()]
    spare = available - used(widths)
    if spare < 0:  # not even the most important one has its minimum
        (index,) = widths
        widths[index] = available
        spare = 0
    for index in sorted(by_priority, key=lambda index: columns[index].flex > 0):
        more = min(spare, wanted[index] - widths[index])
        if more > 0:
            widths[index] += more
            spare -= more
    _share(columns, widths, spare)
    return tuple(widths.get(index, 0) for index in range(len(columns)))


def _share(columns: Sequence[Column], widths: dict[int, int], spare: int) -> None:
    """Give ``spare`` to the flex columns in proportion, within their limits."""
    open_ = [index for index in sorted(widths) if columns[index].flex > 0]
    while spare > 0 and open_:
        total = sum(columns[index].flex for index in open_)
        before = spare
        for index in list(open_):
            limit = columns[index].max_width
            share = max(1, before * columns[index].flex // total)
            share = min(share, spare, share if limit is None else limit - widths[index])
            widths[index] += max(0, share)
            spare -= max(0, share)
            if limit is not None and widths[index] >= limit:
                open_.remove(index)
        if spare == before:
            return


class SteadyWidths:
    """Wanted widths over time: they grow at once and shrink late.

    A width shrinks only after ``patience`` looks in a row that all wanted less, and
    then to the widest of those, so a table does not breathe with every refresh.
    """

    def __init__(self, patience: int = 30) -> None:
        self._patience = patience
        self._held: list[int] = []
        self._less: list[int] = []
        self._peak: list[int] = []

    def reset(self) -> None:
        """Forget everything: other columns, or other contents altogether."""
        self._held = []

    def update(self, wanted: Sequence[int], *, tick: bool = True) -> tuple[int, ...]:
        """The widths to use now. ``tick=False`` only grows: scrolling is not time passing."""
        if len(self._held) != len(wanted):
            self._held = list(wanted)
            self._less = [0] * len(wanted)
            self._peak = [0] * len(wanted)
            return tuple(wanted)
        for index, width in enumerate(wanted):
            if width >= self._held[index]:
                self._held[index] = width
                self._less[index] = self._peak[index] = 0
            elif tick:
                self._less[index] += 1
                self._peak[index] = max(self._peak[index], width)
                if self._less[index] >= self._patience:
                    self._held[index] = self._peak[index]
                    self._less[index] = self._peak[index] = 0
        return tuple(self._held)
