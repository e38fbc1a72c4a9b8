"""Nodes, partitions and maintenance windows as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """One node. Memory is MiB; ``None`` is "not known".

    ``state`` is Slurm's base word in capitals (IDLE, MIXED, ALLOCATED, DOWN ...), ``flags``
    what stands beside it (DRAIN, NOT_RESPONDING, MAINTENANCE ...). Fixed cluster wide
    settings (CPUs, memory) are what Slurm has configured, not what the machine has.
    """

    name: str
    state: str
    flags: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    cpus: int = 0
    cpus_allocated: int = 0
    cpus_idle: int = 0
    memory_mib: int | None = None
    memory_allocated_mib: int | None = None
    memory_free_mib: int | None = None
    load: float | None = None
    gpus: int = 0
    gpus_allocated: int | None = None
    gpu_types: tuple[tuple[str, int], ...] = ()
    features: tuple[str, ...] = ()
    host_name: str = ""
    reason: str = ""
    reason_by: str = ""
    reason_at: float | None = None

    @property
    def usable(self) -> bool:
        """True when new work can start here, now or when others end."""
        return self.state in ("IDLE", "MIXED", "ALLOCATED", "COMPLETING", "PLANNED", "RESERVED") and not (
            _BLOCKED & set(self.flags)
        )


_BLOCKED = frozenset({"DRAIN", "NOT_RESPONDING", "MAINTENANCE", "FAIL", "REBOOT", "POWERING_DOWN", "INVALID"})


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition. ``time_limit`` and ``default_time`` are seconds, ``job.UNLIMITED`` or
    ``None``; ``nodes_by_state`` counts nodes per state word."""

    name: str
    default: bool = False
    state: str = ""  # UP, DOWN, DRAIN, INACTIVE
    time_limit: int | None = None
    default_time: int | None = None
    nodes: int = 0
    node_list: str = ""
    nodes_by_state: tuple[tuple[str, int], ...] = ()
    cpus: int = 0
    cpus_allocated: int = 0
    cpus_idle: int = 0
    memory_mib: int | None = None  # of the smallest node
    gpus: int = 0
    priority_tier: int | None = None
    allow_accounts: tuple[str, ...] = ()  # empty: all
    allow_qos: tuple[str, ...] = ()  # empty: all


@dataclass(frozen=True, slots=True)
class Window:
    """What Slurm calls a reservation: nodes set aside for a time, e.g. for maintenance."""

    name: str
    starts_at: float | None
    ends_at: float | None
    node_list: str = ""
    flags: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    state: str = ""

    @property
    def maintenance(self) -> bool:
        """True when nothing of ours can run in it."""
        return "MAINT" in self.flags
