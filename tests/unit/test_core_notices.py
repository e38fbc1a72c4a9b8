from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import pytest

from sactui.core.notices import EVENTS, Rules, event_of, hours, notices, osc9, run_hook, silent
from sactui.domain.changes import Change, Weight
from sactui.errors import SettingsError

NOON = datetime(2026, 11, 21, 12, 0).timestamp()


def change(after: str, kind: str = "agent", before: str = "working", weight: Weight = Weight.NEWS) -> Change:
    return Change(NOON, kind, "spartan", "docs", before, after, "may I run: rm", weight)


@pytest.mark.parametrize(
    ("seen", "event"),
    [
        (change("asking"), "asking"),
        (change("dead"), "ended"),
        (change("exited"), "ended"),
        (change("limited"), "limited"),
        (change("idle"), "idle"),
        (change("working"), ""),
        (change("stopped"), ""),
        (change("failed", "job", weight=Weight.NEEDS_YOU), "job"),
        (change("running", "job"), ""),
        (change("running", "reservation"), "reservation"),
        (change("lost", "link"), "link"),
        (change("", "problem"), ""),
    ],
)
def test_each_change_belongs_to_one_event(seen: Change, event: str) -> None:
    assert event_of(seen) == event
    assert event == "" or event in EVENTS


def test_only_what_was_chosen_notifies() -> None:
    changed = [change("asking"), change("idle")]
    assert [n.event for n in notices(changed, Rules())] == ["asking"]
    assert [n.event for n in notices(changed, Rules(events=frozenset({"idle"})))] == ["idle"]
    (notice,) = notices(changed, Rules())
    assert (notice.title, notice.text) == ("docs: asking on spartan", "may I run: rm")


def test_quiet_hours_may_pass_midnight() -> None:
    assert silent(hours("11:00-13:00"), NOON)
    assert silent(hours("22:00-13:00"), NOON)
    assert not silent(hours("22:00-07:00"), NOON)
    assert not silent(hours("12:30-13:00"), NOON)
    assert not silent(hours(""), NOON)
    assert notices([change("asking")], Rules(quiet=hours("11:00-13:00"))) == ()
    for wrong in ("22", "22:00", "25:00-07:00", "a-b", "1:00-2:00-3:00"):
        with pytest.raises(SettingsError, match="quiet hours"):
            hours(wrong)


def test_text_of_the_cluster_cannot_end_the_escape_sequence() -> None:
    hostile = Change(NOON, "agent", "spartan", "docs", "working", "asking", "a\x07b\x1b]52;c;AAAA\x07")
    (notice,) = notices([hostile], Rules())
    sequence = osc9(notice)
    assert sequence.startswith("\x1b]9;sactui: docs: asking")
    assert sequence.count("\x1b") == 1
    assert sequence.count("\x07") == 1


def test_a_hook_gets_its_words_without_a_shell(tmp_path: Path) -> None:
    (notice,) = notices([change("asking")], Rules())
    out = tmp_path / "out"
    code = f"import os,sys; open({str(out)!r},'w').write(sys.argv[1] + os.environ['SACTUI_NOTICE_EVENT'])"
    assert asyncio.run(run_hook([sys.executable, "-c", code, "{title}; $(id) "], notice)) == ""
    assert out.read_text() == "docs: asking on spartan; $(id) asking"


def test_a_hook_that_fails_says_so() -> None:
    (notice,) = notices([change("asking")], Rules())
    assert "cannot be run" in asyncio.run(run_hook(["/nowhere/hook"], notice))
    assert "ended with 3" in asyncio.run(run_hook([sys.executable, "-c", "raise SystemExit(3)"], notice))
