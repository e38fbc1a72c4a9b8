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
        self._stream: Terminal | None = None

    def compose(self) -> ComposeResult:
        yield TerminalPane(title=self._title)
        yield Static("every key goes to the agent; ctrl+] comes back here", classes="foot")

    def on_mount(self) -> None:
        pane = self.query_one(TerminalPane)
        pane.focus()
        # Its size is known after the first layout, and tmux must be born with the right one.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self._attach(), exclusive=True)

    async def _attach(self) -> None:
        pane = self.query_one(TerminalPane)
        columns, rows = pane.terminal_size
        try:
            self._stream = await self._open_terminal(columns, rows)
        except SactuiError as error:
            self.dismiss(f"attach to {self._agent} failed: {error}")
            return
        pane.attach(self._stream)

    async def on_terminal_pane_left(self, event: TerminalPane.Left) -> None:
        event.stop()
        await self._end("")

    async def on_terminal_pane_ended(self, event: TerminalPane.Ended) -> None:
        event.stop()
        self.run_worker(self._look(), exclusive=True)

    async def _look(self) -> None:
        await self._end(visible(await self._after()))

    async def _end(self, why: str) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()
        self.dismiss(why)

    async def on_unmount(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()
