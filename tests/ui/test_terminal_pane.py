from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

import pytest
from rich.cells import cell_len
from rich.style import Style as RichStyle
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.widgets import Input

from sactui.errors import ConnectionLost
from sactui.terminal import library
from sactui.terminal.screen import Cursor, Run, Style
from sactui.ui.widgets import terminal_pane
from sactui.ui.widgets.terminal_pane import PaneState, TerminalPane
from sactui.ui.widgets.terminal_strip import Painter, fitted, with_cursor


class Stream:
    """A far end that says what the test tells it to."""

    def __init__(self, status: int | None = 0) -> None:
        self.output: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.written = b""
        self.sizes: list[tuple[int, int]] = []
        self.closed = 0
        self.status = status
        self.open = asyncio.Event()
        self.open.set()

    def says(self, data: bytes | str) -> None:
        self.output.put_nowait(data.encode() if isinstance(data, str) else data)

    def ends(self, error: Exception | None = None) -> None:
        self.output.put_nowait(error or b"")

    async def read(self, limit: int = 65536) -> bytes:
        data = await self.output.get()
        if isinstance(data, Exception):
            raise data
        return data

    async def write(self, data: bytes) -> None:
        await self.open.wait()
        if self.closed:
            raise ConnectionLost("gone")
        self.written += data

    async def wait(self) -> int | None:
        return self.status

    async def close(self, grace: float = 2.0) -> None:
        self.closed += 1

    def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))


