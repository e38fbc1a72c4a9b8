"""A captured screen (``tmux capture-pane -ep``) as styled rows, through the same engine."""

from __future__ import annotations

import re
from unicodedata import category

from sactui.terminal.engine import Engine
from sactui.terminal.screen import Run

#: All that a capture holds besides text: SGR, links, and shifts to the line drawing set.
_STYLING = re.compile(r"\x1b\[[0-9;:]*m")
#: Any other escape sequence, complete or cut off, and every control character but the newline.
_OTHER = re.compile(
    r"\x1b(?:[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\|$)?|\[[0-?]*[ -/]*[@-~]?|[ -/]*[0-~]?)"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def styled(text: str, columns: int, rows: int) -> list[list[Run]]:
    """The last ``rows`` lines of a captured screen, ``columns`` wide: longer lines are cut.

    ``text`` may be hostile: only colours and attributes take effect. Returns exactly
    ``rows`` lines (at least 1, at most the engine's largest screen). Raises
    TerminalUnavailable where there is no engine.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()  # the newline that ends the last line
    columns, rows = max(1, columns), max(1, rows)
    kept = [_only_styling(line) for line in lines[-rows:]]
    # As wide as the widest line may be, and then cut: a terminal that does not wrap
    # would write the end of a long line over its last column.
    widest = max((2 * len(_STYLING.sub("", line)) for line in kept), default=0)
    engine = Engine(max(columns, widest), rows)
    try:
        engine.feed(b"\x1b[?7l")
        for index, line in enumerate(kept):
            engine.feed(f"\x1b[{index + 1};1H{line}".encode("utf-8", "replace"))
        return [_cut(row, columns) for row in engine.screen()]
    finally:
        engine.close()


def _cut(row: list[Run], columns: int) -> list[Run]:
    found: list[Run] = []
    left = columns
    for text, style, width in row:
        if width <= left:
            found.append(Run(text, style, width))
        else:
            size = max(1, width // len(text))
            fits = left // size
            # A cell of several code points is a run of its own, and is not cut.
            cluster = any(category(character) in ("Mn", "Me", "Mc", "Cf") for character in text)
            if fits and len(text) * size == width and not cluster:
                found.append(Run(text[:fits], style, fits * size))
                left -= fits * size
            if left:
                found.append(Run(" " * left, style, left))  # half of a wide character
            break
        left -= width
        if not left:
            break
    return found


def _only_styling(line: str) -> str:
    found: list[str] = []
    end = 0
    for match in _STYLING.finditer(line):
        found += (_OTHER.sub("", line[end : match.start()]), match.group())
        end = match.end()
    found.append(_OTHER.sub("", line[end:]))
    return "".join(found)
