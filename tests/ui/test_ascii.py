"""ASCII mode: nothing else reaches the terminal, states keep their own glyph, nothing moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from sactui.domain.state import AgentState
from sactui.settings import Settings
from sactui.ui.app import SactuiApp
from sactui.ui.ascii import plain, wanted
from sactui.ui.render import words
from sactui.ui.table.row import width_of

from . import fleets
from .drive import driven, make
from .test_fleet_screen import text_of

GLYPHS = dict(
    zip(
        (
            "working",
            "background",
            "asking",
            "idle",
            "limited",
            "retrying",
            "starting",
            "exited",
            "dead",
            "lost",
        ),
        "*&?oLr.xX~",
        strict=True,
    )
)


def test_each_state_has_its_own_glyph_in_ascii() -> None:
    for state in AgentState:
        assert plain(words.UNICODE.states[state]) == words.ASCII.states[state]
        if state in GLYPHS:
            assert words.ASCII.states[state] == GLYPHS[state]
    assert words.ASCII.states[AgentState.UNKNOWN] == "-"
    assert len(set(words.ASCII.states.values())) == len(AgentState)


@pytest.mark.parametrize("text", ["déjà", "漢字🧪", "╭─ a ─╮", "e\u0301", "\u202e", "→ ✔ …", "ﬁ", "½"])
def test_text_keeps_its_width(text: str) -> None:
    assert plain(text).isascii()
    assert width_of(plain(text)) == width_of(text)


@pytest.mark.parametrize("keys", [(), ("question_mark",), ("X",), ("d",), ("b",)])
@pytest.mark.parametrize("size", [(80, 24), (150, 42)])
def test_every_screen_is_ascii(tmp_path: Path, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    app = make(fleets.HOSTILE, tmp_path)
    app._ascii.enabled = True

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press(*keys)
        await pilot.pause()
        shown = text_of(app)
        assert shown.isascii(), {c for c in shown if not c.isascii()}
        assert all(len(line) == size[0] for line in shown.split("\n"))

    driven(app, work, size)


@pytest.mark.parametrize(
    ("environment", "ascii_"),
    [
        ({}, False),
        ({"LANG": "en_AU.UTF-8"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "en_AU.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "C", "LC_ALL": "C.utf8"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
    ],
)
def test_the_locale_decides(environment: dict[str, str], ascii_: bool) -> None:
    assert wanted(environment) is ascii_


def test_the_settings_decide_too(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)
    assert not app._ascii.enabled
    configuration = app.controller.configuration
    assert SactuiApp(configuration, settings=Settings(ascii=True), controller=app.controller)._ascii.enabled
