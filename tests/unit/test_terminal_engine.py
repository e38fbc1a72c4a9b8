from __future__ import annotations

import base64
import gc
import weakref
from pathlib import Path

import pytest

from sactui import clock
from sactui.errors import SactuiError
from sactui.terminal import engine as module
from sactui.terminal.engine import MAX_COLUMNS, MAX_REPLIES, MAX_ROWS, Engine
from sactui.terminal.screen import PLAIN, CursorShape, Mouse, Run, Style


def fed(data: str | bytes, columns: int = 40, rows: int = 5) -> Engine:
    engine = Engine(columns, rows)
    engine.feed(data.encode() if isinstance(data, str) else data)
    return engine


def test_text_and_only_dirty_rows() -> None:
    engine = fed("one\r\ntwo")
    assert [y for y, _ in engine.rows()] == [0, 1, 2, 3, 4]
    assert engine.rows() == []
    engine.feed(b"\x1b[4;1Hfour")
    changed = dict(engine.rows())
    assert 3 in changed
    assert 0 not in changed
    assert engine.text() == ["one", "two", "", "four", ""]


def test_reading_the_whole_screen_leaves_rows_dirty() -> None:
    engine = fed("x")
    engine.rows()
    engine.feed(b"y")
    engine.screen()
    assert [y for y, _ in engine.rows()] == [0]


@pytest.mark.parametrize(
    ("sgr", "style"),
    [
        ("1", Style(bold=True)),
        ("2", Style(dim=True)),
        ("3", Style(italic=True)),
        ("4", Style(underline=1)),
        ("21", Style(underline=2)),
        ("4:3", Style(underline=3)),
        ("5", Style(blink=True)),
        ("7", Style(reverse=True)),
        ("8", Style(invisible=True)),
        ("9", Style(strike=True)),
        ("53", Style(overline=True)),
        ("31", Style(foreground=1)),
        ("97", Style(foreground=15)),
        ("38;5;200", Style(foreground=200)),
        ("38;2;1;2;3", Style(foreground=(1, 2, 3))),
        ("38:2::1:2:3", Style(foreground=(1, 2, 3))),
        ("48;5;17", Style(background=17)),
        ("48;2;9;8;7", Style(background=(9, 8, 7))),
        ("4;58;5;9", Style(underline=1, underline_colour=9)),
        ("1;31;44", Style(bold=True, foreground=1, background=4)),
    ],
)
def test_styles(sgr: str, style: Style) -> None:
    row = fed(f"a\x1b[{sgr}mbc\x1b[0md").screen()[0]
    assert row[:3] == [Run("a", PLAIN, 1), Run("bc", style, 2), Run("d" + " " * 36, PLAIN, 37)]


def test_erased_cells_keep_their_background() -> None:
    engine = fed("\x1b[44mx\x1b[K\r\n\x1b[48;2;1;2;3m\x1b[K", columns=6)
    first, second = engine.screen()[:2]
    assert first == [Run("x", Style(background=4), 1), Run("     ", Style(background=4), 5)]
    assert second == [Run("      ", Style(background=(1, 2, 3)), 6)]


def test_wide_characters_and_clusters() -> None:
    row = fed("a中文b e\u0301 \U0001f468\u200d\U0001f469 z", columns=20).screen()[0]
    assert row[:4] == [
        Run("a", PLAIN, 1),
        Run("中文", PLAIN, 4),
        Run("b ", PLAIN, 2),
        Run("e\u0301", PLAIN, 1),
    ]
    assert Run("\U0001f468\u200d", PLAIN, 2) in row
    assert sum(run.columns for run in row) == 20


def test_one_character_with_endless_marks_is_cut() -> None:
    row = fed("e" + "\u0301" * 5000).screen()[0]
    assert row[0].columns == 1
    assert len(row[0].text) <= 16


def test_half_a_wide_character_becomes_a_blank() -> None:
    for engine in (
        fed("中", columns=1, rows=2),
        fed("中\x1b[1;1HX", columns=4),
        fed("中\x1b[1;2HX", columns=4),
    ):
        for row in engine.screen():
            assert sum(run.columns for run in row) == engine.columns


def test_no_character_that_acts_on_the_outer_terminal_gets_through() -> None:
    engine = fed("a\x7fb\u202ec\u009bd\u200be\u2066f\u2028g\xadh")
    text = "".join(engine.text())
    assert all(character.isprintable() or character == "\ufffd" for character in text)
    assert not set(text) & {"\u202e", "\u009b", "\u200b", "\u2066", "\u2028", "\xad", "\x7f"}


