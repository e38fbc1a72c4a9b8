"""One moment's knowledge of an agent, and a verdict in the making."""

from __future__ import annotations

from dataclasses import dataclass

from .fleet import Trouble, Verdict
from .job import Job
from .pane import Pane, Server
from .screen import ScreenVerdict
from .state import AgentState

#: States in which its program is over.
ENDED = frozenset({AgentState.DEAD, AgentState.EXITED, AgentState.LOST})


@dataclass(frozen=True, slots=True)
class Draft:
    """A verdict without its chain; ``since`` is when the state began, if that is known."""

    state: AgentState
    why: str
    layer: str
    since: float | None = None
    seen_at: float | None = None
    stale: bool = False
    running: bool = False
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that is known at one moment; the fields are those of ``agent_verdict``."""

    job: Job | None
    job_id: int | None
    job_seen_at: float | None
    server: Server | None
    server_seen_at: float | None
    pane: Pane | None
    trouble: Trouble | None
    screen: ScreenVerdict | None
    now: float
    previous: Verdict | None
    own_job: bool

    @property
    def ran(self) -> bool:
        """True when it was running as far as the last verdict knows."""
        before = self.previous
        return before is not None and (before.running or before.state.alive)

    @property
    def ended(self) -> Verdict | None:
        """The verdict before, if it was about an end."""
        return self.previous if self.previous is not None and self.previous.state in ENDED else None

    def ours(self, node_time: float | None) -> float | None:
        """A time of the node's clock in this machine's."""
        if node_time is None or self.server is None:
            return None
        offset = 0.0 if self.server_seen_at is None else self.server_seen_at - self.server.now
        return min(node_time + offset, self.now)

    @property
    def silence(self) -> float | None:
        """Seconds between the last output and the look, by the node's clock."""
        if self.pane is None or self.server is None or self.pane.activity_at is None:
            return None
        return max(self.server.now - self.pane.activity_at, 0.0)


def keep(before: Verdict, *, stale: bool, why: str | None = None) -> Draft:
    """The verdict before, once more."""
    return Draft(
        state=before.state,
        why=before.why if why is None else why,
        layer=before.layer,
        since=before.since,
        seen_at=before.seen_at,
        stale=stale,
        running=before.running,
        until=before.until,
    )
