from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sactui.terminal.screen import PLAIN, Run, Style
from sactui.terminal.snapshot import styled


def plain(rows: list[list[Run]]) -> list[str]:
    return ["".join(run.text for run in row).rstrip() for row in rows]


def test_a_captured_screen() -> None:
    rows = styled("\x1b[1;32m❯\x1b[0m go\n\x1b[38;2;1;2;3mrgb\x1b[39m\n", 10, 3)
    assert rows[0][:2] == [Run("❯", Style(bold=True, foreground=2), 1), Run(" go" + " " * 6, PLAIN, 9)]
    assert rows[1][0] == Run("rgb", Style(foreground=(1, 2, 3)), 3)
    assert plain(rows) == ["❯ go", "rgb", ""]


def test_styles_go_on_over_lines_as_tmux_writes_them() -> None:
    rows = styled("\x1b[31mred\nstill\x1b[0m", 10, 2)
    assert [row[0].style.foreground for row in rows] == [1, 1]


def test_the_last_rows_of_a_longer_screen() -> None:
    assert plain(styled("1\n2\n3\n4\n", 5, 2)) == ["3", "4"]
    assert plain(styled("", 5, 2)) == ["", ""]


def test_long_lines_are_cut_and_do_not_push_others_away() -> None:
    rows = styled("abcdefgh\n中中中\n\x1b[31mab\x1b[32mcd\x1b[33mef\nx", 5, 4)
    assert plain(rows) == ["abcde", "中中", "abcde", "x"]
    assert [run.style.foreground for run in rows[2]] == [1, 2, 3]
    assert all(sum(run.columns for run in row) == 5 for row in rows)


def test_a_cluster_at_the_edge_is_not_cut_in_half() -> None:
    rows = styled("abcd\U0001f468\u200d\U0001f469", 5, 1)
    assert plain(rows) == ["abcd"]
    assert sum(run.columns for run in rows[0]) == 5


def test_only_colours_take_effect() -> None:
    hostile = (
        "a\x1b[2Jb\x1b[1;1Hc\x1b]0;t\x07d\x1b]52;c;eA==\x1b\\e\x1bcf\x1b[?1049hg\x9bh\rI\x08j\x1bP1$x\x1b\\k"
    )
    assert plain(styled(hostile + "\n\x1b[31", 40, 2)) == ["abcdefghIjk", ""]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.integers(-2, 40), st.integers(-2, 10))
def test_any_text(text: str, columns: int, rows: int) -> None:
    found = styled(text, columns, rows)
    assert len(found) == max(1, rows)
    assert all(sum(run.columns for run in row) == max(1, columns) for row in found)
