"""The reservations' table: how long each lasts, how full it is, who lives in it, what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...domain.fleet import Agent, Fleet, Reservation
from ...domain.job import UNLIMITED
from ...domain.state import AgentState, Phase
from ...domain.text import visible
from ..table.row import EMPTY, Bar, Cell, LazyRows, Row, cell
from ..table.widths import Column
from . import staleness, words

TITLE = "RESERVATIONS"
COLUMNS: tuple[Column, ...] = (
    Column("name", min_width=8, max_width=20, priority=1),
    Column("host", min_width=5, max_width=14, priority=30, collapse=True, whole=True),
    Column("glyph", min_width=1, max_width=1, priority=2),
    Column("state", min_width=7, max_width=10, gap=1, priority=3, whole=True),
    Column("node", min_width=4, max_width=12, priority=12, whole=True),
    Column("bar", "time left", min_width=10, max_width=20, priority=6, flash=False),
    Column("left", min_width=7, max_width=7, align="right", priority=4, flash=False, whole=True),
    Column("cpus", "cpus", min_width=4, max_width=9, align="right", gap=3, priority=14, whole=True),
    Column("cpubar", min_width=3, max_width=3, gap=1, priority=40, collapse=True),
    Column("memory", "memory", min_width=6, max_width=11, align="right", priority=16, whole=True),
    Column("memorybar", min_width=3, max_width=3, gap=1, priority=41, collapse=True),
    Column("tenants", "tenants", min_width=7, max_width=28, gap=3, priority=13, whole=True),
    Column("next", "next", min_width=18, max_width=60, flex=1, gap=3, priority=10),
    staleness.COLUMN,
)

SORTS: Mapping[str, Callable[[Reservation], tuple[object, ...]]] = {
    "name": lambda reservation: (reservation.name, reservation.host),
    "host": lambda reservation: (reservation.host, reservation.name),
    "left": lambda reservation: (reservation.ends_at or float("inf"), reservation.name),
    "state": lambda reservation: (reservation.phase.value, reservation.name),
}


def rows(
    fleet: Fleet,
    now: float,
    *,
    reservations: Sequence[Reservation] | None = None,
    glyphs: words.Glyphs = words.UNICODE,
) -> LazyRows[Reservation]:
    """The rows of a snapshot at ``now``; ``reservations`` if already filtered and sorted."""
    hosts = staleness.hosts_of(fleet)
    several = len(hosts) > 1
    tenants: dict[tuple[str, str], list[Agent]] = {}
    for agent in fleet.agents:
        if agent.reservation:
            tenants.setdefault((agent.host, agent.reservation), []).append(agent)

    def build(reservation: Reservation) -> Row:
        seen = staleness.seen(hosts.get(reservation.host), reservation.observed_at, now)
        tone, glyph = _state(reservation, glyphs)
        bar, left = _time(reservation, now)
        counts = words.tally(tenants.get(reservation.key, ()))
        job = reservation.job
        cpus, memory = (job.cpus, job.memory_mib) if job else (0, None)
        sentence = next_sentence(reservation, now)
        return Row(
            reservation.key,
            (
                cell(visible(reservation.name), "text"),
                cell(reservation.host, "dim") if several else EMPTY,
                cell(glyph, tone),
                cell(reservation.state, tone),
                cell(visible(reservation.node) or "-", "dim"),
                bar,
                left,
                cell(words.pair(reservation.cpus_used, cpus)) if cpus else cell("-", "dim"),
                _load(reservation.cpus_used, cpus, alarming=False),
                cell(words.memory_pair(reservation.memory_used_mib, memory)) if memory else cell("-", "dim"),
                _load(reservation.memory_used_mib, memory, alarming=True),
                tuple(words.tally_spans(counts, glyphs, most=4)) or cell("-", "dim"),
                cell(visible(sentence), "text" if reservation.trouble else "dim"),
                cell(seen.text, "dim"),
            ),
            dim=seen.stale,
        )

    chosen = fleet.reservations if reservations is None else reservations
    return LazyRows(chosen, _key, build)


def next_sentence(reservation: Reservation, now: float) -> str:
    """What happens to it next, or what is wrong with it."""
    if reservation.trouble is not None:
        return reservation.trouble.what
    if reservation.why:
        return reservation.why
    if reservation.phase is Phase.RUNNING and reservation.ends_at is not None:
        end = words.clock_time(reservation.ends_at, now)
        heir = reservation.successor
        if heir is not None:
            return f"ends {end}, job {heir.id} follows ({heir.state.lower()})"
        if reservation.generations and reservation.generation >= reservation.generations:
            return f"ends {end}, the last of {reservation.generations} jobs"
        return f"ends {end}, {'a successor follows' if reservation.persistent else 'nothing follows'}"
    return ""


def _state(reservation: Reservation, glyphs: words.Glyphs) -> tuple[str, str]:
    """Style and glyph: a word that is an agent's state as well (lost) looks like it."""
    if reservation.state in (AgentState.LOST, AgentState.UNKNOWN):
        state = AgentState(reservation.state)
        return state.value, glyphs.states[state]
    return reservation.phase.value, glyphs.phases[reservation.phase]


def _time(reservation: Reservation, now: float) -> tuple[Cell, Cell]:
    """The bar and the words of the time left; a pending one says when it may start, across both."""
    job = reservation.job
    if reservation.phase is Phase.PENDING:
        if job is not None and job.expected_start is not None:
            start = words.clock_time(job.expected_start, now)
            return cell(f"starts about {start} (estimate)", "dim"), EMPTY
        return cell("start not known yet", "dim"), EMPTY
    if reservation.phase.ended or reservation.phase is Phase.UNKNOWN:
        return EMPTY, cell("-", "dim")
    if reservation.ends_at is None:
        endless = job is not None and job.time_limit == UNLIMITED
        return (cell("no time limit", "dim"), EMPTY) if endless else (EMPTY, cell("-", "dim"))
    total = job.time_limit if job is not None and job.time_limit not in (None, UNLIMITED) else None
    left = words.time_left(reservation.ends_at - now, total)
    return left.bar or EMPTY, cell(left.text, left.style)


def _load(used: int | None, total: int | None, *, alarming: bool) -> Cell:
    """A small bar of what is used. Full memory kills, full CPUs are only busy."""
    if used is None or not total:
        return EMPTY
    share = used / total
    tone = "bar-calm"
    if alarming and share >= 0.9:
        tone = "bar-red" if share >= 0.97 else "bar-amber"
    return Bar(share, tone)


def _key(reservation: Reservation) -> tuple[str, str]:
    return reservation.key
