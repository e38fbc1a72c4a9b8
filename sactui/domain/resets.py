"""When a usage limit ends, from the words on the screen.

Agents print a wall-clock time with its zone, such as ``7:30pm (Europe/Amsterdam)`` or
``Nov 24, 9am (UTC)``, or a duration, such as ``3 hours 12 minutes``. A time without a
zone is the agent's own, which is not known here: then there is no answer.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ZONE = re.compile(r"\(([A-Za-z0-9_+/-]{2,40})\)")
_CLOCK = re.compile(r"\b(\d{1,2})(?::(\d{2}))?\s?(am|pm)\b|\b(\d{1,2}):(\d{2})\b", re.IGNORECASE)
_SPAN = re.compile(r"\b(\d{1,4}) ?(d|h|m|s)(?:ays?|ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)?\b", re.IGNORECASE)
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(rf"\b({'|'.join(_MONTHS)})[a-z]{{0,6}}\.? (\d{{1,2}})\b", re.IGNORECASE)


def reset_at(text: str, said_at: float) -> float | None:
    """Epoch seconds of the reset that ``text`` names, the first after ``said_at``; None: not known.

    ``said_at`` is when it was printed, not now: a time that has passed since then is over,
    not tomorrow's.
    """
    if clock := _CLOCK.search(text):
        zone = _zone(text)
        return None if zone is None else _next(text, clock, zone, said_at)
    spans = _SPAN.findall(text)
    if spans:
        return said_at + sum(int(count) * _UNITS[unit.lower()] for count, unit in spans)
    return None


def _zone(text: str) -> tzinfo | None:
    found = _ZONE.search(text)
    if found is None:
        return None
    if found.group(1).upper() in ("UTC", "GMT"):
        return UTC
    try:
        return ZoneInfo(found.group(1))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _next(text: str, clock: re.Match[str], zone: tzinfo, said_at: float) -> float | None:
    if clock.group(3):
        hour, minute = int(clock.group(1)), int(clock.group(2) or 0)
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if clock.group(3).lower() == "pm" else 0)
    else:
        hour, minute = int(clock.group(4)), int(clock.group(5))
    said = datetime.fromtimestamp(said_at, zone)
    try:
        at = said.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
        if date := _DATE.search(text):
            at = at.replace(month=_MONTHS.index(date.group(1).lower()) + 1, day=int(date.group(2)))
            return (at if at >= said else at.replace(year=at.year + 1)).timestamp()
    except ValueError:
        return None
    # The next day at the same wall-clock time, which a change of clocks may put 23 or 25 hours away.
    return (at if at >= said else at + timedelta(days=1)).timestamp()
