"""Problems as rows: where, what, what to do."""

from __future__ import annotations

from ...domain.fleet import Fleet
from ...domain.text import visible
from ..table.row import Row, cell
from ..table.widths import Column

COLUMNS: tuple[Column, ...] = (
    Column("where", min_width=16, max_width=36, priority=1),
    Column("what", min_width=20, flex=2, priority=0),
    Column("remedy", min_width=16, flex=1, priority=3, collapse=True),
)


def short(where: str) -> str:
    """A place without the directories that all share: ``docs/docs.yaml:3:7``."""
    return "/".join(where.rsplit("/", 2)[-2:])


def rows(fleet: Fleet) -> list[Row]:
    """One row per problem; what is broken on this machine, not on the cluster."""
    return [
        Row(
            (problem.where, problem.what),
            (
                cell(visible(short(problem.where))),
                cell(visible(problem.what), "asking"),
                cell(visible(problem.remedy), "dim"),
            ),
        )
        for problem in fleet.problems
    ]
