"""The agents' table: who needs you, and what everybody does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...domain.fleet import Agent, Fleet
from ...domain.state import URGENCY, AgentState
from ...domain.text import visible
from ..table.row import EMPTY, LazyRows, Row, cell
from ..table.widths import Column
from . import staleness, words

TITLE = "AGENTS"
COLUMNS: tuple[Column, ...] = (
    Column("glyph", min_width=1, max_width=1, priority=1),
    Column("name", min_width=14, max_width=24, gap=1, priority=2),
    Column("state", min_width=10, max_width=12, priority=3, whole=True),
    Column("since", min_width=6, max_width=7, align="right", priority=4, flash=False, whole=True),
    Column("why", min_width=24, max_width=80, flex=1, priority=5),
    Column("model", min_width=5, max_width=12, priority=20, collapse=True, whole=True),
    Column("reservation", min_width=6, max_width=16, priority=15, collapse=True, whole=True),
    Column("host", min_width=5, max_width=14, priority=30, collapse=True, whole=True),
    staleness.COLUMN,
)

_RANK: Mapping[AgentState, int] = {state: rank for rank, state in enumerate(URGENCY)}

#: How to sort by a column, for columns where that says something.
SORTS: Mapping[str, Callable[[Agent], tuple[object, ...]]] = {
    "state": lambda agent: (_RANK[agent.state], agent.name, agent.host),
    "name": lambda agent: (agent.name, agent.host),
    "since": lambda agent: (-(agent.verdict.since or 0.0), agent.name),
    "reservation": lambda agent: (agent.host, agent.reservation, agent.name),
    "model": lambda agent: (agent.model, agent.name),
}


def ordered(agents: Sequence[Agent]) -> list[Agent]:
    """The most urgent first, then by name."""
    return sorted(agents, key=lambda agent: (_RANK[agent.state], agent.name, agent.host))


def of_reservation(fleet: Fleet, reservation: tuple[str, str] | None) -> list[Agent]:
    """The agents of one reservation, given as (host, name), or all of them; most urgent first."""
    if reservation is None:
        return ordered(fleet.agents)
    return ordered([agent for agent in fleet.agents if (agent.host, agent.reservation) == reservation])


def rows(
    fleet: Fleet,
    now: float,
    *,
    reservation: tuple[str, str] | None = None,
    agents: Sequence[Agent] | None = None,
    glyphs: words.Glyphs = words.UNICODE,
) -> LazyRows[Agent]:
    """The rows of a snapshot at ``now`` (epoch seconds); ``agents`` if already filtered and sorted."""
    hosts = staleness.hosts_of(fleet)
    several = len(hosts) > 1

    def build(agent: Agent) -> Row:
        state, verdict = agent.state, agent.verdict
        seen = staleness.seen(hosts.get(agent.host), agent.observed_at, now)
        loud = state.needs_you
        tone = f"{state.value}+bold" if loud else state.value
        since = "" if verdict.since is None else words.duration(now - verdict.since)
        return Row(
            agent.key,
            (
                cell(glyphs.states[state], tone),
                cell(visible(agent.name), "strong+bold" if loud else "text"),
                cell(state_word(agent), tone),
                cell(since, "dim"),
                cell(visible(verdict.why or agent.last_line), "text" if loud else "dim"),
                cell(visible(agent.model), "dim"),
                cell(visible(agent.reservation), "dim"),
                cell(agent.host, "dim") if several else EMPTY,
                cell(seen.text, "dim"),
            ),
            dim=seen.stale,
        )

    chosen = of_reservation(fleet, reservation) if agents is None else agents
    return LazyRows(chosen, _key, build)


def state_word(agent: Agent) -> str:
    """The state in a word, with the exit status of a program that ended: ``exited 3``."""
    pane = agent.pane
    if agent.state is AgentState.EXITED and pane is not None and pane.exit_status is not None:
        return f"exited {pane.exit_status}"
    return agent.state.value


def _key(agent: Agent) -> tuple[str, str]:
    return agent.key
