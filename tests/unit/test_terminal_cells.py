from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sactui.terminal import cells
from sactui.terminal.cells import Layout, Row, unpacked
from sactui.terminal.engine import Engine
from sactui.terminal.keys import Encoder
from sactui.terminal.library import load

PIECES = st.sampled_from(
    [
        *(
            b"\x1b[",
            b"\x1b]",
            b"\x1bP",
            b"\x1b_",
            b"\x1b\\",
            b"\x07",
            b";",
            b"?",
            b"m",
            b"H",
            b"J",
            b"K",
            b"b",
        ),
        *(
            b"L",
            b"M",
            b"@",
            b"P",
            b"S",
            b"T",
            b"r",
            b"\x1bM",
            b"\x1bc",
            b"\x1b#8",
            b"\x1b(0",
            b"\x1b7",
            b"\x1b8",
        ),
        *(
            b"\x1b[?1049h",
            b"\x1b[?1049l",
            b"\x1b[?2026h",
            b"\x1b[?2026l",
            b"\x1b[?69h",
            b"\x1b[2;5s",
            b"\x1b[?7l",
            b"\x1b[?40h\x1b[?3h",
        ),
        *(b"\x1b[38;2;1;2;3m", b"\x1b[48;5;200m", b"\x1b[44m\x1b[K", b"\x1b[48;2;9;9;9m\x1b[2K", b"\x1b[0m"),
        *(
            s.encode()
            for s in ("中", "\U0001f600", "e\u0301", "\U0001f468\u200d\U0001f469", "❤\ufe0f", "\u202e")
        ),
        *(b"\r", b"\n", b"\x08", b"\t", b"\xff", b"\xf0\x9f", b"0", b"7", b"99999", b"hello", b"\x1b[6n"),
    ]
)
BYTES = st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=40).map(b"".join)
STEPS = st.lists(
    st.tuples(BYTES, st.integers(-1, 50), st.integers(-1, 20), st.booleans()), min_size=1, max_size=6
)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), STEPS)
def test_any_bytes_and_sizes(columns: int, rows: int, steps: list[tuple[bytes, int, int, bool]]) -> None:
    """Nothing crashes, rows are as wide as the screen, and our reading is the library's own."""
    engine = Engine(columns, rows)
    encoder = Encoder(engine)
    official = Row(engine.library, engine._iterator, official=True)
    try:
        assert engine._row.packed
        for data, width, height, resize in steps:
            engine.feed(data)
            if resize:
                engine.resize(width, height)
            engine.rows()
            if engine.held:
                engine.feed(b"\x1b\\\x1b[?2026l")
            screen = engine.screen()
            assert len(screen) == engine.lines
            for row in screen:
                assert sum(run.columns for run in row) == engine.columns
                for run in row:
                    assert run.text
                    assert not any(
                        ord(character) < 32 or 127 <= ord(character) < 160 for character in run.text
                    )
            packed, engine._row = engine._row, official
            assert engine.screen() == screen
            engine._row = packed
            assert engine.cursor.x < engine.columns
            assert engine.cursor.y < engine.lines
            assert encoder.key("up")
            assert isinstance(engine.title + repr(engine.modes), str)
            engine.replies()
    finally:
        official.free()
        encoder.close()
        engine.close()


def test_the_layout_comes_from_the_library_and_is_believed() -> None:
    layout = Layout.of(load())
    assert layout is not None
    assert unpacked(layout, ord("x") << layout.content | 7 << layout.style) == (cells.TEXT, ord("x"), 7, 0)


@pytest.mark.parametrize(
    "wrong", [Layout(tag=0, content=2, style=27, wide=42), Layout(0, 3, 26, 42), Layout(0, 2, 26, 43)]
)
def test_a_wrong_layout_is_found_out(wrong: Layout) -> None:
    assert cells._agrees(load(), wrong) is False


def test_an_engine_without_a_known_layout_reads_through_the_getter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_checked", {})
    monkeypatch.setattr(Layout, "of", classmethod(lambda cls, library: Layout(0, 3, 26, 42)))
    engine = Engine(12, 2)
    assert not engine._row.packed
    engine.feed("\x1b[31mred\x1b[0m 中 e\u0301".encode())
    assert [(run.text, run.style.foreground, run.columns) for run in engine.screen()[0]][:4] == [
        ("red", 1, 3),
        (" ", None, 1),
        ("中", None, 2),
        (" ", None, 1),
    ]


def test_a_manifest_of_another_form_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    library = load()
    for text in (b"{}", b"no json", b'{"types": {"GhosttyCell": {"bits": {}}}}'):
        data = library.ffi.new("char[]", text)

        class Other:
            ffi = library.ffi

            class lib:  # noqa: N801 - stands in for the C library
                ghostty_type_json = staticmethod(lambda data=data: data)

        assert Layout.of(Other) is None  # type: ignore[arg-type]


def test_a_program_of_many_colours_fills_no_memory() -> None:
    engine = Engine(100, 20)
    for shade in range(6):
        engine.feed(
            b"\x1b[H" + b"".join(b"\x1b[38;2;%d;%d;%dmx" % (shade, n % 256, n // 256) for n in range(1900))
        )
        engine.rows()
    assert len(engine._row._styles) <= 4097
