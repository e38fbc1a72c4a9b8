"""Pictures of whole screens: each state, each dialog, each size."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sactui import clock
from sactui.domain.fleet import Fleet
from sactui.ui.theming import theme_names

from . import fleets
from .drive import fleet_screen, make

Compare = Callable[..., bool]


def pressing(*keys: str) -> Callable[[Pilot[int]], Awaitable[None]]:
    """Show the app's fleet, press keys, and let the screen settle."""

    async def before(pilot: Pilot[int]) -> None:
        app = pilot.app
        fleet_screen(app).show(app.controller.fleet)  # type: ignore[arg-type, attr-defined]
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()

    return before


def compare(
    snap_compare: Compare,
    tmp_path: Path,
    fleet: Fleet,
    size: tuple[int, int],
    *keys: str,
    theme: str = "dark",
) -> None:
    with clock.frozen(fleets.NOW):
        app = make(fleet, Path("/state"), theme=theme)
        assert snap_compare(app, run_before=pressing(*keys), terminal_size=size)


@pytest.mark.parametrize(
    "size", [(60, 20), (80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_healthy(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    compare(snap_compare, tmp_path, fleets.HEALTHY, size)


@pytest.mark.parametrize(
    "fleet",
    [fleets.LOADING, fleets.EMPTY, fleets.DEGRADED, fleets.UNREACHABLE, fleets.BROKEN_FILE, fleets.HOSTILE],
    ids=["loading", "empty", "controller-down", "unreachable", "broken-file", "hostile"],
)
def test_states(snap_compare: Compare, tmp_path: Path, fleet: Fleet) -> None:
    compare(snap_compare, tmp_path, fleet, (120, 34))


@pytest.mark.parametrize(
    "keys",
    [
        ("question_mark",),
        ("w",),
        ("d",),
        ("X",),
        ("1", "R"),
        ("b",),
        ("1", "d"),
        ("3", "d"),
        ("4",),
        ("3", "C"),
        ("3", "t"),
        ("1", "E"),
    ],
    ids=[
        "help",
        "why",
        "agent",
        "stop",
        "release",
        "book",
        "reservation",
        "job",
        "problems",
        "cancel",
        "time-limit",
        "extend",
    ],
)
def test_dialogs(snap_compare: Compare, tmp_path: Path, keys: tuple[str, ...]) -> None:
    compare(snap_compare, tmp_path, fleets.BROKEN_FILE, (120, 34), *keys)


@pytest.mark.parametrize("theme", theme_names())
def test_themes(snap_compare: Compare, tmp_path: Path, theme: str) -> None:
    compare(snap_compare, tmp_path, fleets.HEALTHY, (120, 34), theme=theme)
