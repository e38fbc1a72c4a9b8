from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sactui.errors import DefinitionError
from sactui.spec import yaml_source
from sactui.spec.yaml_source import (
    DEPTH_LIMIT,
    SIZE_LIMIT,
    BrokenFileError,
    Document,
    dotted,
    parse,
    read,
    shown,
)


def document(text: str) -> Document:
    return parse(text.encode(), "f.yaml")


def broken(raw: str | bytes) -> BrokenFileError:
    with pytest.raises(BrokenFileError) as caught:
        parse(raw if isinstance(raw, bytes) else raw.encode(), "f.yaml")
    return caught.value


def test_data_and_positions_of_values_and_keys() -> None:
    found = document("a: 1\nb:\n  - x\n  - c: yes\n    d: 1.5\ne: ~\n")
    assert found.data == {"a": 1, "b": ["x", {"c": True, "d": 1.5}], "e": None}
    assert found.position(("b", 1, "d")) == (5, 8)
    assert found.position(("b", 1, "d"), of_key=True) == (5, 5)
    assert found.position(("b", 0, "nowhere")) == (3, 5)
    assert found.position(("nowhere",)) == (1, 1)
    assert found.source(("b", 1, "c")) == "yes"
    assert found.mistakes == []


def test_columns_count_characters_not_bytes() -> None:
    found = document('a: {"äöü": 1, b: 2}\n')
    assert found.position(("a", "b")) == (1, 18)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x10", 16),
        ("1_000", 1000),
        ("-3", -3),
        ("0", 0),
        ("'010'", "010"),
        ("1e3", "1e3"),
        ("!!str 16", "16"),
    ],
)
def test_numbers_and_texts_are_what_they_look_like(text: str, value: object) -> None:
    found = document(f"a: {text}\n")
    assert found.data == {"a": value}
    assert found.mistakes == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1:30:00", "as the number 5400 (base 60)"),
        ("-1:30", "as the number 90 (base 60)"),
        ("1:30.5", "as the number 90.5 (base 60)"),
        ("022", "octal"),
        ("2024-01-01", "a date"),
        ("=", "a YAML operator"),
    ],
)
def test_a_value_that_yaml_misreads_is_a_mistake_with_the_quotes_as_remedy(text: str, says: str) -> None:
    found = document(f"x: y\na:   {text}\n")
    assert [(one.where, one.remedy) for one in found.mistakes] == [
        ("f.yaml:2:6", f'write it in quotes: "{text}"')
    ]
    assert says in found.mistakes[0].message
    assert found.spoiled == {("a",)}
    assert found.data["a"] == text


def test_every_duplicate_key_is_reported_and_the_first_value_counts() -> None:
    found = document("a: 1\nb: {c: 1, c: [&x 2]}\na: {q: 3}\nd: *x\n")
    assert found.data == {"a": 1, "b": {"c": 1}, "d": 2}
    assert [one.where for one in found.mistakes] == ["f.yaml:2:11", "f.yaml:3:1"]
    assert "second time (first in line 1)" in found.mistakes[1].message


def test_a_key_that_is_no_text_is_a_mistake() -> None:
    found = document("on: 1\n12: 2\n")
    assert found.data == {"on": 1, "12": 2}
    assert [one.remedy for one in found.mistakes] == [
        'write it in quotes: "on"',
        'write it in quotes: "12"',
    ]


def test_anchors_and_merges_work_and_explicit_keys_win() -> None:
    found = document("base: &b {x: 1, y: [2]}\nother:\n  <<: *b\n  x: 5\nlist:\n  <<: [*b, {z: 3}]\n")
    assert found.data["other"] == {"x": 5, "y": [2]}
    assert found.data["list"] == {"x": 1, "y": [2], "z": 3}
    assert found.position(("other", "y", 0)) == (3, 3)
    assert found.mistakes == []


def test_an_alias_bomb_is_refused_while_it_is_small() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    error = broken("\n".join(lines))
    assert "more than 20000 values" in error.message


def test_an_anchor_inside_itself_is_refused() -> None:
    assert "inside its own anchor" in broken("a: &x [*x]\n").message


def test_an_alias_without_anchor_is_refused() -> None:
    error = broken("a: 1\nb: *nothing\n")
    assert error.message.startswith("f.yaml:2:4: the alias *nothing has no anchor")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opening: str) -> None:
    error = broken(opening * 5000)
    assert f"deeper than {DEPTH_LIMIT}" in error.message or "nest" in error.message.lower()


