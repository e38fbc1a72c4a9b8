"""Every runtime as the controller sees it: how its agents are started, stopped and found.

A new runtime is one module with these functions and one line in :data:`WORKLOADS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain.fleet import Agent
from ..errors import Refused
from ..spec.definition import AgentDefinition
from . import agent_jobs, tenants
from .plan import Plan
from .steps import Allocation

if TYPE_CHECKING:
    from .controller import Controller


@dataclass(frozen=True, slots=True)
class Workload:
    """One runtime: plans are pure, and refuse with the reason and the remedy.

    ``place`` says where an agent's tmux session is: (host, allocation).
    """

    plan_start: Callable[[Controller, Sequence[AgentDefinition]], list[Plan]]
    plan_stop: Callable[[Controller, Sequence[Agent]], list[Plan]]
    place: Callable[[Controller, Agent], tuple[str, Allocation]]
    plan_restart: Callable[[Controller, Sequence[AgentDefinition]], list[Plan]] | None = None


WORKLOADS: dict[str, Workload] = {
    "slurm-tenant": Workload(tenants.plan_starts, tenants.plan_stops, tenants.place, tenants.plan_restarts),
    "slurm": Workload(agent_jobs.plan_starts, agent_jobs.plan_stops, tenants.place),
}


def workload(name: str, runtime: str) -> Workload:
    """The workload of a runtime; Refused for one that sactui does not start."""
    found = WORKLOADS.get(runtime)
    if found is None:
        raise Refused(
            f"{name}: runtime {runtime} is not started by sactui", f"it starts: {', '.join(WORKLOADS)}"
        )
    return found