class Host(App[None]):
    """An application with bindings that would steal keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", priority=True),
        Binding("x", "stop_agent"),
        Binding("tab", "stop_agent"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.said: list[object] = []
        self.stopped = 0

    def compose(self) -> ComposeResult:
        yield TerminalPane("trainer-2 [b] · gpu07")
        yield Input()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (isinstance(self.focused, TerminalPane) and self.focused.captures_keys)

    def action_stop_agent(self) -> None:
        self.stopped += 1

    def on_terminal_pane_left(self, message: TerminalPane.Left) -> None:
        self.said.append(message)

    def on_terminal_pane_ended(self, message: TerminalPane.Ended) -> None:
        self.said.append(message)


Check = Callable[[Pilot[None], Host, TerminalPane], Awaitable[None]]


def run(check: Check, size: tuple[int, int] = (60, 16)) -> None:
    async def main() -> None:
        app = Host()
        async with app.run_test(size=size) as pilot:
            pane = app.query_one(TerminalPane)
            pane.focus()
            await pilot.pause()
            await check(pilot, app, pane)

    asyncio.run(main())


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.005)


def shown(pane: TerminalPane) -> list[str]:
    return [pane.render_line(y).text.rstrip() for y in range(pane.size.height)]


def test_output_is_shown_and_keys_are_sent() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        assert pane.state is PaneState.CONNECTING
        assert "connecting" in str(pane.border_title)
        await pane.attach(stream)
        assert pane.state is PaneState.LIVE
        assert stream.sizes == [(58, pane.size.height)]
        stream.says("hello \x1b[1mworld\x1b[0m 中\r\n$ \x1b[6n")
        await until(lambda: shown(pane)[:2] == ["hello world 中", "$"], "the text")
        await until(lambda: stream.written == b"\x1b[2;3R", "the terminal's own answer")
        stream.written = b""
        await pilot.press(
            "l", "s", "space", "full_stop", "enter", "up", "ctrl+c", "ctrl+q", "ctrl+p", "tab", "x"
        )
        await until(lambda: stream.written == b"ls .\r\x1b[A\x03\x11\x10\tx", "every key")
        assert app.stopped == 0
        assert app.focused is pane

    run(check)


def test_one_chord_leaves_and_is_not_sent() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        assert "ctrl+] leaves" in str(pane.border_title)
        await pilot.press("a", "ctrl+right_square_bracket")
        await until(lambda: app.said, "the message")
        assert isinstance(app.said[0], TerminalPane.Left)
        assert app.said[0].control is pane
        await until(lambda: stream.written == b"a", "the key before")

    run(check)


def test_the_heading_is_no_markup_and_focus_decides_the_hint() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        assert "trainer-2 \\[b] · gpu07" in str(pane.border_title)
        app.query_one(Input).focus()
        await pilot.pause()
        assert "leaves" not in str(pane.border_title)
        pane.heading = "other"
        assert str(pane.border_title) == "other · connecting"

    run(check)


def test_only_changed_rows_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        stream.says("\x1b[?25l" + "\r\n".join(f"row {number}" for number in range(8)))
        await until(lambda: shown(pane)[7] == "row 7", "the first screen")
        regions: list[set[int]] = []
        refresh = pane.refresh

        def spy(*areas: object, **options: object) -> object:
            regions.append({area.y for area in areas})  # type: ignore[attr-defined]
            return refresh(*areas, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(pane, "refresh", spy)
        stream.says("\x1b[3;1Hchanged")
        await until(lambda: shown(pane)[2] == "changed", "the row")
        assert set().union(*regions) <= {2, 7}
        regions.clear()
        stream.says("\x1b[3;1Hchanged")
        stream.says("\x1b[1;1H!")
        await until(lambda: shown(pane)[0] == "!ow 0", "the row")
        assert set().union(*regions) <= {0, 2}

    run(check)


def test_a_new_size_reaches_the_stream_and_the_screen() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        stream.says("one two")
        await pilot.resize_terminal(40, 12)
        await until(lambda: stream.sizes[-1] == (38, pane.size.height), "the size")
        assert pane.engine is not None
        assert (pane.engine.columns, pane.engine.lines) == pane.grid
        await until(lambda: shown(pane)[0] == "one two", "the text")

    run(check)


@pytest.mark.parametrize(
    ("status", "error", "state", "reason"),
    [
        (0, None, PaneState.ENDED, "exit 0"),
        (3, None, PaneState.ENDED, "exit 3"),
        (None, None, PaneState.LOST, "the link was lost or the program was killed"),
        (0, ConnectionLost("spartan hung up", "press a"), PaneState.LOST, "spartan hung up"),
    ],
)
def test_the_end(status: int | None, error: Exception | None, state: PaneState, reason: str) -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream(status)
        await pane.attach(stream)
        stream.says("last words")
        stream.ends(error)
        await until(lambda: app.said, "the message")
        ended = app.said[0]
        assert isinstance(ended, TerminalPane.Ended)
        assert ended.reason == reason
        assert ended.status == (status if state is PaneState.ENDED else None)
        assert pane.state is state
        assert reason in str(pane.border_title)
        assert shown(pane)[0] == "last words"
        # Keys meant for the agent are not taken for commands, and are not sent.
        await pilot.press("x", "enter", "q")
        await pilot.pause()
        assert stream.written == b""
        assert app.stopped == 0
        await pilot.press("escape")
        await until(lambda: isinstance(app.said[-1], TerminalPane.Left), "the way out")

    run(check)


def test_a_connection_that_never_came() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        pane.fail("no channel is free")
        await until(lambda: app.said, "the message")
        assert pane.state is PaneState.LOST
        assert "lost: no channel is free" in str(pane.border_title)

    run(check)


def test_the_stream_is_closed_with_the_pane_and_with_the_next_stream() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        first, second = Stream(), Stream()
        await pane.attach(first)
        first.says("first")
        await until(lambda: shown(pane)[0] == "first", "the text")
        await pane.attach(second)
        assert first.closed == 1
        assert shown(pane)[0] == ""
        second.says("second")
        await until(lambda: shown(pane)[0] == "second", "the text")
        await pane.remove()
        assert second.closed == 1
        assert pane.engine is None

    run(check)


def test_without_the_engine_the_stream_is_closed_and_the_reason_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        monkeypatch.setattr(library, "_library", None)
        monkeypatch.setitem(sys.modules, "pyghostty._ffi", None)
        stream = Stream()
        with pytest.raises(library.TerminalUnavailable):
            await pane.attach(stream)
        assert stream.closed == 1

    run(check)


def test_pastes_are_marked_when_the_program_asks() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        stream.says("\x1b[?2004h$")
        await until(lambda: shown(pane)[0] == "$", "the prompt")
        pane.post_message(events.Paste("two\nlines"))
        await until(lambda: stream.written == b"\x1b[200~two\nlines\x1b[201~", "the paste")

    run(check)


def test_the_mouse_goes_to_a_program_that_asked_for_it() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        await pilot.click(pane, offset=(4, 3))
        assert stream.written == b""
        stream.says("\x1b[?1002h\x1b[?1006h$")
        await until(lambda: shown(pane)[0] == "$", "the prompt")
        # (4, 3) in the pane is (3, 2) inside its border, and the protocol counts from 1.
        await pilot.click(pane, offset=(4, 3))
        await until(lambda: stream.written == b"\x1b[<0;4;3M\x1b[<0;4;3m", "the click")

    run(check)


def test_focus_is_reported_to_a_program_that_asked() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        stream.says("\x1b[?1004h$")
        await until(lambda: shown(pane)[0] == "$", "the prompt")
        app.query_one(Input).focus()
        await until(lambda: stream.written == b"\x1b[O", "the focus out")
        pane.focus()
        await until(lambda: stream.written == b"\x1b[O\x1b[I", "the focus in")

    run(check)


def test_a_link_that_takes_nothing_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        monkeypatch.setattr(terminal_pane, "MAX_WAITING", 4)
        stream = Stream()
        stream.open.clear()
        await pane.attach(stream)
        for _ in range(3):
            await pilot.press("a", "b", "c")
        stream.open.set()
        await until(lambda: stream.written, "the keys")
        await pilot.pause()
        assert stream.written == b"abca"
        await pilot.press("z")
        await until(lambda: stream.written == b"abcaz", "keys after the jam")

    run(check)


def test_a_flood_leaves_the_console_its_turn() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        turns = 0
        done = False

        async def console() -> None:
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(console())
        flood = b"".join(b"\x1b[3%dmline %d\r\n" % (number % 8, number) for number in range(60_000))
        stream.says(flood)
        stream.says("\x1b[2J\x1b[Hend")
        await until(lambda: shown(pane)[0] == "end", "the end of the flood")
        done = True
        await other
        assert turns >= len(flood) // terminal_pane.SLICE

    run(check)


def test_a_broken_frame_shows_up_after_a_second() -> None:
    async def check(pilot: Pilot[None], app: Host, pane: TerminalPane) -> None:
        stream = Stream()
        await pane.attach(stream)
        stream.says("\x1b[?2026hstuck")
        await until(lambda: shown(pane)[0] == "stuck", "the frame without end")

    run(check)


def test_strips_are_as_wide_as_the_pane() -> None:
    painter = Painter(RichStyle())
    runs = [Run("ab", Style(bold=True), 2), Run("中文", Style(), 4), Run("\u2764\ufe0f", Style(), 1)]
    strip = painter.strip(runs, 12)
    assert strip.cell_length == 12
    assert cell_len(strip.text) == 12
    for x in range(12):
        marked = with_cursor(strip, Cursor(x, 0, visible=True), 12)
        assert cell_len(marked.text) == 12
    assert with_cursor(strip, Cursor(40, 0, visible=True), 12) is strip


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("plain", 5, "plain"),
        ("中文", 4, "中文"),
        ("\u2764\ufe0f", 1, "\u2764"),
        ("\U0001f468\u200d", 2, "\U0001f468"),
        ("e\u0301", 1, "e\u0301"),
        ("\u200d", 1, " "),
    ],
)
def test_characters_of_doubtful_width(text: str, columns: int, expected: str) -> None:
    assert fitted(text, columns) == expected
    assert cell_len(fitted(text, columns)) == columns
