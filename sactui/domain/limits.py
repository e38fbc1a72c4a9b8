"""What a site allows and has, and whether a wish fits into it: before anything is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .accounting import Association, Budget, Qos
from .node import Node, Partition, Window


@dataclass(frozen=True, slots=True)
class Wish:
    """What one job would ask for. Memory in MiB per node, time in seconds, CPUs and GPUs per
    node; ``None`` and "" are the site's defaults. ``more`` are options sactui does not judge."""

    partition: str = ""
    cpus: int = 1
    memory_mib: int | None = None
    time: int | None = None
    gpus: int = 0
    gpu_type: str = ""
    account: str = ""
    qos: str = ""
    nodes: int = 1
    hosts: tuple[str, ...] = ()
    features: tuple[tuple[str, ...], ...] = ()  # all of one alternative
    window: str = ""  # an advance reservation of Slurm
    submits: int = 1  # jobs of it in the queue at the same time (2: a successor waits)
    from_nodes: bool = False  # something in the job submits another job


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a wish does not fit: the field of the form, what is wrong, and what would do.

    ``blocks`` is True when Slurm would refuse it or never start it; otherwise it would
    only wait. ``fits`` is a value of the field that would fit, ready to be taken.
    """

    field: str
    what: str
    remedy: str = ""
    blocks: bool = True
    fits: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one host said about its partitions, nodes, accounts and maintenances.

    ``at`` (epoch seconds) is when it was asked. A part that could not be had is ``None``
    and its reason is in ``missing`` by the part's name; nothing is concluded from it.
    """

    host: str
    at: float
    user: str = ""
    partitions: tuple[Partition, ...] | None = None
    nodes: tuple[Node, ...] | None = None
    windows: tuple[Window, ...] | None = None
    associations: tuple[Association, ...] | None = None
    qos: tuple[Qos, ...] | None = None
    budgets: tuple[Budget, ...] | None = None
    default_account: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    def partition(self, name: str = "") -> Partition | None:
        """The partition of that name, or the default one."""
        return next((p for p in self.partitions or () if (p.name == name if name else p.default)), None)

    def nodes_of(self, partition: str) -> tuple[Node, ...]:
        """The nodes of a partition, whatever state they are in."""
        return tuple(node for node in self.nodes or () if partition in node.partitions)

    def accounts(self, partition: str = "") -> tuple[str, ...]:
        """The accounts that the user may name in a partition, the default one first."""
        names = dict.fromkeys(
            each.account for each in self.associations or () if each.partition in ("", partition)
        )
        return tuple(sorted(names, key=lambda name: name != self.default_account))

    def association(self, account: str = "", partition: str = "") -> Association | None:
        """The association that a job with this account in this partition would have."""
        account = account or self.default_account
        found = [each for each in self.associations or () if each.account == account]
        # One for the partition goes before one for all.
        return next(
            (each for each in found if each.partition == partition),
            next((each for each in found if not each.partition), None),
        )

    def quality(self, name: str) -> Qos | None:
        """The quality of service of that name."""
        return next((each for each in self.qos or () if each.name == name), None)


def fitting(wish: Wish, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes that are large enough for one node of the wish, busy or not."""
    return tuple(
        node
        for node in nodes
        if node.cpus >= wish.cpus
        and (wish.memory_mib is None or (node.memory_mib or 0) >= wish.memory_mib)
        and gpus_of(node, wish.gpu_type) >= wish.gpus
        and (not wish.features or any(set(each) <= set(node.features) for each in wish.features))
        and (not wish.hosts or node.name in wish.hosts)
    )


def free_now(wish: Wish, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes on which one node of the wish could start at this moment."""
    return tuple(
        node
        for node in fitting(wish, nodes)
        if node.usable
        and node.cpus_idle >= wish.cpus
        and (
            wish.memory_mib is None
            or node.memory_allocated_mib is None
            or (node.memory_mib or 0) - node.memory_allocated_mib >= wish.memory_mib
        )
        and (not wish.gpus or node.gpus - (node.gpus_allocated or 0) >= wish.gpus)
    )


def largest(nodes: tuple[Node, ...], *, free: bool = False) -> Node | None:
    """The largest node by GPUs, CPUs and memory; with ``free`` the one with most left."""

    def size(node: Node) -> tuple[int, int, int]:
        if not free:
            return node.gpus, node.cpus, node.memory_mib or 0
        memory = (node.memory_mib or 0) - (node.memory_allocated_mib or 0)
        return node.gpus - (node.gpus_allocated or 0), node.cpus_idle, memory

    usable = [node for node in nodes if node.usable or not free]
    return max(usable, key=size, default=None)


def gpus_of(node: Node, kind: str = "") -> int:
    """GPUs of a node, or those of one type."""
    return dict(node.gpu_types).get(kind, 0) if kind else node.gpus
