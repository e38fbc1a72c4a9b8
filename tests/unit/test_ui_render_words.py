"""Durations, sizes, times and glyphs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sactui.domain.fleet import Agent, Verdict
from sactui.domain.state import AgentState, Link, Phase
from sactui.ui.render import words
from sactui.ui.table.row import Span, width_of

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (3.9, "3s"),
        (59.9, "59s"),
        (60, "1m"),
        (42 * MINUTE, "42m"),
        (HOUR, "1h"),
        (2 * HOUR + MINUTE, "2h 1m"),
        (23 * HOUR + 59 * MINUTE, "23h 59m"),
        (4 * DAY + 6 * HOUR, "4d 06h"),
        (7 * DAY, "7d 00h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_durations_in_sentences() -> None:
    assert words.spoken(34) == "34 s"
    assert words.age(2 * HOUR + MINUTE) == "2 h 1 m"
    assert words.spoken(4 * DAY + 6 * HOUR) == "4 d 6 h"
    assert words.ago(0.4) == "just now"
    assert words.ago(540) == "9 m ago"


def test_moments() -> None:
    now = datetime(2026, 11, 21, 18, 49, tzinfo=UTC).timestamp()
    assert words.clock_time(now + 42 * MINUTE, now, UTC) == "19:31"
    assert words.clock_time(now + 42 * MINUTE, now, UTC, seconds=True) == "19:31:00"
    assert words.clock_time(now + 6 * HOUR, now, UTC) == "Sun 00:49"
    assert words.clock_time(now - 2 * DAY, now, UTC) == "Thu 18:49"
    assert words.clock_time(now + 21 * DAY, now, UTC) == "12 Dec 18:49"


@pytest.mark.parametrize(
    ("left", "total", "bar", "style"),
    [
        (4 * DAY, 5 * DAY, "bar-calm", "text"),
        (5 * HOUR, 20 * HOUR, "bar-calm", "text"),
        (4.9 * HOUR, 20 * HOUR, "bar-amber", "bar-amber"),
        (42 * MINUTE, 4 * HOUR, "bar-amber", "bar-amber+bold"),
        (1.9 * HOUR, 20 * HOUR, "bar-red", "bar-red"),
        (14 * MINUTE, 20 * MINUTE, "bar-red", "bar-red+bold"),
        (59 * MINUTE, HOUR, "bar-calm", "text+bold"),
        (-3, HOUR, "bar-red", "bar-red+bold"),
    ],
)
def test_time_left_is_coloured_by_the_end_that_is_bad(
    left: float, total: float, bar: str, style: str
) -> None:
    drawn = words.time_left(left, total)
    assert drawn.bar is not None
    assert (drawn.bar.style, drawn.style) == (bar, style)
    assert 0 <= drawn.bar.fraction <= 1


def test_time_left_without_a_whole_has_no_bar() -> None:
    assert words.time_left(2 * HOUR, None) == words.TimeLeft(None, "2h", "text")
    assert words.time_left(5 * MINUTE, None).style == "bar-red+bold"


def test_amounts() -> None:
    assert [words.memory(m) for m in (512, 1024, 1536, 61440, 20 * 1024 * 1024)] == [
        "512M",
        "1G",
        "1.5G",
        "60G",
        "20T",
    ]
    assert words.memory_pair(9 * 1024, 32 * 1024) == "9/32G"
    assert words.memory_pair(1536, 32 * 1024) == "1.5/32G"
    assert words.memory_pair(None, 32 * 1024) == "32G"
    assert words.memory_pair(0, 128 * 1024) == "0/128G"
    assert words.pair(3, 8) == "3/8"
    assert words.pair(None, 8) == "8"
    assert words.plural(1, "agent") == "1 agent"
    assert words.plural(3, "agent") == "3 agents"


@pytest.mark.parametrize(
    ("tasks", "count"),
    [
        ("[0-99]", 100),
        ("[0-99%4]", 100),
        ("[1,3,5-7]", 5),
        ("[0-9:3]", 4),
        ("7", 1),
        ("[1-5,...]", None),
        ("", None),
        ("[9-1]", None),
    ],
)
def test_array_sizes(tasks: str, count: int | None) -> None:
    assert words.array_size(tasks) == count


@pytest.mark.parametrize("glyphs", [words.UNICODE, words.ASCII])
def test_every_state_has_its_own_glyph_of_one_cell(glyphs: words.Glyphs) -> None:
    assert set(glyphs.states) == set(AgentState)
    assert set(glyphs.phases) == set(Phase)
    assert set(glyphs.links) == set(Link) == set(words.LINK_STYLES)
    assert len(set(glyphs.states.values())) == len(AgentState)
    assert len(set(glyphs.phases.values())) == len(Phase)
    for table in (glyphs.states, glyphs.phases, glyphs.links):
        assert {width_of(glyph) for glyph in table.values()} == {1}


def test_the_glyphs_are_the_documented_ones() -> None:
    order = (
        "working",
        "background",
        "asking",
        "idle",
        "limited",
        "retrying",
        "starting",
        "stopped",
        "exited",
        "dead",
        "lost",
        "unknown",
    )
    assert "".join(words.UNICODE.states[AgentState(state)] for state in order) == "●◍?○◷↻◌□■✖⌁·"
    assert "".join(words.ASCII.states[AgentState(state)] for state in order) == "*&?oLr._xX~-"
    assert all(glyph.isascii() for glyph in words.ASCII.states.values())
    phases = ("pending", "running", "paused", "done", "error", "canceled")
    assert "".join(words.UNICODE.phases[Phase(phase)] for phase in phases) == "◌●‖✓✖⊘"
    assert all(glyph.isascii() for glyph in words.ASCII.phases.values())


def agents(*states: AgentState) -> list[Agent]:
    return [Agent(f"a{i}", "claude", "h", "", "", Verdict(state)) for i, state in enumerate(states)]


def test_counts_start_with_the_most_urgent() -> None:
    counts = words.tally(agents(AgentState.IDLE, AgentState.ASKING, AgentState.WORKING, AgentState.ASKING))
    assert counts == [(AgentState.ASKING, 2), (AgentState.WORKING, 1), (AgentState.IDLE, 1)]

    everything = words.tally_spans(counts, words.UNICODE, words="all")
    assert text(everything) == "? 2 asking  ● 1 working  ○ 1 idle"
    assert text(words.tally_spans(counts, words.UNICODE, words="loud")) == "? 2 asking  ● 1  ○ 1"
    assert text(words.tally_spans(counts, words.UNICODE)) == "? 2  ● 1  ○ 1"
    assert text(words.tally_spans(counts, words.UNICODE, most=1)) == "? 2  +2"


def text(spans: list[Span]) -> str:
    return "".join(span[0] for span in spans)
