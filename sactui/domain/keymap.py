"""The one table of keys: an action has one key, with one meaning, on every screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyAction:
    """One action a key can be bound to.

    ``changes`` marks what changes the cluster: absent from footers and refused below
    the screen when read-only. ``footer`` is the short word; lower ``rank`` comes first.
    """

    id: str
    key: str
    footer: str
    help: str
    group: str
    changes: bool = False
    rank: int = 50


ACTIONS: tuple[KeyAction, ...] = (
    KeyAction("attach", "a", "attach", "attach to the agent, in a pane", "Agent", rank=10),
    KeyAction("attach_full", "A", "full screen", "attach with the whole terminal", "Agent", rank=21),
    KeyAction("logs", "l", "logs", "the agent's log, following", "Agent", rank=12),
    KeyAction("start", "s", "start", "start the agent", "Agent", changes=True, rank=13),
    KeyAction(
        "restart", "ctrl+r", "", "end the agent, and start it as its file says now", "Agent", changes=True
    ),
    KeyAction("stop", "X", "stop", "stop the agent; its reservation stays", "Agent", changes=True, rank=14),
    KeyAction("next_attention", "n", "next asking", "next agent that needs you", "Agent", rank=15),
    KeyAction("previous_attention", "N", "previous", "previous agent that needs you", "Agent", rank=60),
    KeyAction("explain", "w", "why", "why this state: all the evidence", "Look", rank=23),
    KeyAction("details", "d", "details", "everything known about the row", "Look", rank=22),
    KeyAction("definition", "y", "definition", "the agent's definition", "Look", rank=24),
    KeyAction("book", "b", "book", "book a reservation", "Reservation", changes=True, rank=16),
    KeyAction("release", "R", "release", "release the reservation", "Reservation", changes=True, rank=17),
    KeyAction(
        "extend", "E", "extend", "change the reservation's time limit", "Reservation", changes=True, rank=18
    ),
    KeyAction("cancel", "C", "cancel", "cancel the job", "Job", changes=True, rank=13),
    KeyAction("hold", "h", "hold", "hold a waiting job", "Job", changes=True, rank=14),
    KeyAction("unhold", "u", "let go", "let a held job go on", "Job", changes=True, rank=14),
    KeyAction("requeue", "Q", "requeue", "put the job back into the queue", "Job", changes=True, rank=19),
    KeyAction("signal", "S", "signal", "send a signal to the job", "Job", changes=True, rank=19),
    KeyAction("time", "t", "time limit", "change the job's time limit", "Job", changes=True, rank=15),
    KeyAction("look", "r", "look now", "look now, and re-resolve the leases", "Look", rank=30),
    KeyAction(
        "filter", "slash", "filter", "filter: state:running gpu:>0 age:<1h /regex/ !not", "Table", rank=25
    ),
    KeyAction("sort_next", "greater_than_sign", "", "sort by the next column", "Table", rank=63),
    KeyAction("sort_previous", "less_than_sign", "", "sort by the column before", "Table", rank=64),
    KeyAction("sort_reverse", "o", "", "the other order", "Table", rank=65),
    KeyAction("columns", "c", "", "choose the columns", "Table", rank=66),
    KeyAction("views", "v", "", "saved views: filter, order and columns", "Table", rank=67),
    KeyAction("export", "x", "", "take the rows along: CSV, JSON, Markdown", "Table", rank=68),
    KeyAction("next_table", "tab", "next table", "next table", "Move", rank=40),
    KeyAction("previous_table", "shift+tab", "", "previous table", "Move", rank=61),
    KeyAction("reservations", "1", "", "reservations", "Move", rank=70),
    KeyAction("agents", "2", "", "agents", "Move", rank=71),
    KeyAction("jobs", "3", "", "jobs", "Move", rank=72),
    KeyAction("problems", "4", "", "problems", "Move", rank=73),
    KeyAction("mark", "space", "mark", "mark the row, to act on several", "Move", rank=62),
    KeyAction("back", "escape", "", "back", "Program", rank=80),
    KeyAction("activity", "5", "", "what changed, and since you left", "Look", rank=74),
    KeyAction("settings", "comma", "", "settings, written into the file", "Program", rank=85),
    KeyAction("help", "question_mark", "help", "all keys that work here", "Program", rank=90),
    KeyAction("quit", "q", "quit", "quit; nothing on the cluster stops", "Program", rank=95),
)

#: How a key is written for people, where Textual's name differs.
_WRITTEN = {
    "question_mark": "?",
    "escape": "esc",
    "slash": "/",
    "colon": ":",
    "comma": ",",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def written(key: str) -> str:
    """A key as people write it: ``?``, ``esc``, ``ctrl+p``."""
    return _WRITTEN.get(key, key)


def bound(overrides: Mapping[str, str] | None = None) -> tuple[KeyAction, ...]:
    """The table with a user's keys. Raises ValueError for an unknown action or a key used twice."""
    overrides = dict(overrides or {})
    known = {action.id for action in ACTIONS}
    for name in overrides:
        if name not in known:
            raise ValueError(f"keys: there is no action {name!r}; known: {', '.join(sorted(known))}")
    table = tuple(
        KeyAction(a.id, overrides.get(a.id, a.key), a.footer, a.help, a.group, a.changes, a.rank)
        for a in ACTIONS
    )
    used: dict[str, str] = {}
    for action in table:
        if action.key in used:
            raise ValueError(f"keys: {action.key!r} is bound to {used[action.key]} and to {action.id}")
        used[action.key] = action.id
    return table
