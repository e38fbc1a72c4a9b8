"""How tables were last looked at, and views that were given a name: ``views.json`` in the state directory.

The file is a comfort: one that cannot be read is an empty one, and what cannot be written is
forgotten at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from ..domain.shape import Shape

#: The most views that a table keeps, and the longest text in one.
MOST = 40
_LONGEST = 500


class SavedViews:
    """The shapes of tables by name, kept in one file (0600)."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "views.json"
        self._last: dict[str, Shape] = {}
        self._named: dict[str, dict[str, Shape]] = {}
        self._read()

    def last(self, table: str) -> Shape:
        """How the table was last looked at, without its filter: that belongs to the moment."""
        shape = self._last.get(table, Shape())
        return Shape("", shape.sort, shape.descending, shape.columns, shape.hidden)

    def named(self, table: str) -> dict[str, Shape]:
        """The saved views of a table, by name."""
        return dict(sorted(self._named.get(table, {}).items()))

    def remember(self, table: str, shape: Shape) -> None:
        """Note how a table is looked at now."""
        if self._last.get(table) != shape:
            self._last[table] = shape
            self._write()

    def save(self, table: str, name: str, shape: Shape) -> None:
        """Keep a shape under a name; the oldest goes when there are too many."""
        views = self._named.setdefault(table, {})
        views.pop(name, None)
        views[name[:_LONGEST]] = shape
        while len(views) > MOST:
            views.pop(next(iter(views)))
        self._write()

    def remove(self, table: str, name: str) -> None:
        """Forget a saved view."""
        if self._named.get(table, {}).pop(name, None) is not None:
            self._write()

    # -- the file -------------------------------------------------------------------

    def _read(self) -> None:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return
        for table, entry in data.items() if isinstance(data, dict) else ():
            if not isinstance(entry, dict):
                continue
            self._last[table] = _shape(entry.get("last"))
            saved = entry.get("saved")
            for name, one in list(saved.items())[:MOST] if isinstance(saved, dict) else ():
                self._named.setdefault(table, {})[name[:_LONGEST]] = _shape(one)

    def _write(self) -> None:
        data = {
            table: {
                "last": _plain(self._last.get(table, Shape())),
                "saved": {name: _plain(shape) for name, shape in self._named.get(table, {}).items()},
            }
            for table in sorted({*self._last, *self._named})
        }
        temporary = self._path.with_name(f".views.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=1)
            temporary.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _plain(shape: Shape) -> dict[str, Any]:
    return {
        "filter": shape.filter,
        "sort": shape.sort,
        "descending": shape.descending,
        "columns": list(shape.columns),
        "hidden": list(shape.hidden),
    }


def _shape(data: object) -> Shape:
    if not isinstance(data, dict):
        return Shape()

    def text(key: str) -> str:
        value = data.get(key)
        return value[:_LONGEST] if isinstance(value, str) else ""

    def words(key: str) -> tuple[str, ...]:
        value = data.get(key)
        return tuple(one for one in value[:100] if isinstance(one, str)) if isinstance(value, list) else ()

    return Shape(
        text("filter"), text("sort"), data.get("descending") is True, words("columns"), words("hidden")
    )
