"""What a terminal shows, as plain values: styles, runs of cells, the cursor, the modes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

#: None is the terminal's default, an int one of the 256 palette colours, a triple is RGB (0..255).
Colour = int | tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell is drawn. Equal styles of one engine are the same object."""

    foreground: Colour = None
    background: Colour = None
    underline_colour: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    #: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed
    underline: int = 0
    reverse: bool = False
    strike: bool = False
    blink: bool = False
    invisible: bool = False
    overline: bool = False


#: The style of cells that nothing has styled.
PLAIN = Style()


class Run(NamedTuple):
    """Neighbouring cells with one style.

    ``columns`` is the width on the screen. Every character of ``text`` has the same
    width (1, or 2 for wide characters), except that a cell with several code points
    (combining marks, emoji sequences) is a run of its own. ``text`` holds no control
    characters and no code points that reorder text.
    """

    text: str
    style: Style
    columns: int


class CursorShape(StrEnum):
    """The form of the cursor."""

    BLOCK = "block"
    BAR = "bar"
    UNDERLINE = "underline"
    HOLLOW = "hollow"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the cursor is (cells from the top left corner, from 0), and how it looks."""

    x: int
    y: int
    visible: bool
    shape: CursorShape = CursorShape.BLOCK
    blinking: bool = False


class Mouse(StrEnum):
    """Which mouse events the program asked for."""

    NONE = "none"
    CLICKS = "clicks"
    DRAGS = "drags"
    MOTION = "motion"


@dataclass(frozen=True, slots=True)
class Modes:
    """What the program switched on."""

    alternate_screen: bool = False
    application_cursor: bool = False
    bracketed_paste: bool = False
    focus_events: bool = False
    mouse: Mouse = Mouse.NONE
    mouse_sgr: bool = False
    synchronised: bool = False
