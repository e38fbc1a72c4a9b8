"""A theme is worn as somebody writes it; a broken file is said, and the last good one stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sactui.ui import theming
from sactui.ui.theming import theme_path
from sactui.ui.widgets.live_table import LiveTable

from . import fleets
from .drive import driven, fleet_screen, make


def colours(table: LiveTable) -> set[str]:
    return {
        segment.style.bgcolor.name
        for y in range(table.size.height)
        for segment in table.render_line(y)
        if segment.style and segment.style.bgcolor
    }


def test_a_theme_file_is_worn_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    themes = tmp_path / "sactui" / "themes"
    themes.mkdir(parents=True)
    dark = theme_path("dark")
    assert dark is not None
    source = dark.read_text().replace("name: dark", "name: mine")
    place = themes / "mine.yaml"
    place.write_text(source)
    app = make(fleets.HEALTHY, tmp_path, theme="mine")
    said: list[str] = []
    monkeypatch.setattr(app, "complain", said.append)

    def write(text: str) -> None:
        fresh = themes / ".new"
        fresh.write_text(text)
        os.replace(fresh, place)

    async def work(pilot: Pilot[int]) -> None:
        agents = fleet_screen(app).query_one("#agents", LiveTable)
        page = app.look["page"]
        assert page in colours(agents)
        write(source.replace(page, "#123456"))
        app._look_at_theme()
        await pilot.pause()
        await pilot.pause()
        assert "#123456" in colours(agents)
        assert page not in colours(agents)
        assert theming.current(app)["page"] == "#123456"
        write(source.replace("accent:", "acent:"))
        app._look_at_theme()
        app._look_at_theme()
        await pilot.pause()
        assert len(said) == 1
        assert said[0].startswith(f"{place}:")
        assert "'accent'" in said[0]
        assert app.look["page"] == "#123456"
        place.unlink()
        app._look_at_theme()
        assert len(said) == 1

    driven(app, work)
