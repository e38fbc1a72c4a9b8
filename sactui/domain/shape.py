"""How a person wants to see a table: a filter, an order, and which columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """The way a table is looked at; the default is the way it was designed.

    ``sort`` names a field, empty for the table's own order. ``columns`` are the keys of
    all columns in the wanted order, empty for the designed one; ``hidden`` those not shown.
    """

    filter: str = ""
    sort: str = ""
    descending: bool = False
    columns: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def order(self, designed: Sequence[str]) -> list[str]:
        """All keys in the wanted order. A column that is newer than the wish stands where it was designed."""
        if not self.columns:
            return list(designed)
        known = [key for key in self.columns if key in designed]
        for at, key in enumerate(designed):
            if key not in known:
                before = next((k for k in reversed(designed[:at]) if k in known), None)
                known.insert(known.index(before) + 1 if before is not None else 0, key)
        return known
