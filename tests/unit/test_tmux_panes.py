from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.pane import Pane
from sactui.tmux import panes

TOKEN = "zTabcdef"
FIELDS = [
    "%4",
    "1",
    "17378",
    "0",
    "",
    "",
    "160",
    "48",
    "20",
    "1795240450",
    "1795240440",
    "0",
    "2",
    "999",
    "3.3a",
    "working",
    "1795240449.25",
    "ref-1",
    "sac-ref-1",
    "claude",
    "✳ title",
]


def record(fields: list[str]) -> str:
    return f"{TOKEN}p " + f"{TOKEN}f".join(fields) + f"{TOKEN}e\n"


def test_a_pane() -> None:
    listing = panes.parse(record(FIELDS).encode(), TOKEN)
    assert listing.panes == (
        Pane(
            session="sac-ref-1",
            pane_id="%4",
            window=1,
            pid=17378,
            dead=False,
            exit_status=None,
            exit_signal="",
            command="claude",
            title="✳ title",
            width=160,
            height=48,
            history=20,
            activity_at=1795240450.0,
            created_at=1795240440.0,
            in_mode=False,
            attached=2,
            report="working",
            report_at=1795240449.25,
            label="ref-1",
        ),
    )
    assert (listing.server_pid, listing.version, listing.bad, listing.rest) == (999, "3.3a", 0, "")


def test_dead_panes() -> None:
    ended = [*FIELDS[:3], "1", "3", "", *FIELDS[6:]]
    killed = ["%5", *FIELDS[1:3], "1", "", "9", *FIELDS[6:]]
    first, second = panes.parse(record(ended) + record(killed), TOKEN).panes
    assert (first.dead, first.exit_status, first.exit_signal) == (True, 3, "")
    assert (second.dead, second.exit_status, second.exit_signal) == (True, None, "9")


@pytest.mark.parametrize(
    "title", ["a\nb", "zTffffffffp %9", "\x1b[31m", "\x1e\x1f", "", "日本 🎉", "x" * 200]
)
def test_titles_forge_nothing(title: str) -> None:
    listing = panes.parse(
        record([*FIELDS[:-1], title]) + record(["%5", *FIELDS[1:]]) + "SLURM_JOB_ID=5\n", TOKEN
    )
    assert [pane.pane_id for pane in listing.panes] == ["%4", "%5"]
    assert listing.panes[0].title == title
    assert listing.rest == "SLURM_JOB_ID=5\n"


def test_records_that_do_not_fit_are_counted() -> None:
    listing = panes.parse(record(FIELDS[:-1]) + record(["4", *FIELDS[1:]]) + record(FIELDS), TOKEN)
    assert (len(listing.panes), listing.bad) == (1, 2)


def test_the_form_filters_what_agents_set() -> None:
    form = panes.form(TOKEN)
    assert "#{=60;s/[^a-zA-Z0-9 ]/_/:@sactui_state}" in form
    assert form.startswith(f"{TOKEN}p #{{pane_id}}{TOKEN}f")
    assert form.endswith(f"#{{=200:pane_title}}{TOKEN}e")


@given(st.integers(0, 400))
def test_cut_anywhere(at: int) -> None:
    whole = record(FIELDS) + record(["%5", *FIELDS[1:]])
    truth = panes.parse(whole, TOKEN).panes
    found = panes.parse(whole[:at], TOKEN)
    assert found.panes == truth[: len(found.panes)]


@given(
    st.lists(st.sampled_from([f"{TOKEN}p ", f"{TOKEN}f", f"{TOKEN}e", "\n", "%4", "1"]) | st.text(max_size=5))
)
def test_any_output(parts: list[str]) -> None:
    for pane in panes.parse("".join(parts), TOKEN).panes:
        assert pane.pane_id.startswith("%")
        assert pane.session
