"""A terminal without a window: bytes in, styled rows and replies out.

An engine belongs to one thread: the library has no locks, and its calls let other
threads run. Nothing a program prints acts on the outside: clipboard, notifications,
images, files and links have no handler; a title is only kept for who asks.
"""

from __future__ import annotations

import re
import weakref
from typing import Any

from sactui import clock
from sactui.errors import SactuiError
from sactui.terminal import library as loading
from sactui.terminal.cells import Row
from sactui.terminal.library import Library
from sactui.terminal.screen import Cursor, CursorShape, Modes, Mouse, Run

#: A program that starts a frame (DEC 2026) and never ends it freezes the screen for this many seconds.
HOLD_SECONDS = 1.0

#: Largest screen. More than any display, and little enough that a wrong size costs no gigabytes.
MAX_COLUMNS, MAX_ROWS = 1000, 500

#: Bytes of unfetched replies that are kept; a program that asks without end gets no further answers.
MAX_REPLIES = 65536

_TITLE = 200
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb]")
#: The answer to "which keyboard protocol do you speak": not sent, since only the plain one is spoken.
_KITTY_ANSWER = re.compile(rb"\x1b\[\?\d+u")


class _Outside:
    """What callbacks of one terminal may touch. Holds no reference to its engine, so no cycle keeps it."""

    __slots__ = ("__weakref__", "held_since", "replies", "state")

    def __init__(self, state: Any) -> None:
        self.state = state
        self.replies = bytearray()
        self.held_since: float | None = None


class _Callbacks:
    """The functions the library calls, made once; the terminal's user data says for whom."""

    def __init__(self, library: Library) -> None:
        ffi, lib = library.ffi, library.lib

        def reply(_terminal: Any, outside: Any, data: Any, size: int) -> None:
            replies = ffi.from_handle(outside).replies
            if len(replies) + size <= MAX_REPLIES:
                replies += ffi.buffer(data, size)[:]

        def hold(terminal: Any, outside: Any, held: bool) -> None:
            target = ffi.from_handle(outside)
            if held:
                # What is on screen until the frame ends is the terminal as it is now.
                lib.ghostty_render_state_update(target.state, terminal)
                target.held_since = clock.monotonic()
            else:
                target.held_since = None

        def attributes(_terminal: Any, _outside: Any, out: Any) -> bool:
            out.primary.conformance_level = 62  # a VT220 ...
            out.primary.features[0] = 22  # ... with colour
            out.primary.num_features = 1
            out.secondary.device_type = 1
            out.secondary.firmware_version = 0
            out.secondary.rom_cartridge = 0
            out.tertiary.unit_id = 0
            return True

        self.reply = library.callback("GhosttyTerminalWritePtyFn", reply)
        self.hold = library.callback("GhosttyTerminalRenderHoldFn", hold)
        self.attributes = library.callback("GhosttyTerminalDeviceAttributesFn", attributes)


_callbacks: _Callbacks | None = None


def _callbacks_of(library: Library) -> _Callbacks:
    global _callbacks
    if _callbacks is None:
        _callbacks = _Callbacks(library)
    return _callbacks


