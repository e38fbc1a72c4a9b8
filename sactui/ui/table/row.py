"""A table's rows: cells of styled text, found again by key."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeAlias, TypeVar, overload

from rich.cells import cell_len

#: Text and the name of its style. The text is drawn as it is: no markup, no control bytes.
Span: TypeAlias = tuple[str, str]

_STEPS = 240


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as wide as its column: ``fraction`` (0..1) of it in the style, the rest faint.

    Anything above nothing draws at least one cell; only all of it draws all of them.
    The fraction is kept in steps finer than any column: what cannot be seen is no change.
    """

    fraction: float
    style: str

    def __post_init__(self) -> None:
        share = min(1.0, max(0.0, self.fraction))
        if share not in (0.0, 1.0):
            share = min(max(round(share * _STEPS), 1), _STEPS - 1) / _STEPS
        object.__setattr__(self, "fraction", share)

    def filled(self, width: int) -> int:
        """How many of ``width`` cells are filled."""
        share = self.fraction
        if share in (0.0, 1.0):
            return round(share * width)
        return min(max(width - 1, 1), max(1, round(share * width)))


#: Styled text, or a bar. An empty cell lends its room to the text left of it.
Cell: TypeAlias = "tuple[Span, ...] | Bar"

EMPTY: tuple[Span, ...] = ()


def cell(text: str, style: str = "text") -> tuple[Span, ...]:
    """A cell of one style; no text makes the empty cell."""
    return ((text, style),) if text else EMPTY


def text_of(value: Cell) -> str:
    """The words of a cell; a bar has none."""
    return "" if isinstance(value, Bar) else "".join(span[0] for span in value)


def width_of(text: str) -> int:
    """How many terminal cells a text takes (a CJK character takes two)."""
    return len(text) if text.isascii() else cell_len(text)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. ``dim`` draws all of it without colour, for what is not fresh."""

    key: Hashable
    cells: tuple[Cell, ...]
    dim: bool = False


T = TypeVar("T")


class LazyRows(Sequence[Row], Generic[T]):
    """Rows that are built when they are looked at, once each.

    A screen shows some fifty of ten thousand jobs: all keys are taken at once, so
    that the cursor can be found again, and everything else waits until it is visible.
    """

    def __init__(
        self,
        items: Sequence[T],
        key: Callable[[T], Hashable],
        build: Callable[[T], Row],
        keys: list[Hashable] | None = None,
    ) -> None:
        self.items = items
        self.key = key
        self.build = build
        self._keys = keys
        self._built: dict[int, Row] = {}

    @property
    def keys(self) -> list[Hashable]:
        """The keys of all rows, taken when they are first asked for."""
        if self._keys is None:
            self._keys = list(map(self.key, self.items))
        return self._keys

    @keys.setter
    def keys(self, keys: list[Hashable]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self.items)))]
        at = index + len(self.items) if index < 0 else index
        row = self._built.get(at)
        if row is None:
            row = self._built[at] = self.build(self.items[at])
        return row

    def __iter__(self) -> Iterator[Row]:
        return (self[i] for i in range(len(self.items)))


_KEY = attrgetter("key")


def keys_of(rows: Sequence[Row]) -> list[Hashable]:
    """The keys of all rows, without building rows that wait."""
    return rows.keys if isinstance(rows, LazyRows) else list(map(_KEY, rows))
