"""A captured screen (``tmux capture-pane -ep``) as styled rows, through the same engine."""

from __future__ import annotations

import re

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
    ``rows`` lines. Raises TerminalUnavailable where there is no engine.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()  # the newline that ends the last line
    engine = Engine(columns, rows)
    try:
        # No wrapping: a line that is too long is cut, as the pane's own edge would.
        engine.feed(b"\x1b[?7l")
        for index, line in enumerate(lines[-engine.lines :]):
            engine.feed(f"\x1b[{index + 1};1H{_only_styling(line)}".encode("utf-8", "replace"))
        return engine.screen()
    finally:
        engine.close()


def _only_styling(line: str) -> str:
    found: list[str] = []
    end = 0
    for match in _STYLING.finditer(line):
        found += (_OTHER.sub("", line[end : match.start()]), match.group())
        end = match.end()
    found.append(_OTHER.sub("", line[end:]))
    return "".join(found)
