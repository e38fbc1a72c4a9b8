"""Drawing with ASCII alone: every cell of every screen, for terminals that show nothing else."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from .render import words
from .table import paint
from .table.row import width_of

_BOXES = {
    "-": "─━═╌╍┄┅┈┉╴╶╼╾⎯‐‑‒–—―",
    "|": "│┃║╎╏┆┇┊┋╵╷╽╿▏▕",
    "+": "┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋⎿",
    "#": "█▓▒▀▄▌▐▔▁",
    ".": "░",
    "*": "●◉⏺✽✻✶✳✢•∙◦★☆",
    "o": "○◯◎",
    ">": "▶▸›→❯»▷",
    "<": "◀◂‹←❮«◁",
    "^": "▲▴↑⌃△",
    "v": "▼▾↓⌄▽✓✔",
    "x": "×✕✗✘",
    "~": "…≈",
    "'": "‘’",
    '"': "“”„",
}


def _table() -> Mapping[int, str]:
    """Each character of ours to its ASCII twin: what a glyph means comes before how it looks."""
    found = {ord(c): plain for plain, characters in _BOXES.items() for c in characters}
    pairs: list[tuple[str, str]] = [
        (words.UNICODE.warning, words.ASCII.warning),
        (words.UNICODE.times, words.ASCII.times),
        (words.UNICODE.dot, words.ASCII.dot),
        *((getattr(paint.UNICODE, name), getattr(paint.ASCII, name)) for name in paint.Strokes.__slots__),
    ]
    for ours, plain in (
        (words.UNICODE.links, words.ASCII.links),
        (words.UNICODE.phases, words.ASCII.phases),
        (words.UNICODE.states, words.ASCII.states),
    ):
        pairs += [(ours[key], plain[key]) for key in ours]  # type: ignore[index]
    return found | {ord(ours): plain for ours, plain in pairs if len(ours) == 1 and not ours.isascii()}


TABLE = _table()


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """``text`` in ASCII, exactly as many cells wide."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else TABLE.get(ord(c)) or _unknown(c) for c in text)


def _unknown(character: str) -> str:
    """A letter without its accent; anything else is a question mark for each of its cells."""
    width = width_of(character)
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return base if width and len(base) == width and base.isprintable() else "?" * width


class AsciiFilter(LineFilter):
    """The last thing that happens to a line before it is painted."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(plain(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def wanted(environ: Mapping[str, str] | None = None) -> bool:
    """Whether the locale says that this terminal shows no UTF-8. A locale that says nothing does not."""
    env = os.environ if environ is None else environ
    ctype = env.get("LC_CTYPE", "")
    if ctype == "C.UTF-8" and env.get("LANG", "") in ("C", "POSIX"):
        ctype = ""  # Python itself put it there, to be able to speak of the C locale's files
    locale = env.get("LC_ALL") or ctype or env.get("LANG") or ""
    return bool(locale) and "utf8" not in locale.lower().replace("-", "")
