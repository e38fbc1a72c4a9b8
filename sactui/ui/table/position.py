"""Where cursor and window belong after the rows changed: by key, and still."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def find(keys: Sequence[Hashable], key: Hashable | None, near: int) -> int:
    """Where the key is now; when it is gone the old place ``near``, clamped; -1 without rows."""
    if not keys:
        return -1
    if 0 <= near < len(keys) and keys[near] == key:
        return near
    if key is not None:
        try:
            return keys.index(key)
        except ValueError:
            pass
    return min(max(near, 0), len(keys) - 1)


def revealed(top: int, height: int, cursor: int) -> int:
    """The first visible row, moved just far enough to see the cursor."""
    return min(max(top, cursor - height + 1), cursor)


def kept(
    top: int, height: int, before: Sequence[Hashable], was: int, after: Sequence[Hashable], cursor: int
) -> int:
    """The first visible row that keeps what a person looks at where it is.

    ``was`` and ``cursor`` are the selected row's place in the keys ``before`` and
    ``after``. At the very top the table stays at the top, so that news there is seen;
    else the selected row keeps its line, or the top row when the selected one is out of sight.
    """
    if height <= 0 or not after:
        return top
    seen = top <= was < top + height
    if top > 0:
        if seen:
            top = cursor - (was - top)
        elif top < len(before):
            top = find(after, before[top], top)
    if seen:
        top = revealed(top, height, cursor)
    return min(max(top, 0), max(0, len(after) - height))
