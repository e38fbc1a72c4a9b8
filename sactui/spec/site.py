"""``/etc/sactui/site.yaml``: a site's wishes, read from its login node once per connection.

A key that cannot be understood is named and has no effect; the others hold. The file is
the site's, so a mistake in it never stops a user::

    min_interval: 30        # seconds between two looks at the queue
    all_users: false        # nobody lists other users' jobs
    persistent: false       # no reservation submits its own successor
    max_channels: 1         # open steps per user
    message: "maintenance on Tuesday"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from ..domain.site import Site
from ..domain.text import visible

#: Bytes of the file that are read.
LARGEST = 8192
_LONGEST_MESSAGE = 500


def parse(raw: bytes) -> Site:
    """The wishes in ``raw``; empty means none. Never raises."""
    if not raw.strip():
        return Site()
    try:
        # A shell printed it: no tags, no aliases, nothing but plain values counts.
        data = yaml.safe_load(raw.decode("utf-8", "replace"))
    except (yaml.YAMLError, RecursionError, ValueError):
        return Site(mistakes=("the file is not YAML",))
    if not isinstance(data, dict):
        return Site(mistakes=("the file is not a mapping of 'key: value' lines",))
    known: dict[str, Any] = {}
    mistakes: list[str] = []
    for key, value in data.items():
        reader = _READERS.get(str(key))
        if reader is None:
            mistakes.append(f"{visible(str(key))[:40]}: not a key of it; known: {', '.join(_READERS)}")
            continue
        try:
            known[str(key)] = reader(value)
        except ValueError as error:
            mistakes.append(f"{key}: {error}")
    return Site(**known, mistakes=tuple(mistakes[:10]))


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
        raise ValueError("must be seconds, 0 to 3600")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError("must be a number, 0 to 100")
    return value


def _message(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return visible(value.strip())[:_LONGEST_MESSAGE]


_READERS: dict[str, Callable[[Any], Any]] = {
    "min_interval": _seconds,
    "all_users": _flag,
    "persistent": _flag,
    "max_channels": _count,
    "message": _message,
}
