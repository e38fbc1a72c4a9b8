"""Filter, order, columns, views and export by keys on the fleet screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from sactui.core.views import SavedViews
from sactui.ui.screens.table_dialogs import ColumnsDialog, ViewsDialog
from sactui.ui.widgets.live_table import LiveTable

from . import fleets
from .drive import driven, fleet_screen, make


def test_a_filter_by_keys(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        jobs = fleet_screen(app).query_one("#jobs", LiveTable)
        await pilot.press("3", "/", *"state:pending user:", *"ada")
        assert [key for _, key in jobs.keys] == [4802]  # type: ignore[misc]
        # Letters belong to the filter while it is typed; nothing was booked or quit.
        await pilot.press("b", "q", "backspace", "backspace", "enter")
        assert app.screen is fleet_screen(app)
        assert len(jobs.keys) == 1
        await pilot.press("escape")
        assert len(jobs.keys) == 3

    driven(app, work)


def test_order_columns_and_views_are_there_again(tmp_path: Path) -> None:
    async def work(pilot: Pilot[int]) -> None:
        jobs = fleet_screen(app).query_one("#jobs", LiveTable)
        await pilot.press("3", ">", "o")
        assert (jobs.shape.sort, jobs.shape.descending) == ("id", False)
        await pilot.press("c")
        assert isinstance(app.screen, ColumnsDialog)
        await pilot.press("j", "space", "J", "enter")
        assert jobs.shape.hidden == ("name",)
        await pilot.press("v", "s")
        assert isinstance(app.screen, ViewsDialog)
        app.screen.query_one(Input).value = "by id"
        await pilot.press("enter")
        await pilot.press("v", "enter")  # as designed
        assert (jobs.shape.sort, jobs.shape.hidden) == ("", ())
        await pilot.press("v", "j", "enter")
        assert (jobs.shape.sort, jobs.shape.hidden) == ("id", ("name",))

    async def again(pilot: Pilot[int]) -> None:
        jobs = fleet_screen(app).query_one("#jobs", LiveTable)
        assert (jobs.shape.sort, jobs.shape.hidden) == ("id", ("name",))
        assert [key for _, key in jobs.keys] == [4655, 4711, 4802]  # type: ignore[misc]

    app = make(fleets.HEALTHY, tmp_path)
    driven(app, work)
    assert "by id" in SavedViews(tmp_path).named("jobs")
    app = make(fleets.HEALTHY, tmp_path)
    driven(app, again)


def test_rows_are_taken_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("3", "x", "j", "enter")
        await pilot.press("x", "j", "j", "j", "enter")
        assert "4711" in app.clipboard

    driven(app, work)
    (place,) = tmp_path.glob("sactui-jobs-*.json")
    assert {job["id"] for job in json.loads(place.read_text())} == {4711, 4802, 4655}
