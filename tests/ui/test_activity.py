from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.text import Text
from textual.pilot import Pilot

from sactui import clock
from sactui.domain.changes import Change, Weight
from sactui.domain.state import AgentState
from sactui.ui.screens.activity import AWAY, activity
from sactui.ui.screens.dialog import MessageDialog
from sactui.ui.theming import load_theme

from .drive import driven, make
from .fleets import HEALTHY, NOW, agent


def change(ago: float, name: str = "docs", weight: Weight = Weight.NEWS) -> Change:
    return Change(NOW - ago, "agent", "spartan", name, "working", "idle", "[red]turn\x1b[31m", weight)


def words(paragraphs: list[str | Text]) -> str:
    return "\n".join(str(paragraph) for paragraph in paragraphs)


def test_without_changes_it_says_so() -> None:
    assert "Nothing has changed" in words(activity((), None, NOW, load_theme("dark")))


def test_the_newest_comes_first_and_text_of_the_cluster_is_shown_as_it_is() -> None:
    text = words(activity((change(60, "old"), change(1, "new")), None, NOW, load_theme("dark")))
    assert text.index("new") < text.index("old")
    assert "[red]turn" in text
    assert "\x1b" not in text
    assert "working → idle" in text


def test_what_came_while_nobody_was_there_stands_apart() -> None:
    away = (NOW - 1000, NOW - 10)
    text = words(activity((change(2000, "before"), change(500, "meanwhile")), away, NOW, load_theme("dark")))
    assert text.startswith("Since you left, 16 m without a key")
    assert text.index("meanwhile") < text.index("Before that") < text.index("before  ")
    quiet = words(activity((change(2000),), away, NOW, load_theme("dark")))
    assert "nothing has changed since then" in quiet


def test_a_key_after_a_long_time_is_a_return(tmp_path: Path) -> None:
    app = make(HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("j")
        assert app.away is None
        busy = replace(HEALTHY, version=101, agents=(agent("docs", AgentState.WORKING),))
        idle = replace(HEALTHY, version=102, agents=(agent("docs", AgentState.IDLE),))
        with clock.frozen(NOW + AWAY / 2):
            for fleet in (busy, idle):
                app.caller.seen(app, replace(fleet, at=clock.now()))
        with clock.frozen(NOW + 2 * AWAY):
            await pilot.press("5")
            await pilot.pause()
            assert app.away == (NOW, NOW + 2 * AWAY)
            assert isinstance(app.screen, MessageDialog)
            shown = "\n".join(str(widget.render()) for widget in app.screen.query("Static"))
            assert "Since you left" in shown
            assert "working → idle" in shown
            await pilot.press("escape")

    driven(app, work)
