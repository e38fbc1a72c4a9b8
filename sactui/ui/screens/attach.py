"""An agent's terminal inside the console: every key goes to the agent but one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from ...domain.text import visible
from ...errors import SactuiError
from ...transport.base import Terminal
from ..widgets.terminal_pane import TerminalPane


class AttachScreen(Screen[str]):
    """Dismisses with why it ended, in words: left, the agent ended, or the link broke.

    ``open_terminal`` gets columns and rows; ``after`` says what became of the agent once
    the stream has ended, because the exit status of the remote command is no proof.
    """

    DEFAULT_CSS = """
    AttachScreen { background: $background; }
    AttachScreen > .foot { height: 1; background: $surface; color: $text-muted; padding: 0 1; }
    AttachScreen > TerminalPane { height: 1fr; }
    """

    def __init__(
        self,
        name: str,
        title: str,
        open_terminal: Callable[[int, int], Awaitable[Terminal]],
        after: Callable[[], Awaitable[str]],
    ) -> None:
        super().__init__()
        self._agent = name
        self._title = title
        self._open_terminal = open_terminal
        self._after = after

    def compose(self) -> ComposeResult:
        yield TerminalPane(self._title)
        yield Static("every key goes to the agent; ctrl+] comes back here", classes="foot")

    def on_mount(self) -> None:
        pane = self.query_one(TerminalPane)
        pane.focus()
        # Its size is known after the first layout, and tmux must be born with the right one.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self._connect(), exclusive=True)

    async def _connect(self) -> None:
        pane = self.query_one(TerminalPane)
        try:
            await pane.attach(await self._open_terminal(*pane.grid))
        except SactuiError as error:
            self.dismiss(f"attach to {self._agent} failed: {error}")

    def on_terminal_pane_left(self, event: TerminalPane.Left) -> None:
        event.stop()
        self.dismiss("")

    def on_terminal_pane_ended(self, event: TerminalPane.Ended) -> None:
        event.stop()
        self.run_worker(self._look(), exclusive=True)

    async def _look(self) -> None:
        self.dismiss(visible(await self._after()))
