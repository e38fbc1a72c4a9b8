"""Which cells changed and still flash."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from .row import Row
from .widths import Column


class News:
    """Changed cells in two generations, so that one timer gives each its own turn."""

    def __init__(self) -> None:
        self._fading: set[tuple[Hashable, int]] = set()
        self._fresh: set[tuple[Hashable, int]] = set()

    def note(self, before: Mapping[Hashable, Row], after: Iterable[Row], columns: Sequence[Column]) -> bool:
        """Remember changed cells of rows that were there before; True when a turn is due.

        Rows that are not fresh are no news, nor are columns that do not flash.
        """
        for row in after:
            old = before.get(row.key)
            if old is None or old.cells == row.cells or row.dim or old.dim:
                continue
            pairs = enumerate(zip(old.cells, row.cells, strict=False))
            self._fresh |= {(row.key, i) for i, (was, now) in pairs if was != now and columns[i].flash}
        return bool(self._fresh)

    def turn(self) -> bool:
        """End the older generation and begin the next one's turn; False when there is none."""
        self._fading, self._fresh = self._fresh, set()
        return bool(self._fading)

    def of(self, row: Row) -> tuple[int, ...]:
        """The columns of the row that flash now."""
        if not (self._fading or self._fresh):
            return ()
        bright = self._fading | self._fresh
        return tuple(i for i in range(len(row.cells)) if (row.key, i) in bright)
