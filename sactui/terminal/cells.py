"""From the library's 64-bit cells to runs of text.

A screen of 180x50 has 9000 cells, and one call of the library per cell would cost more
than all the rest. So a whole row is taken as one view and unpacked with arithmetic on
one large integer, in which each cell is a lane of 64 bits. The layout of a cell is no
promised interface: it is read from the manifest the library carries, checked against
the official getter on probe rows, and where the two disagree every cell goes through
the getter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import Any

from sactui.terminal.library import Library
from sactui.terminal.screen import PLAIN, Colour, Run, Style

#: A cluster longer than this is somebody's joke (or attack); the rest of it is dropped.
_CLUSTER = 16

#: Code points that act on whatever terminal shows them, or change the order of the text around them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)

#: The content of a cell: a code point, a code point with more of them, only a background colour.
TEXT, CLUSTER, PALETTE, RGB = range(4)
_WIDE, _TAIL = 1, 2

#: A Run without the detour through its keyword constructor: a screen has hundreds.
_run = partial(tuple.__new__, Run)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the fields of a cell lie: their lowest bits."""

    tag: int
    content: int
    style: int
    wide: int

    @classmethod
    def of(cls, library: Library) -> Layout | None:
        """The layout in the library's own manifest; None when it has another form than ours."""
        try:
            manifest = json.loads(library.ffi.string(library.lib.ghostty_type_json()))
            bits = manifest["types"]["GhosttyCell"]["bits"]
            widths = [bits[name]["width"] for name in ("content_tag", "content", "style_id", "wide")]
            layout = cls(*(bits[name]["lsb"] for name in ("content_tag", "content", "style_id", "wide")))
            codepoint = bits["content"]["arms"]["CODEPOINT"]["bits"]["codepoint"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        if widths != [2, 24, 16, 2] or codepoint != {"lsb": 0, "width": 21, "type": "u21"}:
            return None
        # The two highest bits of a lane are ours while grouping.
        return layout if max(layout.tag, layout.content + 22, layout.style + 14, layout.wide) < 60 else None


class Lanes:
    """The masks for rows of ``columns`` cells."""

    __slots__ = (
        "blank",
        "codepoint",
        "columns",
        "columns_from_1",
        "layout",
        "one",
        "own",
        "special",
        "style",
    )

    def __init__(self, layout: Layout, columns: int) -> None:
        self.layout = layout
        self.columns = columns
        self.one = ((1 << 64 * columns) - 1) // ((1 << 64) - 1)
        self.style = self.one * (0xFFFF << layout.style)
        self.codepoint = self.one * 0x1FFFFF
        # Multiplied with a lane's 1: the tag and content of that lane.
        self.blank = 0b11 << layout.tag | 0xFFFFFF << layout.content
        # Set in lanes that are more than one narrow code point, and in group keys of such lanes.
        self.special = self.one * (0b11 << layout.tag | 0b11 << layout.wide)
        self.own = 0b11 << layout.tag | 0b11 << 62
        self.columns_from_1 = range(1, columns)


class Row:
    """Reads rows of one render state. Valid until the render state is updated again."""

    def __init__(self, library: Library, iterator: Any, *, official: bool = False) -> None:
        self._ffi, self._lib = library.ffi, library.lib
        self._iterator = iterator
        lib, ffi = self._lib, self._ffi
        self._cells = library.new(
            "GhosttyRenderStateRowCells", lib.ghostty_render_state_row_cells_new, "read cells"
        )
        self._cells_out = library.make("GhosttyRenderStateRowCells", self._cells)
        self._view = library.make("GhosttyCellsView")
        self._style_out = library.sized("GhosttyStyle")
        self._style_bytes = ffi.buffer(self._style_out, ffi.sizeof(self._style_out[0]))
        self._count = library.make("uint32_t")
        self._styles: dict[bytes, Style] = {}
        self._backgrounds: dict[Colour, Style] = {}
        self._fields = _official(library)
        self._layout = None if official else _verified(library)
        self._lanes: Lanes | None = None
        self._seen = {0: PLAIN}
        self._open = False
        self._one_page = False

    def free(self) -> None:
        """Free the native handle."""
        self._lib.ghostty_render_state_row_cells_free(self._cells)

    @property
    def packed(self) -> bool:
        """Whether rows are unpacked here; False when every cell goes through the library's getter."""
        return self._layout is not None

    def words(self) -> bytes:
        """The cells of the iterator's row, 8 bytes each."""
        view = self._view
        kind = self._lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW
        if self._lib.ghostty_render_state_row_get(self._iterator, kind, view):
            return b""
        return bytes(self._ffi.buffer(view.ptr, 8 * view.len)) if view.len else b""

    def begin(self, *, one_page: bool) -> None:
        """A new frame. Style ids belong to a page of the library's memory: what an id means is
        known for the frame when all its rows lie on one page, and only within its row otherwise."""
        self._seen = {0: PLAIN}
        self._one_page = one_page

    def runs(self) -> list[Run]:
        """The iterator's row. The columns of its runs add up to the width of the screen."""
        words = self.words()
        if not self._one_page:
            self._seen = {0: PLAIN}
        self._open = False
        if self._layout is None:
            return self._slow(words)
        columns = len(words) // 8
        lanes = self._lanes
        if lanes is None or lanes.columns != columns:
            lanes = self._lanes = Lanes(self._layout, columns)
        return self._fast(words, lanes)

    def _fast(self, words: bytes, lanes: Lanes) -> list[Run]:
        layout, one, size = lanes.layout, lanes.one, len(words)
        row = int.from_bytes(words, "little")
        group = row & lanes.style
        content = row
        if row & lanes.special:
            tag, wide = row >> layout.tag, row >> layout.wide
            empty = (tag >> 1) & one
            cluster = tag & one & ~empty
            pair = (wide ^ (wide >> 1)) & one  # wide or its tail; a spacer at the end of a line is neither
            if (wide & pair) << 64 != (wide >> 1) & pair:
                return self._slow(words)
            cluster |= ((cluster & pair) << 64) & one  # a wide cluster and its tail stay together
            blank = empty * lanes.blank
            group |= row & blank | pair << 62 | cluster << 63
            content = row & ~blank
        codepoints = ((content >> layout.content) & lanes.codepoint).to_bytes(size, "little")
        text = codepoints.decode("utf-32-le", "replace")[::2].replace("\0", " ")
        if not text.isprintable():
            text = _UNSAFE.sub("\ufffd", text)
        columns = lanes.columns
        if not group:
            return [Run(text, PLAIN, columns)] if columns else []
        keys = memoryview(group.to_bytes(size, "little")).cast("Q")
        changes = memoryview((group ^ (group >> 64)).to_bytes(size, "little")).cast("Q")
        runs: list[Run] = []
        seen, append = self._seen, runs.append
        lowest, start = layout.style, 0
        for end in [*compress(lanes.columns_from_1, changes), columns]:
            key = keys[start]
            if not key & lanes.own:
                style = seen.get(key >> lowest) or self._style(start, key >> lowest)
                append(_run((text[start:end], style, end - start)))
            else:
                self._special(runs, text, start, end, key)
            start = end
        return runs

    def _special(self, runs: list[Run], text: str, start: int, end: int, key: int) -> None:
        """Cells that are only a background, wide characters, clusters."""
        layout = self._layout
        assert layout is not None
        tag, value = key >> layout.tag & 3, key >> layout.content & 0xFFFFFF
        if tag in (PALETTE, RGB):
            runs.append(Run(" " * (end - start), self._background(tag, value), end - start))
            return
        style = self._style(start, key >> layout.style & 0xFFFF)
        pair = key >> 62 & 1
        if not key >> 63:
            runs.append(Run(text[start : end : 1 + pair], style, end - start))
            return
        for x in range(start, end, 1 + pair):
            runs.append(Run(self._cluster(x), style, 1 + pair))

    def _slow(self, words: bytes) -> list[Run]:
        """The same runs, cell by cell: without a known layout, and for rows with half a wide
        character, which the library leaves behind in rare cases of margins and resizing."""
        cells = [self._fields(word) for word in memoryview(words).cast("Q")]
        runs: list[Run] = []
        last: tuple[int, int, int, int] | None = None
        for x, (tag, value, style_id, wide) in enumerate(cells):
            columns = 1
            if wide == _TAIL:
                if x and cells[x - 1][3] == _WIDE:
                    continue
                value = 0
            elif wide == _WIDE:
                whole = x + 1 < len(cells) and cells[x + 1][3] == _TAIL
                columns, value = (2, value) if whole else (1, 0)
            if tag in (PALETTE, RGB):
                text, style = " ", self._background(tag, value)
            elif tag == CLUSTER and value:
                text, style = self._cluster(x), self._style(x, style_id)
            else:
                text, style = _UNSAFE.sub("\ufffd", chr(value or 0x20)), self._style(x, style_id)
            group = (tag, value if tag in (PALETTE, RGB) else 0, style_id, columns)
            if group == last and tag != CLUSTER:
                runs[-1] = Run(runs[-1].text + text, style, runs[-1].columns + columns)
            else:
                runs.append(Run(text, style, columns))
            last = group
        return runs

    def _select(self, x: int) -> bool:
        if not self._open:
            kind = self._lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS
            if self._lib.ghostty_render_state_row_get(self._iterator, kind, self._cells_out):
                return False
            self._open = True
        return not self._lib.ghostty_render_state_row_cells_select(self._cells, x)

    def _style(self, x: int, style_id: int) -> Style:
        style = self._seen.get(style_id)
        if style is None:
            style = self._seen[style_id] = self._read_style(x)
        return style

    def _read_style(self, x: int) -> Style:
        kind = self._lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE
        if not self._select(x) or self._lib.ghostty_render_state_row_cells_get(
            self._cells, kind, self._style_out
        ):
            return PLAIN
        raw = self._style_bytes[:]
        style = self._styles.get(raw)
        if style is None:
            if len(self._styles) > 4096:  # a program that draws rainbows must not fill the memory
                self._styles.clear()
            style = self._styles[raw] = self._parse_style()
        return style

    def _parse_style(self) -> Style:
        raw = self._style_out
        return Style(
            foreground=self._colour(raw.fg_color),
            background=self._colour(raw.bg_color),
            underline_colour=self._colour(raw.underline_color),
            bold=bool(raw.bold),
            dim=bool(raw.faint),
            italic=bool(raw.italic),
            underline=int(raw.underline),
            reverse=bool(raw.inverse),
            strike=bool(raw.strikethrough),
            blink=bool(raw.blink),
            invisible=bool(raw.invisible),
            overline=bool(raw.overline),
        )

    def _colour(self, raw: Any) -> Colour:
        if raw.tag == self._lib.GHOSTTY_STYLE_COLOR_PALETTE:
            return int(raw.value.palette)
        if raw.tag == self._lib.GHOSTTY_STYLE_COLOR_RGB:
            return (int(raw.value.rgb.r), int(raw.value.rgb.g), int(raw.value.rgb.b))
        return None

    def _background(self, tag: int, value: int) -> Style:
        colour: Colour = (
            value & 0xFF if tag == PALETTE else (value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF)
        )
        style = self._backgrounds.get(colour)
        if style is None:
            if len(self._backgrounds) > 4096:
                self._backgrounds.clear()
            style = self._backgrounds[colour] = Style(background=colour)
        return style

    def _cluster(self, x: int) -> str:
        lib, cells = self._lib, self._cells
        if not self._select(x):
            return "\ufffd"
        if lib.ghostty_render_state_row_cells_get(
            cells, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN, self._count
        ):
            return "\ufffd"
        count = self._count[0]
        codepoints = bytearray(4 * count)
        if lib.ghostty_render_state_row_cells_get(
            cells, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF, self._ffi.from_buffer(codepoints)
        ):
            return "\ufffd"
        if not count:
            return " "
        first, *rest = map(chr, memoryview(codepoints).cast("I")[:_CLUSTER])
        return _UNSAFE.sub("\ufffd", first) + _UNSAFE.sub("", "".join(rest))


Fields = Callable[[int], tuple[int, int, int, int]]


def _official(library: Library) -> Fields:
    """Reads (tag, content, style id, wide) of one cell with the library's getter."""
    lib = library.lib
    get = lib.ghostty_cell_get
    number, index, colour = library.make("int"), library.make("uint16_t"), library.make("GhosttyColorRgb")
    codepoint, palette = library.make("uint32_t"), library.make("uint8_t")

    def fields(cell: int) -> tuple[int, int, int, int]:
        get(cell, lib.GHOSTTY_CELL_DATA_CONTENT_TAG, number)
        tag = int(number[0])
        get(cell, lib.GHOSTTY_CELL_DATA_WIDE, number)
        wide = int(number[0])
        get(cell, lib.GHOSTTY_CELL_DATA_STYLE_ID, index)
        if tag == PALETTE:
            get(cell, lib.GHOSTTY_CELL_DATA_COLOR_PALETTE, palette)
            value = int(palette[0])
        elif tag == RGB:
            get(cell, lib.GHOSTTY_CELL_DATA_COLOR_RGB, colour)
            value = colour.r | colour.g << 8 | colour.b << 16
        else:
            get(cell, lib.GHOSTTY_CELL_DATA_CODEPOINT, codepoint)
            value = int(codepoint[0])
        return tag, value, int(index[0]), wide

    return fields


def unpacked(layout: Layout, cell: int) -> tuple[int, int, int, int]:
    """(tag, content, style id, wide) of one cell, by its bits."""
    tag, content = cell >> layout.tag & 3, cell >> layout.content & 0xFFFFFF
    value = content & 0x1FFFFF if tag in (TEXT, CLUSTER) else content & 0xFF if tag == PALETTE else content
    return tag, value, cell >> layout.style & 0xFFFF, cell >> layout.wide & 3


_checked: dict[int, Layout | None] = {}

#: Every kind of cell: plain, styled, wide, cluster, backgrounds of both kinds, a wide
#: character that does not fit at the end of a line, a linked and a protected cell.
PROBE = (
    "az \x1b[1;38;5;200mB\x1b[48;2;1;2;3m\x1b[K\r\n\x1b[0m\u4e2d\U0001f600e\u0301\x1b[44m\x1b[K\r\n\x1b[0m"
    '1234567\u4e2d\r\n\x1b]8;;x:y\x1b\\L\x1b]8;;\x1b\\\x1b[1"qP\x1b[0"q'
).encode()


def _verified(library: Library) -> Layout | None:
    """The layout, when it reads the probe as the library's getter does; None otherwise. Checked once."""
    key = id(library)
    if key not in _checked:
        layout = Layout.of(library)
        _checked[key] = layout if layout is not None and _agrees(library, layout) else None
    return _checked[key]


def _agrees(library: Library, layout: Layout) -> bool:
    lib = library.lib
    fields = _official(library)
    terminal = library.make("GhosttyTerminal")
    library.check(lib.ghostty_terminal_new(library.ffi.NULL, terminal, 8, 6), "open a terminal")
    state = library.new("GhosttyRenderState", lib.ghostty_render_state_new, "open a screen")
    rows = library.new(
        "GhosttyRenderStateRowIterator", lib.ghostty_render_state_row_iterator_new, "read rows"
    )
    row = Row(library, rows, official=True)
    try:
        lib.ghostty_terminal_vt_write(terminal[0], PROBE, len(PROBE))
        library.check(lib.ghostty_render_state_update(state, terminal[0]), "read the screen")
        out = library.make("GhosttyRenderStateRowIterator", rows)
        kind = lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR
        library.check(lib.ghostty_render_state_get(state, kind, out), "read the screen")
        tags: set[int] = set()
        while lib.ghostty_render_state_row_iterator_next(rows):
            for word in memoryview(row.words()).cast("Q"):
                official = fields(word)
                if unpacked(layout, word) != official:
                    return False
                tags.add(official[0])
        # A probe that did not show every kind proves nothing about the missing one.
        return tags == {TEXT, CLUSTER, PALETTE, RGB}
    finally:
        row.free()
        lib.ghostty_render_state_row_iterator_free(rows)
        lib.ghostty_render_state_free(state)
        lib.ghostty_terminal_free(terminal[0])
