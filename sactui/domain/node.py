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
    deny_accounts: tuple[str, ...] = ()
    deny_qos: tuple[str, ...] = ()
    allow_groups: tuple[str, ...] = ()  # empty: all
    submit_hosts: tuple[str, ...] = ()  # a host list of where sbatch may run; empty: anywhere
    max_nodes: int | None = None
    min_nodes: int = 0
    max_cpus_per_node: int | None = None
    max_memory_per_node_mib: int | None = None
    max_memory_per_cpu_mib: int | None = None
    qos: str = ""  # limits of this QOS hold for every job in the partition
    hidden: bool = False
    root_only: bool = False
    needs_window: bool = False  # takes only jobs that name an advance reservation


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
