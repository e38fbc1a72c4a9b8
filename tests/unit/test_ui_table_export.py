"""Tables as text: nothing in a cell becomes a formula, a column or a line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from sactui.domain import fields
from sactui.domain.job import UNLIMITED, Job
from sactui.domain.state import Phase
from sactui.errors import SactuiError
from sactui.ui.table.export import Form, records, save, text_table
from sactui.ui.table.row import Bar, Row, cell
from sactui.ui.table.widths import Column

COLUMNS = (Column("glyph"), Column("name"), Column("bar", "time left"), Column("node"))
ROWS = [
    Row(1, (cell("*"), cell('=cmd|"x",y'), Bar(0.5, "bar-calm"), cell("-", "dim"))),
    Row(2, (cell("*"), cell("a|b\n`c` <b>"), Bar(0.25, "bar-calm"), cell("-5"))),
]


def test_csv_is_read_back_and_starts_no_formula() -> None:
    lines = list(csv.reader(io.StringIO(text_table(Form.CSV, COLUMNS, ROWS))))
    assert lines == [
        ["name", "bar", "node"],
        ['\'=cmd|"x",y', "50%", "-"],
        ["a|b\\n`c` <b>", "25%", "-5"],
    ]


def test_markdown_keeps_its_columns() -> None:
    lines = text_table(Form.MARKDOWN, COLUMNS, ROWS).splitlines()
    assert lines[0] == "| name | bar | node |"
    assert lines[3] == r"| a\|b\\n\`c\` \<b\> | 25% | -5 |"


def test_json_has_the_values_themselves() -> None:
    job = Job(
        7, "a\x1b[31m", "ada", "RUNNING", Phase.RUNNING, cpus=4, time_limit=UNLIMITED, submitted_at=100.0
    )
    (record,) = json.loads(records([("spartan", job)], fields.JOBS, 160.0))
    assert (record["id"], record["cpus"], record["memory"], record["age"]) == (7, 4, None, 60)
    assert record["limit"] == "unlimited"
    assert record["name"] == "a\\e[31m"


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    place = save("text", Form.CSV, "jobs", 0.0, tmp_path)
    assert place.read_text() == "text"
    assert place.name.startswith("sactui-jobs-19")
    with pytest.raises(SactuiError, match="cannot be written"):
        save("other", Form.CSV, "jobs", 0.0, tmp_path)
    assert place.read_text() == "text"