def test_style_ids_of_different_pages_of_memory() -> None:
    # With scrollback the screen soon lies on two pages, where one id means two styles.
    engine = Engine(200, 100, scrollback=5000)
    straddled = False
    for step in range(12):
        lines = range(step * 50, step * 50 + 50)
        engine.feed(b"".join(b"\x1b[38;2;%d;%d;7mline %d\x1b[0m\r\n" % (n % 256, n // 256, n) for n in lines))
        for row in engine.screen():
            if row[0].text.startswith("line "):
                number = int(row[0].text[5:])
                assert row[0].style.foreground == (number % 256, number // 256, 7)
        straddled |= engine._page(0) != engine._page(99)
    assert straddled


def test_the_cursor() -> None:
    engine = fed("ab\x1b[3 q")
    engine.rows()
    assert (engine.cursor.x, engine.cursor.y, engine.cursor.visible) == (2, 0, True)
    assert engine.cursor.shape is CursorShape.UNDERLINE
    engine.feed(b"\x1b[?25l\x1b[6 q\x1b[3;5H")
    engine.rows()
    assert (engine.cursor.x, engine.cursor.y, engine.cursor.visible) == (4, 2, False)
    assert engine.cursor.shape is CursorShape.BAR


def test_modes() -> None:
    engine = fed("")
    assert engine.modes.mouse is Mouse.NONE
    engine.feed(b"\x1b[?1049h\x1b[?1h\x1b[?2004h\x1b[?1004h\x1b[?1002h\x1b[?1006h\x1b[?2026h")
    modes = engine.modes
    assert modes.alternate_screen
    assert modes.application_cursor
    assert modes.bracketed_paste
    assert modes.focus_events
    assert modes.mouse_sgr
    assert modes.synchronised
    assert modes.mouse is Mouse.DRAGS
    engine.feed(b"\x1b[?1002l\x1b[?1003h\x1b[?1049l")
    assert engine.modes.mouse is Mouse.MOTION
    assert not engine.modes.alternate_screen


def test_the_other_screen_comes_back() -> None:
    engine = fed("shell")
    engine.feed(b"\x1b[?1049h\x1b[Hvim")
    assert engine.text()[0] == "vim"
    engine.feed(b"\x1b[?1049l")
    assert engine.text()[0] == "shell"


def test_a_frame_is_shown_when_it_is_complete() -> None:
    with clock.frozen(1000.0):
        engine = fed("old")
        engine.rows()
        engine.feed(b"\x1b[?2026h\x1b[Hne")
        assert engine.held
        assert engine.rows() == []
        assert engine.text()[0] == "old"
        engine.feed(b"w\x1b[?2026l")
        assert not engine.held
        assert engine.rows()[0][1][0].text.startswith("new")


def test_what_was_drawn_before_the_frame_is_shown_at_once() -> None:
    with clock.frozen(1000.0):
        engine = fed("")
        engine.rows()
        engine.feed(b"before\x1b[?2026h\x1b[Hhidden")
        assert engine.rows()[0][1][0].text.startswith("before")


def test_a_frame_without_end_is_shown_after_a_second() -> None:
    with clock.frozen(1000.0):
        engine = fed("\x1b[?2026hstuck")
        assert engine.text()[0] == ""
    with clock.frozen(1000.0 + module.HOLD_SECONDS):
        assert not engine.held
        assert engine.text()[0] == "stuck"


def test_replies_are_given_once() -> None:
    engine = fed("\x1b[6n\x1b[c\x1b[>c")
    assert engine.replies() == b"\x1b[1;1R\x1b[?62;22c\x1b[>1;0;0c"
    assert engine.replies() == b""


def test_the_plain_keyboard_is_the_only_one_offered() -> None:
    engine = fed("\x1b[>1u\x1b[?u")
    assert engine.replies() == b""


def test_endless_questions_fill_no_memory() -> None:
    engine = fed(b"\x1b[6n" * 50_000)
    assert 0 < len(engine.replies()) <= MAX_REPLIES


def test_nothing_acts_on_the_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 3)
    where = base64.b64encode(str(secret).encode()).decode()
    engine = fed(
        "\x1b]52;c;aGFjaw==\x07\x1b]52;c;?\x07\x1b]9;note\x07\x1b]777;notify;a;b\x07\x1b]0;cmd\x07\x1b[21t"
        f"\x1b_Ga=T,f=24,s=1,v=1,t=f;{where}\x1b\\\x1b_Ga=T,f=24,s=1,v=1,t=t;{where}\x1b\\"
        "\x1b]1337;Copy=;aGFjaw==\x07\x05\x1b]8;;file:///etc/passwd\x07link\x1b]8;;\x07"
    )
    assert b"cmd" not in engine.replies()
    assert secret.exists()
    assert engine.text()[0] == "link"


def test_the_title_is_kept_for_who_asks_and_is_harmless() -> None:
    engine = fed("\x1b]2;a\u202eb\u009bc" + "d" * 500 + "\x07")
    assert engine.title.startswith("abcd")
    assert len(engine.title) <= 200
    assert fed("").title == ""


def test_resizing_brings_all_rows_again() -> None:
    engine = fed("hello world", columns=20)
    engine.rows()
    engine.resize(30, 3)
    rows = engine.rows()
    assert [y for y, _ in rows] == [0, 1, 2]
    assert all(sum(run.columns for run in runs) == 30 for _, runs in rows)
    assert (engine.columns, engine.lines) == (30, 3)


def test_absurd_sizes_are_brought_into_bounds() -> None:
    engine = Engine(0, -5)
    assert (engine.columns, engine.lines) == (1, 1)
    engine.resize(10**6, 10**6)
    assert (engine.columns, engine.lines) == (MAX_COLUMNS, MAX_ROWS)


def test_a_program_cannot_change_the_size() -> None:
    engine = fed("\x1b[?40h\x1b[?3hx")
    assert all(sum(run.columns for run in row) == 40 for row in engine.screen())


def test_a_closed_engine_says_so() -> None:
    engine = fed("x")
    engine.close()
    engine.close()
    with pytest.raises(SactuiError, match="closed"):
        engine.feed(b"y")
    with pytest.raises(SactuiError, match="closed"):
        engine.rows()


def test_an_engine_that_nobody_holds_is_freed_without_the_cycle_collector() -> None:
    gc.disable()
    try:
        engine = fed("x\x1b[c\x1b[?2026h")
        finalizer = engine._free
        gone = weakref.ref(engine)
        del engine
        assert gone() is None
        assert not finalizer.alive
    finally:
        gc.enable()
