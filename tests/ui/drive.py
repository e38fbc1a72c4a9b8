"""Driving the console without a terminal and without a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from sactui import clock
from sactui.core.controller import Configuration, Controller
from sactui.domain.details import Details
from sactui.domain.fleet import Fleet
from sactui.ui.app import SactuiApp
from sactui.ui.screens.fleet import FleetScreen

from .fleets import DETAILS, NOW


async def details_of(host: str, job_id: int, target: object = None) -> Details:
    """What a cluster would say about a job."""
    return DETAILS


def make(fleet: Fleet, directory: Path, *, theme: str = "dark", read_only: bool = False) -> SactuiApp:
    """The console on a made-up fleet; its controller is never started."""
    configuration = Configuration(
        hosts=("spartan",), lease_directory=directory, state_directory=directory, read_only=read_only
    )
    controller = Controller(configuration)
    controller.fleet = fleet
    controller.job_details = details_of  # type: ignore[method-assign]
    return SactuiApp(configuration, theme=theme, controller=controller)


def fleet_screen(app: SactuiApp) -> FleetScreen:
    """The screen under all others."""
    screen = app.screen_stack[0]
    assert isinstance(screen, FleetScreen)
    return screen


def driven(
    app: SactuiApp, work: Callable[[Pilot[int]], Awaitable[None]], size: tuple[int, int] = (150, 42)
) -> None:
    """Run the app headless at ``size`` with its fleet shown, and ``work`` on it; the clock stands still."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            fleet_screen(app).show(app.controller.fleet)
            await pilot.pause()
            await work(pilot)

    with clock.frozen(NOW):
        asyncio.run(run())
