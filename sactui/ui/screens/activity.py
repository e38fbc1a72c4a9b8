"""What changed lately, and what of it while nobody was there."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ...domain.changes import Change, Weight
from ...domain.spoken import clock_time, spoken
from ...domain.text import visible
from ..table.row import Span
from ..theming import Theme, painted

#: Seconds without a key after which a person counts as away.
AWAY = 120.0

_ROLES = {Weight.NEEDS_YOU: "asking", Weight.NEWS: "text", Weight.DETAIL: "dim"}


def activity(
    changes: Sequence[Change], away: tuple[float, float] | None, now: float, theme: Theme
) -> list[str | Text]:
    """The paragraphs of the activity dialog, the newest change first.

    ``away`` is (last key before, first key after) of the newest absence, if there was one.
    """
    if not changes:
        return ["Nothing has changed since this console was started."]
    since = [change for change in changes if away is not None and change.at >= away[0]]
    earlier = [change for change in changes if away is None or change.at < away[0]]
    paragraphs: list[str | Text] = []
    if away is not None:
        gone = spoken(away[1] - away[0])
        paragraphs.append(
            Text("\n").join(
                [
                    painted(theme, [(f"Since you left, {gone} without a key", "strong+bold")]),
                    *_lines(since, now, theme),
                ]
            )
            if since
            else f"You were away for {gone}; nothing has changed since then."
        )
    if earlier:
        title = "Before that" if away is not None else "Since this console was started"
        paragraphs.append(
            Text("\n").join([painted(theme, [(title, "strong+bold")]), *_lines(earlier, now, theme)])
        )
    return paragraphs


def _lines(changes: Sequence[Change], now: float, theme: Theme) -> list[Text]:
    lines = []
    for change in reversed(changes):
        what = f"{change.before or 'new'} → {change.after or 'gone'}"
        spans: list[Span] = [
            (f"{clock_time(change.at, now, seconds=True)}  ", "dim"),
            (f"{change.kind} ", "dim"),
            (f"{visible(change.name)}  ", "strong"),
            (visible(what), _ROLES[change.weight]),
        ]
        if change.why:
            spans.append((f"  {visible(change.why)}", "dim"))
        lines.append(painted(theme, spans))
    return lines
