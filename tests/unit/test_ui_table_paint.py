"""A row's segments: cut by cells, never wrapped, never able to move the cursor."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style

from sactui.ui.table import paint
from sactui.ui.table.row import Bar, Cell, Span, cell
from sactui.ui.table.widths import Column

LEFT = Column("a", min_width=1)
RIGHT = Column("b", min_width=1, align="right")


def text(cells: tuple[Cell, ...], columns: tuple[Column, ...], widths: tuple[int, ...]) -> str:
    segments = paint.row(cells, columns, widths, lambda name, background: Style(), paint.UNICODE)
    return "".join(segment.text for segment in segments)


def test_left_right_and_the_gap_between() -> None:
    assert text((cell("ab"), cell("7")), (LEFT, RIGHT), (4, 3)) == "ab      7"


def test_text_is_cut_with_an_ellipsis() -> None:
    assert text((cell("abcdef"),), (LEFT,), (4,)) == "abc…"


def test_wide_characters_are_cut_by_cells() -> None:
    for room in range(1, 9):
        drawn = text((cell("翻訳a翻訳"),), (LEFT,), (room,))
        assert cell_len(drawn) == room
    assert text((cell("翻訳翻訳"),), (LEFT,), (4,)) == "翻… "


def test_spans_are_cut_as_one_text() -> None:
    spans: list[Span] = [("ab", "x"), ("cd", "y"), ("ef", "z")]
    assert paint.cropped(spans, 4, "…") == ([("ab", "x"), ("c", "y"), ("…", "y")], 4)
    assert paint.cropped(spans, 6, "…") == (spans, 6)
    assert paint.cropped(spans, 0, "…")[1] == 0


def test_long_text_runs_on_over_empty_cells() -> None:
    columns = (LEFT, LEFT, LEFT)
    assert text((cell("starts soon"), (), cell("x")), columns, (6, 5, 1)) == "starts soon    x"
    assert text((cell("starts soon"), cell("y"), cell("x")), columns, (6, 5, 1)) == "start…  y      x"


def test_a_dropped_column_takes_its_gap_with_it() -> None:
    assert text((cell("a"), cell("b"), cell("c")), (LEFT, LEFT, LEFT), (1, 0, 1)) == "a  c"


def test_a_bar_fills_its_column() -> None:
    assert text((Bar(0.5, "bar-calm"),), (LEFT,), (8,)) == "████░░░░"


def test_control_bytes_become_visible_and_stay_within_the_column() -> None:
    drawn = text((cell("a\x1b[31m\nb"),), (LEFT,), (12,))
    assert drawn.isprintable()
    assert "\\e[31m" in drawn
    assert cell_len(drawn) == 12


def test_markup_is_only_text() -> None:
    assert text((cell("[red]x[/]"),), (LEFT,), (9,)) == "[red]x[/]"


def test_the_heading_hides_column_titles_under_the_table_name() -> None:
    columns = (Column("a", "hidden"), Column("b", "cpus", align="right"))
    segments = paint.heading(
        "RESERVATIONS", "strong", (), columns, (10, 8), lambda *_: Style(), paint.UNICODE, 40
    )
    assert "".join(segment.text for segment in segments) == "RESERVATIONS    cpus"
