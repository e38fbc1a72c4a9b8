from __future__ import annotations

import pytest

from sactui.terminal.engine import Engine
from sactui.terminal.keys import Action, Button, Encoder, character_of, chord


@pytest.fixture
def engine() -> Engine:
    return Engine(80, 24)


@pytest.fixture
def encoder(engine: Engine) -> Encoder:
    return Encoder(engine)


@pytest.mark.parametrize(
    ("name", "character", "data"),
    [
        ("a", "a", b"a"),
        ("A", "A", b"A"),
        ("full_stop", ".", b"."),
        ("space", " ", b" "),
        ("é", "é", "é".encode()),
        ("中", "中", "中".encode()),
        ("enter", "\r", b"\r"),
        ("tab", "\t", b"\t"),
        ("shift+tab", None, b"\x1b[Z"),
        ("escape", "\x1b", b"\x1b"),
        ("backspace", "\x7f", b"\x7f"),
        ("alt+backspace", None, b"\x1b\x7f"),
        ("delete", None, b"\x1b[3~"),
        ("insert", None, b"\x1b[2~"),
        ("up", None, b"\x1b[A"),
        ("ctrl+up", None, b"\x1b[1;5A"),
        ("shift+left", None, b"\x1b[1;2D"),
        ("ctrl+shift+left", None, b"\x1b[1;6D"),
        ("home", None, b"\x1b[H"),
        ("pagedown", None, b"\x1b[6~"),
        ("f1", None, b"\x1bOP"),
        ("f5", None, b"\x1b[15~"),
        ("shift+f5", None, b"\x1b[15;2~"),
        ("f12", None, b"\x1b[24~"),
        ("ctrl+a", "\x01", b"\x01"),
        ("ctrl+a", None, b"\x01"),
        ("ctrl+c", "\x03", b"\x03"),
        ("ctrl+i", None, b"\t"),
        ("ctrl+m", None, b"\r"),
        ("ctrl+j", "\n", b"\n"),
        ("ctrl+z", "\x1a", b"\x1a"),
        ("ctrl+at", None, b"\x00"),
        ("ctrl+@", "\x00", b"\x00"),
        ("ctrl+space", None, b"\x00"),
        ("ctrl+backslash", "\x1c", b"\x1c"),
        ("ctrl+right_square_bracket", "\x1d", b"\x1d"),
        ("ctrl+circumflex_accent", "\x1e", b"\x1e"),
        ("ctrl+underscore", "\x1f", b"\x1f"),
        ("ctrl+shift+a", None, b"\x01"),
        ("ctrl+alt+a", None, b"\x1b\x01"),
        ("alt+a", "a", b"\x1ba"),
        ("alt+shift+a", "A", b"\x1bA"),
        ("alt+full_stop", None, b"\x1b."),
        ("alt+enter", None, b"\x1b\r"),
        ("shift+enter", None, b"\x1b\r"),
        ("ctrl+enter", None, b"\x1b\r"),
        ("ctrl+full_stop", None, b"."),
        ("nonsense_key", None, b""),
        ("ctrl+nonsense_key", None, b""),
    ],
)
def test_keys(encoder: Encoder, name: str, character: str | None, data: bytes) -> None:
    assert encoder.key(name, character) == data


def test_application_cursor_keys(engine: Engine, encoder: Encoder) -> None:
    engine.feed(b"\x1b[?1h")
    assert encoder.key("up") == b"\x1bOA"
    assert encoder.key("home") == b"\x1bOH"
    engine.feed(b"\x1b[?1l")
    assert encoder.key("up") == b"\x1b[A"


def test_a_program_that_asks_for_modified_keys_gets_them(engine: Engine, encoder: Encoder) -> None:
    engine.feed(b"\x1b[>4;2m")
    assert encoder.key("shift+enter") == b"\x1b[27;2;13~"
    assert encoder.key("ctrl+a") == b"\x1b[27;5;97~"
    assert encoder.key("a", "a") == b"a"


def test_the_kitty_protocol_is_not_spoken(engine: Engine, encoder: Encoder) -> None:
    engine.feed(b"\x1b[>31u")
    assert encoder.key("escape", "\x1b") == b"\x1b"
    assert encoder.key("ctrl+a") == b"\x01"


def test_a_paste_cannot_end_its_own_mark(engine: Engine, encoder: Encoder) -> None:
    assert encoder.paste("a\nb") == b"a\rb"
    engine.feed(b"\x1b[?2004h")
    assert encoder.paste("a\nb\x1b[201~rm") == b"\x1b[200~a\nb [201~rm\x1b[201~"
    assert encoder.paste("") == b""
    assert encoder.paste("é" * 100_000).count("é".encode()) == 100_000


def test_focus_is_reported_when_asked(engine: Engine, encoder: Encoder) -> None:
    assert encoder.focus(True) == b""
    engine.feed(b"\x1b[?1004h")
    assert encoder.focus(True) == b"\x1b[I"
    assert encoder.focus(False) == b"\x1b[O"


def test_the_mouse_is_silent_until_asked(engine: Engine, encoder: Encoder) -> None:
    assert encoder.mouse(Action.PRESS, Button.LEFT, 3, 4) == b""
    engine.feed(b"\x1b[?1002h\x1b[?1006h")
    assert encoder.mouse(Action.PRESS, Button.LEFT, 3, 4) == b"\x1b[<0;4;5M"
    assert encoder.mouse(Action.MOVE, Button.LEFT, 5, 4) == b"\x1b[<32;6;5M"
    assert encoder.mouse(Action.RELEASE, Button.LEFT, 5, 4) == b"\x1b[<0;6;5m"
    assert encoder.mouse(Action.MOVE, Button.NONE, 6, 4) == b""
    assert encoder.mouse(Action.PRESS, Button.MIDDLE, 0, 0) == b"\x1b[<1;1;1M"
    assert encoder.mouse(Action.PRESS, Button.RIGHT, 79, 23) == b"\x1b[<2;80;24M"
    assert encoder.mouse(Action.PRESS, Button.WHEEL_UP, 0, 0) == b"\x1b[<64;1;1M"
    assert encoder.mouse(Action.PRESS, Button.WHEEL_DOWN, 0, 0, ctrl=True, alt=True) == b"\x1b[<89;1;1M"


def test_chords_as_people_write_them() -> None:
    assert chord("ctrl+]") == "ctrl+right_square_bracket"
    assert chord("ctrl+\\") == "ctrl+backslash"
    assert chord("ctrl++") == "ctrl+plus"
    assert chord("f12") == "f12"
    assert chord("ctrl+a") == "ctrl+a"


@pytest.mark.parametrize("character", [chr(code) for code in range(0x21, 0x7F)])
def test_names_lead_back_to_their_characters(character: str) -> None:
    assert character_of(chord(character)) == character
