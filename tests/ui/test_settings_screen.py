from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from sactui.settings import Settings, load_settings
from sactui.ui.screens.settings import SettingsDialog, changed, lines
from sactui.ui.theming import install, load_theme

THEMES = ("dark", "light", "plain")


class Host(App[None]):
    """Nothing but the form."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.result: Any = "open"
        self.previews: list[str] = []

    def on_mount(self) -> None:
        install(self, load_theme("dark"))
        settings = load_settings(self.path) if self.path.exists() else Settings()
        dialog = SettingsDialog(settings, self.path, THEMES, "dark", self.previews.append)
        self.push_screen(dialog, self._done)

    def _done(self, result: dict[str, Any] | None) -> None:
        self.result = result


def driven(path: Path, work: Callable[[Pilot[None]], Awaitable[None]]) -> Host:
    app = Host(path)

    async def run() -> None:
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            await work(pilot)
            await pilot.pause()

    asyncio.run(run())
    return app


def pressing(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def press(pilot: Pilot[None]) -> None:
        for key in keys:
            await pilot.press(key)

    return press


def test_only_what_was_changed_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# mine\ninterval: 20   # slow\n")
    app = driven(path, pressing("right", "down", "space", "enter"))
    assert app.result == {"theme": "light", "ascii": True}
    assert app.previews == ["light"]
    text = path.read_text()
    assert text.startswith("# mine\ninterval: 20   # slow\n")
    assert (load_settings(path).theme, load_settings(path).ascii) == ("light", True)


def test_leaving_writes_nothing_and_puts_the_theme_back(tmp_path: Path) -> None:
    app = driven(tmp_path / "config.yaml", pressing("right", "escape"))
    assert app.result is None
    assert app.previews == ["light", "dark"]
    assert list(tmp_path.iterdir()) == []


def test_a_bad_value_is_refused_at_its_field(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    app = Host(path)

    async def run() -> None:
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("down", "down", "down", "end", "x", "enter")
            await pilot.pause()
            dialog = app.screen
            assert isinstance(dialog, SettingsDialog)
            assert "interval '10x' is not a number" in str(dialog.query_one(".error").render())
            assert dialog.focused is not None
            assert dialog.focused.id == "setting-interval"

    asyncio.run(run())
    assert not path.exists()


def test_hosts_keep_what_they_have_besides_their_name() -> None:
    settings = Settings.model_validate({"hosts": [{"name": "spartan", "user": "ada"}, "cedar"]})
    before = lines(settings, THEMES, "dark")
    values = {line.key: line.value for line in before}
    assert changed(settings, before, values) == {}
    values |= {"hosts": "graham, spartan", "notices.bell": "no", "notices.command": "notify-send '{title}'"}
    assert changed(settings, before, values) == {
        "hosts": ["graham", {"name": "spartan", "user": "ada"}],
        "notices": {"bell": False, "command": ["notify-send", "{title}"]},
    }


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert snap_compare(Host(Path("/config/sactui/config.yaml")), terminal_size=size)
