"""Spans and moments of time as people read them: short, constant, never wrapped."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

MINUTE, HOUR, DAY = 60, 3600, 86400

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def duration(seconds: float) -> str:
    """A span for a table: ``3s``, ``42m``, ``2h 1m``, ``4d 06h``. Below zero is ``0s``."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m"
    if whole < DAY:
        hours, minutes = whole // HOUR, whole % HOUR // MINUTE
        return f"{hours}h {minutes}m" if minutes else f"{hours}h"
    return f"{whole // DAY}d {whole % DAY // HOUR:02d}h"


def spoken(seconds: float) -> str:
    """A span in a sentence: ``34 s``, ``9 m``, ``2 h 1 m``, ``4 d 6 h``."""
    return re.sub(r"(\d+)([smhd])", lambda found: f"{int(found[1])} {found[2]}", duration(seconds))


def age(seconds: float) -> str:
    """How old something is, in a sentence: ``34 s``; the callers add "old" or "ago"."""
    return spoken(seconds)


def ago(seconds: float) -> str:
    """How long ago, in a sentence: ``9 m ago``, ``just now``."""
    return "just now" if seconds < 1 else f"{spoken(seconds)} ago"


def clock_time(at: float, now: float, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """A moment: ``19:31`` today, ``Wed 19:31`` within six days, else ``12 Dec 19:31``.

    ``zone`` is the reader's; None is this machine's. ``seconds`` makes it ``19:31:07``.
    """
    moment, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    days = (moment.date() - today.date()).days
    time = f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
    if days == 0:
        return time
    # Names of our own: strftime's follow the locale, and the rest is English.
    if abs(days) < 7:
        return f"{_DAYS[moment.weekday()]} {time}"
    return f"{moment.day} {_MONTHS[moment.month - 1]} {time}"
