"""One job, everything about it: what the queue showed at once, the rest as soon as it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from ... import clock
from ...domain.details import Details
from ...domain.text import visible, visible_lines
from ...errors import SactuiError
from ..render import words
from ..render.details import Facts
from ..theming import Theme, style
from ..widgets.preview import facts_text


class JobScreen(Screen[None]):
    """``fetch`` asks every source; its SactuiError is shown and what was known stays."""

    DEFAULT_CSS = """
    JobScreen { background: $background; }
    JobScreen > .title { height: 1; background: $surface; padding: 0 1; text-style: bold; }
    JobScreen > .note { height: auto; color: $text-muted; padding: 0 1; }
    JobScreen > VerticalScroll { height: 1fr; padding: 1 1 0 1; }
    JobScreen > .foot { height: 1; background: $surface; color: $text-muted; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back"),
        Binding("q", "leave", "back", show=False),
        Binding("r", "look", "look now"),
        Binding("j,down", "scroll(1)", show=False, priority=True),
        Binding("k,up", "scroll(-1)", show=False, priority=True),
        Binding("pagedown,ctrl+d", "scroll(20)", show=False, priority=True),
        Binding("pageup,ctrl+u", "scroll(-20)", show=False, priority=True),
        Binding("g,home", "scroll(-100000)", show=False, priority=True),
        Binding("G,end", "scroll(100000)", show=False, priority=True),
    ]

    def __init__(
        self, title: str, facts: Facts, fetch: Callable[[], Awaitable[Details]], look: Theme
    ) -> None:
        super().__init__()
        self._title, self._facts, self._fetch, self._look = title, facts, fetch, look

    def compose(self) -> ComposeResult:
        yield Static(Content(" " + visible(self._title)), classes="title")
        yield Static("", classes="note")
        with VerticalScroll(can_focus=True):
            yield Static(facts_text(self._facts, self._look), id="text")
        yield Static("r look again  ↑ ↓ scroll  esc back", classes="foot")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.action_look()

    def action_look(self) -> None:
        """Ask every source again; what is shown stays until they have answered."""
        self._note("from the queue; asking scontrol and sacct …")
        self.run_worker(self._ask(), exclusive=True)

    async def _ask(self) -> None:
        try:
            details = await self._fetch()
        except SactuiError as error:
            if self.is_attached:
                self._note("⚠ " + str(error).replace("\n", " · "))
            return
        if self.is_attached:
            self.query_one("#text", Static).update(self._text(details))
            at = words.clock_time(details.at, clock.now(), seconds=True)
            self._note(f"{', '.join(details.sources)}, asked at {at}")

    def _note(self, text: str) -> None:
        self.query_one(".note", Static).update(Content(visible(text)))

    def _text(self, details: Details) -> Text:
        text = Text()
        text.append(visible(details.headline) + "\n", style(self._look, "text"))
        if details.remedy:
            text.append("what to do  ", style(self._look, "dim"))
            text.append(visible(details.remedy) + "\n", style(self._look, "accent"))
        for name, why in details.missing:
            text.append(f"{name} could not be asked: {visible(why)}\n", style(self._look, "asking"))
        for part in details.parts:
            text.append(f"\n{visible(part.title)}\n", style(self._look, "accent"))
            text.append_text(facts_text(list(part.facts), self._look))
            for line in visible_lines(part.text) if part.text else ():
                text.append(f"{line}\n", style(self._look, "text"))
        return text

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines; far beyond an end is that end."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
