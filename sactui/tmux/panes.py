"""``list-panes -a``: every pane of a server, in one question.

Titles, commands and session names are chosen by programs, and pane options by whoever
runs in the pane: fields and records end in random tokens, and what others write is cut
to a length. tmux 3.4 strips control bytes from its output, so the tokens are letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..domain.pane import Pane
from ..domain.text import decode

#: (format, key) of each field; what programs choose comes last. A ``:`` or ``}`` within
#: the character class would end tmux's expression, so the classes name what is kept.
_FIELDS: tuple[tuple[str, str], ...] = (
    ("#{pane_id}", "pane_id"),
    ("#{window_index}", "window"),
    ("#{pane_pid}", "pid"),
    ("#{pane_dead}", "dead"),
    ("#{pane_dead_status}", "exit_status"),
    ("#{pane_dead_signal}", "exit_signal"),
    ("#{pane_width}", "width"),
    ("#{pane_height}", "height"),
    ("#{history_size}", "history"),
    ("#{window_activity}", "activity"),
    ("#{session_created}", "created"),
    ("#{pane_in_mode}", "in_mode"),
    ("#{session_attached}", "attached"),
    ("#{pid}", "server_pid"),
    ("#{version}", "version"),
    ("#{=60;s/[^a-zA-Z0-9 ]/_/:@sactui_state}", "report"),
    ("#{=20;s/[^0-9.]/_/:@sactui_at}", "report_at"),
    ("#{=60;s/[^a-zA-Z0-9_-]/_/:@sactui_agent}", "label"),
    ("#{=200:session_name}", "session"),
    ("#{=200:pane_current_command}", "command"),
    ("#{=200:pane_title}", "title"),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """The panes of a server, what it said of itself, and how many records did not fit."""

    panes: tuple[Pane, ...]
    server_pid: int
    version: str
    bad: int
    #: what stands outside the records: answers of further commands, errors
    rest: str


def form(token: str) -> str:
    """The ``-F`` text. Each record is ``<token>p`` fields between ``<token>f`` ``<token>e``."""
    return f"{token}p " + f"{token}f".join(text for text, _ in _FIELDS) + f"{token}e"


def parse(data: bytes | str, token: str) -> Listing:
    """Read the output of ``list-panes -F form(token)``. Never raises."""
    text = decode(data) if isinstance(data, bytes) else data
    panes: list[Pane] = []
    pid, version, bad, rest = 0, "", 0, []
    position = 0
    begin, end = f"{token}p ", f"{token}e"
    while (start := text.find(begin, position)) >= 0:
        rest.append(text[position:start])
        stop = text.find(end, start)
        following = text.find(begin, start + len(begin))
        if stop < 0 or 0 <= following < stop:
            bad += 1
            position = following if following >= 0 else len(text)
            continue
        values = text[start + len(begin) : stop].split(f"{token}f")
        given = dict(zip((key for _, key in _FIELDS), values, strict=False))
        pane = _pane(given) if len(values) == len(_FIELDS) else None
        if pane is None:
            bad += 1
        else:
            panes.append(pane)
            pid, version = _number(given["server_pid"]) or pid, given["version"][:20] or version
        position = stop + len(end)
        if text.startswith("\n", position):
            position += 1
    rest.append(text[position:])
    return Listing(tuple(panes), pid, version, bad, "".join(rest))


def _pane(given: dict[str, str]) -> Pane | None:
    pane_id, session = given["pane_id"], given["session"]
    if not re.fullmatch(r"%[0-9]{1,9}", pane_id) or not session:
        return None
    return Pane(
        session=session,
        pane_id=pane_id,
        window=_number(given["window"]) or 0,
        pid=_number(given["pid"]) or 0,
        dead=given["dead"] == "1",
        exit_status=_number(given["exit_status"]),
        exit_signal=given["exit_signal"]
        if re.fullmatch(r"[A-Za-z0-9+-]{1,20}", given["exit_signal"])
        else "",
        command=given["command"],
        title=given["title"],
        width=_number(given["width"]) or 0,
        height=_number(given["height"]) or 0,
        history=_number(given["history"]) or 0,
        activity_at=_time(given["activity"]),
        created_at=_time(given["created"]),
        in_mode=given["in_mode"] not in ("", "0"),
        attached=_number(given["attached"]) or 0,
        report=given["report"],
        report_at=_time(given["report_at"]),
        label=given["label"],
    )


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def _time(text: str) -> float | None:
    return float(text) or None if re.fullmatch(r"[0-9]{1,11}(?:\.[0-9]{1,9})?", text) else None
