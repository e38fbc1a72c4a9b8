"""The one enumeration of states, for tables, explain, wait, rules and JSON."""

from __future__ import annotations

from enum import StrEnum


class AgentState(StrEnum):
    """What an agent is doing, as far as the evidence goes.

    The value is the stable word of ``--json``, ``wait --until`` and the rules.
    """

    WORKING = "working"
    BACKGROUND = "background"  # idle itself, but work it started still runs
    ASKING = "asking"
    IDLE = "idle"
    LIMITED = "limited"  # the model's usage limit; the reset time is in the reason
    RETRYING = "retrying"
    STARTING = "starting"
    STOPPED = "stopped"  # looked, and no session of it is there
    EXITED = "exited"  # its program ended by itself; the exit status is in the reason
    DEAD = "dead"  # killed, or its allocation ended under it
    LOST = "lost"  # its last known allocation is gone and nothing says how it ended
    UNKNOWN = "unknown"

    @property
    def needs_you(self) -> bool:
        """True for states that wait for a person or lost work."""
        return self in _NEEDS_YOU

    @property
    def alive(self) -> bool:
        """True while a program of the agent is running, as far as is known."""
        return self in _ALIVE


_NEEDS_YOU = frozenset({AgentState.ASKING, AgentState.EXITED, AgentState.DEAD, AgentState.LOST})
_ALIVE = frozenset(
    {
        AgentState.WORKING,
        AgentState.BACKGROUND,
        AgentState.ASKING,
        AgentState.IDLE,
        AgentState.LIMITED,
        AgentState.RETRYING,
        AgentState.STARTING,
    }
)

#: Most urgent first: the order of the agents table.
URGENCY: tuple[AgentState, ...] = (
    AgentState.ASKING,
    AgentState.DEAD,
    AgentState.LOST,
    AgentState.EXITED,
    AgentState.LIMITED,
    AgentState.RETRYING,
    AgentState.STARTING,
    AgentState.WORKING,
    AgentState.BACKGROUND,
    AgentState.IDLE,
    AgentState.UNKNOWN,
    AgentState.STOPPED,
)


class Phase(StrEnum):
    """What a Slurm job state means to a person (the source documents' six, and unknown)."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ERROR = "error"
    CANCELED = "canceled"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """True when the job will not run again by itself."""
        return self in (Phase.DONE, Phase.ERROR, Phase.CANCELED)


class Link(StrEnum):
    """The state of the connection to a host."""

    IDLE = "idle"  # not tried yet
    CONNECTING = "connecting"
    UP = "up"
    RETRYING = "retrying"  # down; the next try has a time
    WAITING = "waiting"  # down; the next try waits for a key press
    CLOSED = "closed"
