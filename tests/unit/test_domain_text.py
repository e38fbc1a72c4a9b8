from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.text import decode, encode, visible, visible_lines


@given(st.binary())
def test_decoding_loses_nothing(data: bytes) -> None:
    assert encode(decode(data)) == data


@given(st.text() | st.binary().map(decode))
def test_visible_text_can_be_drawn_and_encoded(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert visible(shown) == shown


def test_what_acts_on_a_terminal_is_written_out() -> None:
    assert visible("a\x1b[31mred") == "a\\e[31mred"
    assert visible("a\nb\tc\r") == "a\\nb\\tc\\r"
    assert visible("\x9b31m") == "\\x9b31m"
    assert visible("evil\u202egpj.exe") == "evil\\u202egpj.exe"
    assert visible(decode(b"bad\xff")) == "bad\\xff"
    assert visible("\U000e0041") == "\\U000e0041"


def test_what_people_write_stays() -> None:
    for text in ("日本語", "🎉", "👩\u200d💻", "naïve", "[red]x[/red]", "a|b", "x" * 1000):
        assert visible(text) == text


def test_lines() -> None:
    assert visible_lines("a\x1b\nb") == ["a\\e", "b"]
