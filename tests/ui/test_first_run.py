from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from textual.app import App

from sactui.core.first_run import Probe
from sactui.ui.screens.first_run import FirstRunDialog
from sactui.ui.theming import install, load_theme

HOSTS = ("spartan", "cedar", "[red]web[/red]")
PROBES = {
    "spartan": Probe(True, "slurm 24.05.3 on spartan as ada, ssh"),
    "cedar": Probe(False, "host key is not known", "accept it: ssh cedar"),
}


class Host(App[None]):
    """Nothing but the dialog."""

    def __init__(self, hosts: Sequence[str] = HOSTS) -> None:
        super().__init__()
        self.hosts = hosts
        self.result: Any = "open"
        self.probed: list[str] = []

    async def probe(self, name: str) -> Probe:
        self.probed.append(name)
        return PROBES[name]

    def on_mount(self) -> None:
        install(self, load_theme("dark"))
        self.push_screen(FirstRunDialog(self.hosts, self.probe), self._done)

    def _done(self, result: tuple[str, ...] | None) -> None:
        self.result = result


def driven(app: Host, *keys: str) -> Host:
    async def run() -> None:
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            for key in keys:
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await pilot.pause()

    asyncio.run(run())
    return app


@pytest.mark.parametrize(
    ("keys", "result", "probed"),
    [
        (("enter",), ("spartan",), []),
        (("down", "space", "up", "space", "enter"), ("spartan", "cedar"), []),
        (("t", "enter"), ("spartan",), ["spartan"]),
        (("down", "t", "up", "t", "enter"), ("spartan",), ["cedar", "spartan"]),
        (("up", "enter"), ("[red]web[/red]",), []),
        (("escape",), None, []),
    ],
)
def test_hosts_are_chosen_and_only_tested_when_asked(
    keys: tuple[str, ...], result: tuple[str, ...] | None, probed: list[str]
) -> None:
    app = driven(Host(), *keys)
    assert app.result == result
    assert app.probed == probed


def test_without_any_host_it_says_what_to_write() -> None:
    assert driven(Host(()), "space", "t", "down", "enter").result is None


@pytest.mark.parametrize("hosts", [HOSTS, ()], ids=["hosts", "none"])
@pytest.mark.parametrize("size", [(60, 20), (100, 30)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture(snap_compare: Callable[..., bool], hosts: Sequence[str], size: tuple[int, int]) -> None:
    async def before(pilot: Any) -> None:
        for key in ("t", "down", "t"):
            await pilot.press(key)
            await pilot.app.workers.wait_for_complete()

    assert snap_compare(Host(hosts), terminal_size=size, run_before=before)
