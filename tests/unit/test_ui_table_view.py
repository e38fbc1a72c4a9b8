"""A view: columns in a wanted order, also when the program has other columns by now."""

from __future__ import annotations

import pytest

from sactui.domain.shape import Shape
from sactui.ui.table.editing import Line
from sactui.ui.table.view import View
from sactui.ui.table.widths import Column

COLUMNS = tuple(Column(key) for key in ("id", "glyph", "state", "cpus", "why"))


def keys(shape: Shape) -> list[str]:
    view = View(COLUMNS)
    view.wear(shape)
    return [column.key for column in view.columns]


@pytest.mark.parametrize(
    ("columns", "hidden", "shown"),
    [
        ((), (), ["id", "glyph", "state", "cpus", "why"]),
        (("why", "cpus", "state", "id"), (), ["why", "cpus", "glyph", "state", "id"]),
        ((), ("cpus",), ["id", "glyph", "state", "why"]),
        (("why", "gone", "id"), (), ["why", "id", "glyph", "state", "cpus"]),
        (("cpus", "id"), (), ["cpus", "why", "id", "glyph", "state"]),
        ((), ("id", "state", "cpus", "why"), ["id", "glyph", "state", "cpus", "why"]),
        ((), ("glyph", "nonsense"), ["id", "glyph", "state", "cpus", "why"]),
    ],
)
def test_columns_as_wanted(columns: tuple[str, ...], hidden: tuple[str, ...], shown: list[str]) -> None:
    assert keys(Shape(columns=columns, hidden=hidden)) == shown


def test_a_shape_survives_a_filter_that_is_not_understood_any_more() -> None:
    view = View(COLUMNS)
    view.wear(Shape(filter="gone:x", sort="gone", hidden=("why",)))
    assert view.error is not None
    assert (view.shape.filter, view.shape.sort, view.shape.hidden) == ("", "", ("why",))


@pytest.mark.parametrize(
    ("line", "key", "after"),
    [
        (Line("ab", 2), "backspace", Line("a", 1)),
        (Line("ab", 0), "backspace", Line("ab", 0)),
        (Line("ab", 0), "delete", Line("b", 0)),
        (Line("ab cd ", 6), "ctrl+w", Line("ab ", 3)),
        (Line("ab", 2), "ctrl+w", Line("", 0)),
        (Line("ab", 1), "ctrl+u", Line("b", 0)),
        (Line("ab", 1), "ctrl+k", Line("a", 1)),
        (Line("ab", 1), "home", Line("ab", 0)),
        (Line("ab", 1), "end", Line("ab", 2)),
        (Line("ab", 2), "right", Line("ab", 2)),
        (Line("ab", 1), "f5", None),
    ],
)
def test_editing(line: Line, key: str, after: Line | None) -> None:
    assert line.key(key) == after


def test_pasted_lines_become_one_line() -> None:
    assert Line("a", 1).insert("b\nc\x1b[") == Line("ab c [", 6)
    assert len(Line().insert("x" * 9999).text) == 400
