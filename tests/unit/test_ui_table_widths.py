"""Column widths: fitting, dropping by priority, and holding still."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sactui.ui.table.row import Bar, LazyRows, Row, cell, keys_of
from sactui.ui.table.widths import Column, SteadyWidths, fit, measure

NAME = Column("name", "name", min_width=6, max_width=12, priority=1)
COUNT = Column("count", min_width=3, max_width=8, align="right", priority=3, whole=True)
WHY = Column("why", min_width=10, flex=1, priority=2)


def test_wanted_widths_come_from_content_titles_and_limits() -> None:
    rows = [
        Row(1, (cell("ab"), cell("12345"), cell("x"))),
        Row(2, (cell("a name far too long"), cell("1"), cell("y"))),
    ]
    assert measure((NAME, COUNT, WHY), [row.cells for row in rows]) == [12, 5, 10]


def test_wide_characters_count_as_two_cells() -> None:
    assert measure((NAME,), [(cell("翻訳翻訳"),)]) == [8]


def test_a_bar_wants_all_its_column_may_have() -> None:
    assert measure((Column("bar", min_width=4, max_width=20),), [(Bar(0.5, "bar-calm"),)]) == [20]


def test_a_collapsing_column_goes_away_while_all_is_empty() -> None:
    column = Column("host", "host", min_width=5, collapse=True)
    assert measure((column,), [((),)]) == [0]
    assert measure((column,), [(cell("x"),)]) == [5]


def test_flex_takes_what_is_left() -> None:
    assert fit((NAME, COUNT, WHY), (8, 4, 10), 40) == (8, 4, 24)


def test_flex_stops_at_its_limit() -> None:
    limited = Column("why", min_width=10, max_width=15, flex=1)
    assert fit((NAME, limited), (8, 10), 60) == (8, 15)


def test_two_flex_columns_share_in_proportion() -> None:
    one, two = Column("a", min_width=2, flex=1), Column("b", min_width=2, flex=2)
    assert fit((one, two), (2, 2), 32) == (2 + 9, 2 + 17)


def test_the_least_important_is_dropped_first_and_numbers_are_never_cut() -> None:
    columns = (NAME, COUNT, WHY)
    assert fit(columns, (12, 8, 30), 28) == (6, 8, 10)
    assert fit(columns, (12, 8, 30), 27) == (12, 0, 13)
    assert fit(columns, (12, 8, 30), 9) == (9, 0, 0)


def test_even_the_last_column_gives_way() -> None:
    assert fit((NAME,), (12,), 3) == (3,)
    assert fit((NAME,), (12,), 0) == (0,)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 20), st.integers(0, 30), st.integers(0, 2), st.integers(0, 3), st.booleans()
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 120),
)
def test_the_line_never_becomes_wider_than_the_room(
    shapes: list[tuple[int, int, int, int, bool]], room: int
) -> None:
    columns = [
        Column(str(i), min_width=least, flex=flex, priority=i, gap=gap, whole=whole)
        for i, (least, _, flex, gap, whole) in enumerate(shapes)
    ]
    wanted = [least + more for least, more, *_ in shapes]
    widths = fit(columns, wanted, room)
    shown = [i for i, width in enumerate(widths) if width]
    assert shown
    assert sum(widths) + sum(columns[i].gap for i in shown[1:]) <= room


def test_widths_grow_at_once_and_shrink_late() -> None:
    steady = SteadyWidths(patience=3)
    assert steady.update([5]) == (5,)
    assert steady.update([9]) == (9,)
    assert [steady.update([width])[0] for width in (4, 6, 5)] == [9, 9, 6]


def test_a_wide_look_starts_the_patience_again() -> None:
    steady = SteadyWidths(patience=2)
    assert [steady.update([width])[0] for width in (9, 4, 9, 4, 4)] == [9, 9, 9, 9, 4]


def test_scrolling_never_shrinks() -> None:
    steady = SteadyWidths(patience=1)
    steady.update([9])
    assert steady.update([2], tick=False) == (9,)


def test_lazy_rows_build_only_what_is_looked_at_and_once() -> None:
    built: list[int] = []

    def build(item: int) -> Row:
        built.append(item)
        return Row(item, (cell(str(item)),))

    rows = LazyRows(range(1000), lambda item: item, build)
    assert keys_of(rows) == list(range(1000))
    assert built == []
    assert [row.key for row in rows[10:12]] == [10, 11]
    assert rows[10] is rows[10]
    assert rows[-1].key == 999
    assert built == [10, 11, 999]


def test_a_bar_is_only_empty_for_nothing_and_full_for_all() -> None:
    assert Bar(0.0, "x").filled(10) == 0
    assert Bar(0.001, "x").filled(10) == 1
    assert Bar(0.999, "x").filled(10) == 9
    assert Bar(1.0, "x").filled(10) == 10
    assert Bar(7.0, "x").filled(10) == 10