@pytest.mark.parametrize(
    ("text", "where", "says", "remedy"),
    [
        ("a:\n\tb: 1\n", "f.yaml:2:1", "a tab is used for indentation", "spaces"),
        ("a:\n  \tb: 1\n  c: 2\n", "f.yaml:2:3", "a tab", "spaces"),
        ("a: b: c\n", "f.yaml:1:5", "mapping values are not allowed", "quotes"),
        ("a: @x\n", "f.yaml:1:4", "cannot start any token", "starts with @"),
        ("a: [1\n", "f.yaml:2:1", "expected", "not closed"),
        ("a: 'x\n", "f.yaml:2:1", "unexpected end", "not closed"),
        ("", "f.yaml:1:1", "the file is empty", "definition"),
        ("# nothing\n", "f.yaml:2:1", "the file is empty", "definition"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1", "a second document", "---"),
        ("? [a]\n: 1\n", "f.yaml:1:3", "a key must be plain text", "word"),
    ],
)
def test_syntax_errors_say_where_and_what_to_do(text: str, where: str, says: str, remedy: str) -> None:
    error = broken(text)
    assert [one.where for one in error.mistakes] == [where]
    assert says in error.message
    assert remedy in error.remedy


def test_a_foreign_tag_is_a_mistake_and_is_not_executed() -> None:
    found = document("a: !!python/object/apply:os.getcwd []\nb: !mine x\n")
    assert [one.where for one in found.mistakes] == ["f.yaml:1:4", "f.yaml:2:4"]
    assert found.data == {"a": [], "b": "x"}


def test_bytes_that_are_not_utf8_have_a_place() -> None:
    error = broken("a: 1\nbö: ".encode() + b"\xff\n")
    assert error.message == "f.yaml:2:5: byte 0xff is not UTF-8"
    assert error.remedy == "save the file as UTF-8"


@pytest.mark.parametrize(("character", "name"), [("\x07", "\\x07"), ("\0", "\\x00"), ("\x9b", "\\x9b")])
def test_control_characters_have_a_place_and_are_shown_as_escapes(character: str, name: str) -> None:
    error = broken(f"a: 1\nb: x{character}\n")
    assert error.message == f"f.yaml:2:5: control character {name}"


def test_a_byte_order_mark_is_not_part_of_the_first_key() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\n", "f").data == {"a": 1}


def test_several_mistakes_make_one_error_in_file_order() -> None:
    error = BrokenFileError(document("a: 2024-01-01\nb: 022\n").mistakes[::-1])
    assert isinstance(error, DefinitionError)
    assert [line.split(" ")[0] for line in error.message.splitlines()] == ["f.yaml:1:4:", "f.yaml:2:4:"]


def test_reading_a_file_says_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    good = tmp_path / "a.yaml"
    good.write_text("a: 1\n")
    assert read(good).data == {"a": 1}
    assert len(read(good).digest) == 64
    good.write_text("# " + "x" * SIZE_LIMIT)
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, says in [
        ("a.yaml", "larger than 256 KiB"),
        ("none", "no such file"),
        (".", "irectory"),
        ("pipe.yaml", "not a regular"),
    ]:
        with pytest.raises(BrokenFileError, match=says):
            read(tmp_path / name)


def test_messages_hold_no_control_characters() -> None:
    assert shown("a\x1b[31m\n") == "a\\x1b[31m\\n"
    assert shown("x" * 100, 10) == "xxxxxxxxx…"
    assert dotted(("spec", "claude", "flags", 0)) == "spec.claude.flags[0]"


@given(st.text(max_size=200))
def test_any_text_gives_data_or_a_broken_file_and_nothing_else(text: str) -> None:
    try:
        mistakes = parse(text.encode("utf-8", "surrogatepass"), "f.yaml").mistakes
    except BrokenFileError as error:
        mistakes = list(error.mistakes)
        refused = True
    else:
        refused = False
    assert mistakes or not refused
    assert all(one.line >= 1 and one.column >= 1 for one in mistakes)


def test_the_loader_without_the_c_library_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x 1:30\nb: [yes, *x, 'q']\nc: {<<: {d: 010}}\na: 2\n"
    fast = document(text)
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    plain = document(text)
    assert plain == fast
    assert plain.source(("b", 0)) == "yes"
    assert "a tab" in broken("a:\n\tb: 1\n").message
