"""A table as text to take along: CSV, JSON or Markdown. Pure, apart from :func:`save`."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from ...domain.query import Field
from ...domain.text import visible
from ...errors import SactuiError
from .row import Bar, Cell, Row, text_of
from .widths import Column


class Form(StrEnum):
    """What an export is written as; the value is the file's suffix."""

    CSV = "csv"
    JSON = "json"
    MARKDOWN = "md"


#: What a spreadsheet would take for a formula: a job's name must not become one.
_FORMULA = re.compile(r"[=+\-@\t\r](?![\d.]*$)")


def text_table(form: Form, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Rows as they are shown: the words of every column, whether or not it fits the screen."""
    shown = [(at, column) for at, column in enumerate(columns) if column.key != "glyph"]
    names = [column.key for _, column in shown]
    table = [[_words(row.cells[at] if at < len(row.cells) else ()) for at, _ in shown] for row in rows]
    if form is Form.JSON:
        return _json([dict(zip(names, line, strict=True)) for line in table])
    return _csv([names, *table]) if form is Form.CSV else _markdown(names, table)


def records(items: Sequence[Any], fields: Sequence[Field[Any]], now: float) -> str:
    """Items as JSON with the values themselves: seconds, MiB, numbers; null for what is not known."""
    return _json([{field.name: _plain(field.value(item, now)) for field in fields} for item in items])


def _plain(value: str | float | None) -> str | float | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "unlimited"
    return visible(value) if isinstance(value, str) else value


def _words(cell: Cell) -> str:
    return f"{cell.fraction:.0%}" if isinstance(cell, Bar) else visible(text_of(cell))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _csv(lines: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([[f"'{cell}" if _FORMULA.match(cell) else cell for cell in line] for line in lines])
    return out.getvalue()


def _markdown(names: Sequence[str], table: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        escaped = (re.sub(r"([\\|`*_<>\[\]])", r"\\\1", cell) for cell in cells)
        return f"| {' | '.join(escaped)} |"

    return "\n".join([line(names), f"|{' --- |' * len(names)}", *map(line, table)]) + "\n"


def save(text: str, form: Form, name: str, now: float, directory: Path | None = None) -> Path:
    """Write it to a new file in the working directory and return its path. Raises SactuiError."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    place = (directory or Path.cwd()) / f"sactui-{name}-{stamp}.{form}"
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise SactuiError(
            f"{place}: cannot be written: {error.strerror or error}",
            "start sactui in a directory of yours, or copy instead",
        ) from error
    return place