class Engine:
    """A screen of ``columns`` x ``rows`` cells, with ``scrollback`` lines above it.

    Raises TerminalUnavailable where the library does not exist. Sizes outside
    1..MAX_COLUMNS x 1..MAX_ROWS are brought into it.
    """

    def __init__(self, columns: int, rows: int, scrollback: int = 0) -> None:
        library = self._library = loading.load()
        lib, ffi = library.lib, library.ffi
        self.columns, self.lines = _within(columns, rows)
        out = library.make("GhosttyTerminal")
        library.check(lib.ghostty_terminal_new(ffi.NULL, out, self.columns, self.lines), "open a terminal")
        self._terminal = out[0]
        self._state = library.new("GhosttyRenderState", lib.ghostty_render_state_new, "open a screen")
        self._iterator = library.new(
            "GhosttyRenderStateRowIterator", lib.ghostty_render_state_row_iterator_new, "read rows"
        )
        self._iterator_out = library.make("GhosttyRenderStateRowIterator", self._iterator)
        self._row = Row(library, self._iterator)
        self._outside = _Outside(self._state)
        self._handle = ffi.new_handle(self._outside)
        self._flag, self._y = library.make("int"), library.make("uint16_t")
        self._cursor_out = library.sized("GhosttyRenderStateCursor")
        self._point, self._ref = library.make("GhosttyPointS"), library.sized("GhosttyGridRef")
        self._mode_out = library.make("GhosttyTerminalModeConfig")
        self._configure(scrollback)
        self._free = weakref.finalize(
            self, _free, library, self._terminal, self._state, self._iterator, self._row
        )

    def _configure(self, scrollback: int) -> None:
        library = self._library
        lib, ffi = library.lib, library.ffi
        callbacks = _callbacks_of(self._library)
        nothing = library.make("bool", False)
        limit = 4096 if scrollback == 0 else scrollback * 1024 * 4
        for option, value in (
            (lib.GHOSTTY_TERMINAL_OPT_USERDATA, self._handle),
            (lib.GHOSTTY_TERMINAL_OPT_WRITE_PTY, callbacks.reply),
            (lib.GHOSTTY_TERMINAL_OPT_RENDER_HOLD, callbacks.hold),
            (lib.GHOSTTY_TERMINAL_OPT_DEVICE_ATTRIBUTES, callbacks.attributes),
            (lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_LINES, library.make("size_t", scrollback)),
            (lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_BYTES, library.make("size_t", limit)),
            # Images would be files read, memory mapped and megabytes kept for a picture nobody draws.
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_STORAGE_LIMIT, library.make("uint64_t", 0)),
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_MEDIUM_FILE, nothing),
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_MEDIUM_SHARED_MEM, nothing),
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_MEDIUM_TEMP_FILE, ffi.NULL),
            (lib.GHOSTTY_TERMINAL_OPT_GLYPH_PROTOCOL, nothing),
            (lib.GHOSTTY_TERMINAL_OPT_APC_MAX_BYTES, library.make("size_t", 4096)),
            # A title that can be read back is a way to type into the shell.
            (lib.GHOSTTY_TERMINAL_OPT_TITLE_REPORT, nothing),
        ):
            self._library.check(lib.ghostty_terminal_set(self._terminal, option, value), "be set up")

    @property
    def terminal(self) -> Any:
        """The native terminal, for the key and mouse encoders. Raises once the engine is closed."""
        if not self._free.alive:
            raise SactuiError("this terminal is closed")
        return self._terminal

    @property
    def library(self) -> Library:
        """The library this engine runs on."""
        return self._library

    def feed(self, data: bytes) -> None:
        """Take output of the program. Never raises, whatever the bytes are."""
        lib, terminal = self._library.lib, self.terminal
        lib.ghostty_terminal_vt_write(terminal, data, len(data))
        lib.ghostty_terminal_get(terminal, lib.GHOSTTY_TERMINAL_DATA_COLS, self._y)
        if self._y[0] != self.columns:
            # DECCOLM: a program may ask for 132 columns. The size is the window's, not the program's.
            self.resize(self.columns, self.lines)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; every row is dirty afterwards."""
        self.columns, self.lines = _within(columns, rows)
        result = self._library.lib.ghostty_terminal_resize(self.terminal, self.columns, self.lines, 8, 16)
        self._library.check(result, "change its size")
        self._outside.held_since = None

    @property
    def held(self) -> bool:
        """Whether the program is drawing a frame that is not to be shown yet (DEC 2026, at most a second)."""
        since = self._outside.held_since
        return since is not None and clock.monotonic() - since < HOLD_SECONDS

    def rows(self) -> list[tuple[int, list[Run]]]:
        """The rows that changed since the last call, with their line from the top, from 0."""
        lib = self._library.lib
        self._update()
        lib.ghostty_render_state_get(self._state, lib.GHOSTTY_RENDER_STATE_DATA_DIRTY, self._flag)
        dirty = self._flag[0]
        if dirty == lib.GHOSTTY_RENDER_STATE_DIRTY_FALSE:
            return []
        if dirty == lib.GHOSTTY_RENDER_STATE_DIRTY_FULL:
            found = list(enumerate(self._all()))
        else:
            found = []
            self._rewind()
            step, iterator, out, runs = (
                lib.ghostty_render_state_row_iterator_next_dirty, self._iterator, self._y, self._row.runs,
            )  # fmt: skip
            while step(iterator, out):
                found.append((out[0], runs()))
        lib.ghostty_render_state_clean(self._state)
        return found

    def screen(self) -> list[list[Run]]:
        """All rows. Rows stay dirty for :meth:`rows`."""
        self._update()
        return self._all()

    def text(self) -> list[str]:
        """All rows as plain text, without the blanks at their ends."""
        return ["".join(run.text for run in runs).rstrip() for runs in self.screen()]

    def _update(self) -> None:
        terminal = self.terminal
        if not self.held:
            result = self._library.lib.ghostty_render_state_update(self._state, terminal)
            self._library.check(result, "read its screen")

    def _rewind(self) -> None:
        lib = self._library.lib
        kind = lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR
        self._library.check(
            lib.ghostty_render_state_get(self._state, kind, self._iterator_out), "read its screen"
        )
        self._row.begin(one_page=not self.held and self._page(0) == self._page(self.lines - 1))

    def _page(self, y: int) -> Any:
        """The page of memory that holds a line (pages are in the order of their lines)."""
        point, out = self._point, self._ref
        point.tag, point.value.x, point.value.y = self._library.lib.GHOSTTY_POINT_TAG_VIEWPORT, 0, y
        self._library.check(self._library.grid_ref(self._terminal, point[0], out), "read its screen")
        return out.node

    def _all(self) -> list[list[Run]]:
        self._rewind()
        step, iterator, runs = (
            self._library.lib.ghostty_render_state_row_iterator_next, self._iterator, self._row.runs,
        )  # fmt: skip
        found = []
        while step(iterator):
            found.append(runs())
        return found

    @property
    def cursor(self) -> Cursor:
        """The cursor of the rows last read."""
        out, lib = self._cursor_out, self._library.lib
        self.terminal  # noqa: B018 - raises once the engine is closed
        lib.ghostty_render_state_get(self._state, lib.GHOSTTY_RENDER_STATE_DATA_CURSOR, out)
        if not out.viewport_has_value:
            return Cursor(0, 0, visible=False)
        return Cursor(
            x=max(0, out.viewport_x - (1 if out.wide_tail else 0)),
            y=out.viewport_y,
            visible=bool(out.visible),
            shape=_SHAPES.get(int(out.visual_style), CursorShape.BLOCK),
            blinking=bool(out.blinking),
        )

    @property
    def modes(self) -> Modes:
        """What the program switched on, as of the last bytes fed."""
        lib = self._library.lib
        lib.ghostty_terminal_get(self.terminal, lib.GHOSTTY_TERMINAL_DATA_ACTIVE_SCREEN, self._flag)
        return Modes(
            alternate_screen=self._flag[0] == lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE,
            application_cursor=self._mode(1),
            bracketed_paste=self._mode(2004),
            focus_events=self._mode(1004),
            mouse=(
                Mouse.MOTION
                if self._mode(1003)
                else Mouse.DRAGS
                if self._mode(1002)
                else Mouse.CLICKS
                if self._mode(1000) or self._mode(9)
                else Mouse.NONE
            ),
            mouse_sgr=self._mode(1006),
            synchronised=self._mode(2026),
        )

    def _mode(self, number: int) -> bool:
        out, lib = self._mode_out, self._library.lib
        out.mode = number
        return not lib.ghostty_terminal_get(self._terminal, lib.GHOSTTY_TERMINAL_DATA_MODE, out) and bool(
            out.value
        )

    def replies(self) -> bytes:
        """What the program asked the terminal for (its kind, the cursor's place) and must be
        written back to it. Each answer is returned once."""
        replies = self._outside.replies
        if not replies:
            return b""
        found = _KITTY_ANSWER.sub(b"", replies)
        replies.clear()
        return bytes(found)

    @property
    def title(self) -> str:
        """The title the program set: untrusted, without control characters, at most 200 characters."""
        lib, ffi = self._library.lib, self._library.ffi
        out = self._library.make("GhosttyString")
        if lib.ghostty_terminal_get(self.terminal, lib.GHOSTTY_TERMINAL_DATA_TITLE, out) or not out.len:
            return ""
        raw = ffi.buffer(out.ptr, min(out.len, 4 * _TITLE))[:]
        return _CONTROL.sub("", raw.decode("utf-8", "ignore"))[:_TITLE]

    def close(self) -> None:
        """Free the native memory now. Everything but ``close`` raises afterwards."""
        self._free()


def _free(library: Library, terminal: Any, state: Any, iterator: Any, row: Row) -> None:
    row.free()
    library.lib.ghostty_render_state_row_iterator_free(iterator)
    library.lib.ghostty_render_state_free(state)
    library.lib.ghostty_terminal_free(terminal)


def _within(columns: int, rows: int) -> tuple[int, int]:
    return min(max(1, columns), MAX_COLUMNS), min(max(1, rows), MAX_ROWS)


_SHAPES = {0: CursorShape.BAR, 1: CursorShape.BLOCK, 2: CursorShape.UNDERLINE, 3: CursorShape.HOLLOW}
