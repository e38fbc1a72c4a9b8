"""A live terminal in a pane: another program's screen, and the way to type into it."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import ClassVar, Protocol

from rich.style import Style as RichStyle
from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from sactui import clock
from sactui.errors import SactuiError
from sactui.terminal.engine import HOLD_SECONDS, Engine
from sactui.terminal.keys import Action, Button, Encoder, chord
from sactui.terminal.library import preload
from sactui.terminal.screen import Cursor, Mouse, Run
from sactui.ui.widgets.terminal_strip import Painter, with_cursor

#: Bytes fed at once. Between two slices the rest of the console gets its turn (about 2 ms).
SLICE = 16384
#: Seconds between two paints.
FRAME = 1 / 60
#: Bytes that wait for a link that takes none, before further keys are refused.
MAX_WAITING = 1 << 20


class TerminalStream(Protocol):
    """The far end of a pane: a program on a pseudo-terminal."""

    async def write(self, data: bytes) -> None: ...

    async def read(self, limit: int = 65536) -> bytes: ...

    async def wait(self) -> int | None: ...

    async def close(self, grace: float = 2.0) -> None: ...

    def resize(self, columns: int, rows: int) -> None: ...


class PaneState(StrEnum):
    """What became of the program behind the pane."""

    CONNECTING = "connecting"
    LIVE = "live"
    ENDED = "ended"
    LOST = "lost"


class TerminalPane(Widget, can_focus=True):
    """Shows a terminal stream. Every key goes to its program, except one chord that leaves.

    The pane owns the stream it is given and closes it when it goes away. Applications
    whose bindings have priority (Textual's own quit and command palette have) must
    turn those off in ``check_action`` while ``captures_keys`` of the focused pane is
    true: they are looked at before any widget is.
    """

    ALLOW_SELECT: ClassVar[bool] = False
    DEFAULT_CSS = """
    TerminalPane {
        border: round $border-blurred;
        border-title-color: $text-muted;
        background: $background;
        color: $foreground;
        height: 1fr;
        width: 1fr;
        &:focus {
            border: round $border;
            border-title-color: $text;
        }
    }
    """

    state: reactive[PaneState] = reactive(PaneState.CONNECTING)

    class Left(Message):
        """The person pressed the chord that leaves the pane."""

        def __init__(self, pane: TerminalPane) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> TerminalPane:
            return self.pane

    class Ended(Message):
        """The program or the link ended. ``status`` is None when a signal or the link ended it."""

        def __init__(self, pane: TerminalPane, status: int | None, reason: str) -> None:
            super().__init__()
            self.pane = pane
            self.status = status
            self.reason = reason

        @property
        def control(self) -> TerminalPane:
            return self.pane

    def __init__(
        self,
        heading: str = "",
        *,
        leave: str = "ctrl+]",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """``heading`` stands in the border (name · node · …); ``leave`` is the one chord that is not sent."""
        super().__init__(name=name, id=id, classes=classes)
        self._heading = heading
        self._leave_text, self._leave = leave, chord(leave)
        self._reason = ""
        self._stream: TerminalStream | None = None
        self._engine: Engine | None = None
        self._encoder: Encoder | None = None
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting = 0
        self._rows: list[list[Run]] = []
        self._strips: list[Strip | None] = []
        self._cursor = Cursor(0, 0, visible=False)
        self._painter: Painter | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._painted = float("-inf")

    # What the owner calls

    @property
    def grid(self) -> tuple[int, int]:
        """Columns and rows of the pane: the size to open the stream with."""
        size = self.size
        return (size.width, size.height) if size.width and size.height else (80, 24)

    @property
    def captures_keys(self) -> bool:
        """Whether keys belong to the pane: the application's own bindings must stand back."""
        return self.has_focus

    @property
    def heading(self) -> str:
        """What the border says about the program. Never taken as markup."""
        return self._heading

    @heading.setter
    def heading(self, heading: str) -> None:
        self._heading = heading
        self._show_title()

    @property
    def engine(self) -> Engine | None:
        """The screen behind the pane, once a stream is attached."""
        return self._engine

    async def attach(self, stream: TerminalStream) -> None:
        """Show this stream, and own it. Raises TerminalUnavailable (the stream is closed then)."""
        await self.release()
        self._stream = stream
        try:
            # The first load parses declarations for some tenths of a second: not on the loop.
            await asyncio.to_thread(preload)
            self._engine = Engine(*self.grid)
        except SactuiError:
            await self.release()
            raise
        self._encoder = Encoder(self._engine)
        self._outgoing, self._waiting = asyncio.Queue(), 0
        self._rows, self._strips = [], []
        self._reason = ""
        stream.resize(*self.grid)
        self.state = PaneState.LIVE
        self._paint()
        self.run_worker(self._read(stream, self._engine), group="terminal", name="terminal reader")
        self.run_worker(self._write(stream), group="terminal", name="terminal writer")

    def fail(self, reason: str) -> None:
        """No stream came: say why."""
        self._finish(None, reason)

    async def release(self) -> None:
        """Let go of the stream and close it; the pane is as new."""
        self.workers.cancel_group(self, "terminal")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        stream, self._stream = self._stream, None
        encoder, self._encoder = self._encoder, None
        engine, self._engine = self._engine, None
        if encoder is not None:
            encoder.close()
        if engine is not None:
            engine.close()
        self._rows, self._strips = [], []
        self.state = PaneState.CONNECTING
        if stream is not None:
            await stream.close()

    async def on_unmount(self) -> None:
        await self.release()

    # The stream

    async def _read(self, stream: TerminalStream, engine: Engine) -> None:
        try:
            while data := await stream.read(65536):
                for start in range(0, len(data), SLICE):
                    engine.feed(data[start : start + SLICE])
                    if replies := engine.replies():
                        self._send(replies)
                    self._schedule()
                    await asyncio.sleep(0)
            status = await stream.wait()
        except SactuiError as error:
            self._finish(None, error.message)
        else:
            self._finish(status, "" if status is not None else "the link was lost or the program was killed")

    async def _write(self, stream: TerminalStream) -> None:
        outgoing = self._outgoing
        while True:
            data = await outgoing.get()
            while not outgoing.empty():
                data += outgoing.get_nowait()
            try:
                for start in range(0, len(data), SLICE):
                    await stream.write(data[start : start + SLICE])
            except (SactuiError, BrokenPipeError, ConnectionError):
                return  # the reader sees the same end, and knows why
            finally:
                self._waiting -= len(data)

    def _send(self, data: bytes) -> None:
        if self.state is not PaneState.LIVE or not data:
            return
        if self._waiting + len(data) > MAX_WAITING:
            self.app.bell()
            return
        self._waiting += len(data)
        self._outgoing.put_nowait(data)

    def _finish(self, status: int | None, reason: str) -> None:
        if self.state in (PaneState.ENDED, PaneState.LOST):
            return
        self._paint()
        self._reason = reason or f"exit {status}"
        self.state = PaneState.LOST if status is None else PaneState.ENDED
        self.post_message(self.Ended(self, status, self._reason))

    # Painting

    def _schedule(self, delay: float | None = None) -> None:
        """Paint soon: at once when the last frame is over, else at its end."""
        if self._timer is not None:
            return
        wait = self._painted + FRAME - clock.monotonic() if delay is None else delay
        if wait <= 0:
            self._paint()
        else:
            self._timer = asyncio.get_running_loop().call_later(min(wait, HOLD_SECONDS), self._due)

    def _due(self) -> None:
        self._timer = None
        self._paint()

    def _paint(self) -> None:
        """Take the changed rows over and mark them, and only them, for drawing."""
        engine = self._engine
        if engine is None:
            return
        self._painted = clock.monotonic()
        columns, height = engine.columns, engine.lines
        if len(self._rows) != height:
            self._rows, self._strips = [[] for _ in range(height)], [None] * height
        changed = set()
        for y, runs in engine.rows():
            if y < height and self._rows[y] != runs:
                self._rows[y], self._strips[y] = runs, None
                changed.add(y)
        if (cursor := engine.cursor) != self._cursor:
            changed |= {self._cursor.y, cursor.y}
            self._cursor = cursor
        if changed:
            self.refresh(*(Region(0, y, columns, 1) for y in changed))
        if engine.held:
            self._schedule(HOLD_SECONDS)  # a frame that never ends is shown as it is

    def render(self) -> RenderResult:
        """Lines are drawn one by one, by render_line."""
        return ""

    def render_line(self, y: int) -> Strip:
        """One line of the terminal."""
        width = self.size.width
        if self._painter is None:
            gone = RichStyle(dim=True) if self.state in (PaneState.ENDED, PaneState.LOST) else RichStyle()
            self._painter = Painter(self.rich_style + gone)
        if y >= len(self._rows):
            return Strip.blank(width, self._painter.base)
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._painter.strip(self._rows[y], width)
        cursor = self._cursor
        if cursor.visible and cursor.y == y and self.has_focus and self.state is PaneState.LIVE:
            return with_cursor(strip, cursor, width)
        return strip

    def notify_style_update(self) -> None:
        """The theme or the focus changed: no drawn row is right any more."""
        super().notify_style_update()
        self._painter = None
        self._strips = [None] * len(self._rows)

    def watch_state(self) -> None:
        self._painter = None
        self._strips = [None] * len(self._rows)
        self._show_title()
        self.refresh()

    def _show_title(self) -> None:
        says = {
            PaneState.CONNECTING: "connecting",
            PaneState.LIVE: "live",
            PaneState.ENDED: f"ended, {self._reason}",
            PaneState.LOST: f"lost: {self._reason}",
        }[self.state]
        parts = [self._heading, says]
        if self.has_focus:
            parts.append(f"{self._leave_text} leaves")
        # Content, not text: names of agents are not markup.
        self.border_title = Content(" · ".join(part for part in parts if part))

    # The person

    def on_resize(self) -> None:
        engine, stream = self._engine, self._stream
        if engine is None or stream is None or (engine.columns, engine.lines) == self.grid:
            return
        engine.resize(*self.grid)
        self._rows, self._strips = [], []
        if self.state is PaneState.LIVE:
            stream.resize(engine.columns, engine.lines)
        self._paint()
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        # Swallowed in every state: what was meant for an agent must not become a command
        # of the console because the link broke a moment before.
        event.stop()
        event.prevent_default()
        if event.key == self._leave or (event.key == "escape" and self.state is not PaneState.LIVE):
            self.post_message(self.Left(self))
        elif self._encoder is not None:
            self._send(self._encoder.key(event.key, event.character))

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        if self._encoder is not None:
            self._send(self._encoder.paste(event.text))

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._show_title()
        self.refresh(Region(0, self._cursor.y, self.size.width, 1))
        if self._encoder is not None:
            self._send(self._encoder.focus(has_focus))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._point(event, Action.PRESS, _BUTTONS.get(event.button, Button.NONE)):
            self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.release_mouse()
        self._point(event, Action.RELEASE, _BUTTONS.get(event.button, Button.NONE))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point(event, Action.MOVE, _BUTTONS.get(event.button, Button.NONE))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._point(event, Action.PRESS, Button.WHEEL_UP)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._point(event, Action.PRESS, Button.WHEEL_DOWN)

    def _point(self, event: events.MouseEvent, action: Action, button: Button) -> bool:
        """Hand a mouse event to the program, if it asked for any."""
        engine, encoder = self._engine, self._encoder
        if engine is None or encoder is None or self.state is not PaneState.LIVE:
            return False
        if engine.modes.mouse is Mouse.NONE:
            return False
        event.stop()
        place = event.get_content_offset_capture(self)
        x, y = min(max(place.x, 0), engine.columns - 1), min(max(place.y, 0), engine.lines - 1)
        self._send(encoder.mouse(action, button, x, y, shift=event.shift, alt=event.meta, ctrl=event.ctrl))
        return True


_BUTTONS = {1: Button.LEFT, 2: Button.MIDDLE, 3: Button.RIGHT}
