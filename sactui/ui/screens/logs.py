"""The log of an agent: the end of its pane's history, followed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.cells import chop_cells, set_cell_size
from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from ...clock import now, woken
from ...domain.text import visible
from ...errors import SactuiError

#: Seconds between two looks while the log is open.
_PACE = 2.0


class LogView(ScrollView, can_focus=True):
    """Lines of text, drawn line by line; holds its place unless it is at the end."""

    DEFAULT_CSS = "LogView { background: $background; color: $foreground; overflow-x: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self._text: list[str] = []
        self._lines: list[str] = []
        self.follow = True

    def show(self, lines: list[str]) -> None:
        """Replace the text; the end stays in view while following."""
        if lines != self._text:
            self._text = lines
            self._fold()

    def on_resize(self) -> None:
        self._fold()

    def _fold(self) -> None:
        """Long lines go on in the next row: nothing of a log is out of sight to the right."""
        width = max(1, self.size.width)
        self._lines = [part for line in self._text for part in (chop_cells(line, width) or [""])]
        self.virtual_size = Size(width, len(self._lines))
        if self.follow:
            self.scroll_end(animate=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        width = self.size.width
        text = self._lines[at] if at < len(self._lines) else ""
        return Strip([Segment(set_cell_size(text, width), self.rich_style)], width)

    def on_mouse_scroll_up(self) -> None:
        self.follow = False


class LogScreen(Screen[None]):
    """``fetch`` returns the log's text, or raises a SactuiError that is shown as it is."""

    DEFAULT_CSS = """
    LogScreen { background: $background; }
    LogScreen > .title { height: 1; background: $surface; padding: 0 1; text-style: bold; }
    LogScreen > .trouble { height: auto; color: $warning; padding: 0 1; display: none; }
    LogScreen > .trouble.shown { display: block; }
    LogScreen > .foot { height: 1; background: $surface; color: $text-muted; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back"),
        Binding("q", "leave", "back", show=False),
        Binding("f", "follow", "follow"),
        Binding("r", "look", "look now"),
        Binding("j,down", "scroll(1)", "down", show=False, priority=True),
        Binding("k,up", "scroll(-1)", "up", show=False, priority=True),
        Binding("pagedown,ctrl+d", "scroll(20)", "page down", show=False, priority=True),
        Binding("pageup,ctrl+u", "scroll(-20)", "page up", show=False, priority=True),
        Binding("g,home", "scroll(-100000)", "begin", show=False, priority=True),
        Binding("G,end", "end", "end", show=False, priority=True),
    ]

    def __init__(self, name: str, fetch: Callable[[], Awaitable[str]]) -> None:
        super().__init__()
        self._agent = name
        self._fetch = fetch
        self._wake = asyncio.Event()
        self._at: float | None = None

    def compose(self) -> ComposeResult:
        yield Static(Content(f" {self._agent} · log"), classes="title")
        yield Static("", classes="trouble")
        yield LogView()
        yield Static("f follow on/off  r look now  ↑ ↓ scroll  esc back", classes="foot")

    def on_mount(self) -> None:
        self.query_one(LogView).focus()
        self.run_worker(self._run(), exclusive=True)

    async def _run(self) -> None:
        view, trouble = self.query_one(LogView), self.query_one(".trouble", Static)
        while True:
            self._wake.clear()
            try:
                text = await self._fetch()
            except SactuiError as error:
                # The last good text stays on the screen.
                trouble.update(Content("⚠ " + visible(str(error).replace("\n", " · "))))
                trouble.add_class("shown")
            else:
                self._at = now()
                trouble.remove_class("shown")
                view.show([visible(line) for line in text.rstrip().splitlines()])
            self._retitle()
            await woken(self._wake, _PACE)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_look(self) -> None:
        self._wake.set()

    def _retitle(self) -> None:
        state = "following" if self.query_one(LogView).follow else "paused here, f follows"
        self.query_one(".title", Static).update(Content(f" {self._agent} · log · {state}"))

    def _hold(self, follow: bool) -> None:
        view = self.query_one(LogView)
        view.follow = follow
        if follow:
            view.scroll_end(animate=False)
        self._retitle()

    def action_follow(self) -> None:
        self._hold(not self.query_one(LogView).follow)

    def action_end(self) -> None:
        self._hold(True)

    def action_scroll(self, lines: int) -> None:
        self._hold(False)
        self.query_one(LogView).scroll_relative(y=lines, animate=False)
