"""Whether a booking fits what the host allows: pure, each misfit with its field and remedy.

``sbatch --test-only`` knows less: it gives a start time to jobs that break an account's
limits, which Slurm then takes and never starts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from .. import clock
from ..domain.job import UNLIMITED
from ..domain.limits import Limits, Misfit, Wish, fitting, gpus_of, largest
from ..domain.node import Node, Partition, Window
from ..errors import ProtocolError
from ..runtimes.hold import HoldOptions
from ..slurm import hostlist, values
from . import policy
from .policy import many, memory_text, time


def wish_of(options: HoldOptions, *, submits: int = 1, from_nodes: bool = False) -> Wish:
    """What the options of a booking ask for. What cannot be read is left to Slurm."""
    gpu = re.fullmatch(r"(?:([A-Za-z0-9_.-]+):)?([0-9]{1,4})", options.gpus)
    try:
        hosts = tuple(hostlist.expand(options.node_list)) if options.node_list else ()
    except ProtocolError:
        hosts = ()
    more = dict(options.options)
    return Wish(
        partition=options.partition,
        cpus=options.cpus,
        memory_mib=values.memory_mib(options.memory) if options.memory else None,
        time=values.duration(options.time) if options.time else None,
        gpus=int(gpu.group(2)) if gpu else 0,
        gpu_type=(gpu.group(1) or "") if gpu else "",
        account=options.account,
        qos=options.qos,
        nodes=options.nodes,
        hosts=hosts,
        features=_features(options.constraint),
        window=more.get("reservation", ""),
        submits=submits,
        from_nodes=from_nodes,
    )


def _features(text: str) -> tuple[tuple[str, ...], ...]:
    """``a&b|c`` as alternatives; nothing for forms with counts or brackets, which Slurm judges."""
    if not re.fullmatch(r"[A-Za-z0-9_.=+-]+(?:[&|,][A-Za-z0-9_.=+-]+)*", text):
        return ()
    return tuple(tuple(re.split(r"[&,]", each)) for each in text.split("|"))


def check(wish: Wish, limits: Limits, *, now: float | None = None, submitted: int = 0) -> list[Misfit]:
    """Everything about a wish that does not fit, worst first; empty when all that is known fits.

    Pure. ``submitted`` are the user's jobs in the queue now. What the host did not say is
    not judged.
    """
    now = clock.now() if now is None else now
    found: list[Misfit] = []
    partition = limits.partition(wish.partition)
    if limits.partitions is not None and partition is None:
        names = ", ".join(p.name for p in limits.partitions if not p.hidden and not p.root_only)
        what = (
            f"there is no partition {wish.partition!r}" if wish.partition else "no partition is the default"
        )
        return [Misfit("partition", f"{what} on {limits.host}", f"name one of: {names}")]
    if partition is not None:
        found += _partition(wish, partition, limits)
        found += _size(wish, partition, limits)
        found += _maintenance(wish, partition, limits, now)
    found += policy.accounts(wish, partition, limits)
    found += policy.judge(wish, partition, limits, submitted)
    return sorted(found, key=lambda each: not each.blocks)


def _partition(wish: Wish, partition: Partition, limits: Limits) -> list[Misfit]:
    found: list[Misfit] = []
    name = partition.name
    if partition.root_only:
        found.append(
            Misfit("partition", f"{name} takes jobs of administrators only", "use another partition")
        )
    if partition.needs_window and not wish.window:
        found.append(
            Misfit("partition", f"{name} takes only jobs with --reservation", "add --option reservation=NAME")
        )
    if partition.state and partition.state != "UP":
        starts = partition.state == "DOWN"
        found.append(
            Misfit(
                "partition",
                f"{name} is {partition.state.lower()}: "
                + ("it starts no jobs now" if starts else "it takes no jobs now"),
                "use another partition, or wait",
                blocks=not starts,
            )
        )
    found += time(wish.time, partition.time_limit, f"{name} allows", limits)
    if partition.max_nodes is not None and wish.nodes > partition.max_nodes:
        found.append(
            Misfit(
                "nodes",
                f"{name} allows {many(partition.max_nodes, 'node')} per job, not {wish.nodes}",
                "ask for fewer nodes",
                fits=str(partition.max_nodes),
            )
        )
    if wish.nodes < partition.min_nodes:
        found.append(
            Misfit(
                "nodes",
                f"{name} is for jobs of at least {many(partition.min_nodes, 'node')}",
                "use another partition",
                fits=str(partition.min_nodes),
            )
        )
    if partition.max_cpus_per_node is not None and wish.cpus > partition.max_cpus_per_node:
        found.append(
            Misfit(
                "cpus",
                f"{name} gives a job at most {partition.max_cpus_per_node} CPUs of a node",
                "ask for fewer CPUs",
                fits=str(partition.max_cpus_per_node),
            )
        )
    memory = partition.max_memory_per_node_mib
    if memory is not None and (wish.memory_mib or 0) > memory:
        found.append(
            Misfit(
                "memory",
                f"{name} gives a job at most {memory_text(memory)} of a node",
                "ask for less memory",
                fits=memory_text(memory),
            )
        )
    if wish.from_nodes and not nodes_submit(partition, limits):
        found.append(
            Misfit(
                "persistent",
                f"jobs in {name} may not submit further jobs: only {','.join(partition.submit_hosts)} may",
                "book without --persistent and extend from the console",
            )
        )
    return found


def nodes_submit(partition: Partition, limits: Limits) -> bool:
    """Whether a job in the partition may run sbatch (AllocNodes)."""
    if not partition.submit_hosts:
        return True
    try:
        allowed = set(hostlist.expand(",".join(partition.submit_hosts)))
    except ProtocolError:
        return True
    return all(node.name in allowed or node.host_name in allowed for node in limits.nodes_of(partition.name))


def _size(wish: Wish, partition: Partition, limits: Limits) -> list[Misfit]:
    """Whether any nodes are large enough, together and one wish at a time."""
    if limits.nodes is None:
        return []
    nodes = limits.nodes_of(partition.name)
    unknown = [host for host in wish.hosts if host not in {node.name for node in nodes}]
    if unknown:
        return [
            Misfit(
                "nodelist",
                f"{', '.join(unknown[:5])} {'is' if len(unknown) == 1 else 'are'} not in {partition.name}",
                f"its nodes: {partition.node_list}" if partition.node_list else "name its nodes",
            )
        ]
    if wish.nodes > len(nodes):
        few = f"{partition.name} has {many(len(nodes), 'node')}, not {wish.nodes}"
        return [Misfit("nodes", few, "ask for fewer nodes", fits=str(len(nodes)))]
    enough = fitting(wish, nodes)
    if len(enough) < wish.nodes:
        return _too_large(wish, partition, nodes, len(enough))
    usable = [node for node in enough if node.usable]
    if len(usable) < wish.nodes:
        bad = [node for node in enough if not node.usable]
        why = "; ".join(f"{node.name}: {_state(node)}" for node in bad[:3])
        return [
            Misfit(
                "nodelist" if wish.hosts else "nodes",
                f"{many(len(usable), 'node')} that would do can be used now, {wish.nodes} wanted ({why})",
                "it waits until they are back, or ask for other nodes",
                blocks=False,
            )
        ]
    return []


def _too_large(wish: Wish, partition: Partition, nodes: tuple[Node, ...], enough: int) -> list[Misfit]:
    def at_rank(sizes: Sequence[int]) -> int:
        """What so many nodes have at least as the wish wants nodes."""
        return sorted(sizes, reverse=True)[wish.nodes - 1]

    found: list[Misfit] = []
    cpus = at_rank([node.cpus for node in nodes])
    memory = at_rank([node.memory_mib or 0 for node in nodes])
    gpus = at_rank([gpus_of(node, wish.gpu_type) for node in nodes])
    name = partition.name
    where = f"the largest node of {name} has" if wish.nodes == 1 else f"{wish.nodes} nodes of {name} have"
    if wish.cpus > cpus:
        found.append(Misfit("cpus", f"{where} {cpus} CPUs, not {wish.cpus}", "ask for fewer", fits=str(cpus)))
    if (wish.memory_mib or 0) > memory:
        text = memory_text(memory)
        found.append(
            Misfit(
                "memory",
                f"{where} {text}, not {memory_text(wish.memory_mib or 0)}",
                f"ask for at most {text}",
                fits=text,
            )
        )
    if wish.gpus > gpus:
        kinds = sorted({kind for node in nodes for kind, _ in node.gpu_types if kind})
        kind = f" of type {wish.gpu_type}" if wish.gpu_type else ""
        remedy = f"types there: {', '.join(kinds)}" if kinds else "use a partition with GPUs"
        found.append(
            Misfit(
                "gpus",
                f"{where} {many(gpus, 'GPU')}{kind}, not {wish.gpus}",
                remedy,
                fits=str(gpus) if gpus else "",
            )
        )
    if wish.features and not any(set(each) <= set(node.features) for each in wish.features for node in nodes):
        known = sorted({feature for node in nodes for feature in node.features})
        found.append(
            Misfit(
                "constraint",
                f"no node of {name} has these features",
                f"features there: {', '.join(known[:12])}" if known else "its nodes have none",
            )
        )
    if not found:
        best = largest(nodes)
        size = f"; the largest: {_size_text(best)}" if best else ""
        found.append(
            Misfit(
                "cpus",
                f"{many(enough, 'node')} of {name} {'has' if enough == 1 else 'have'} all of this at once, "
                f"{wish.nodes} wanted{size}",
                "ask for less of one of them",
            )
        )
    return found


def _maintenance(wish: Wish, partition: Partition, limits: Limits, now: float) -> list[Misfit]:
    if limits.nodes is None or wish.window:
        return []
    window = next_maintenance(wish, partition, limits, now)
    seconds = wish.time if wish.time is not None else partition.default_time or partition.time_limit
    if window is None or window.starts_at is None or seconds is None:
        return []
    if seconds != UNLIMITED and now + seconds <= window.starts_at:
        return []
    end = f" until {clock_text(window.ends_at, now)}" if window.ends_at else ""
    left = int(window.starts_at - now) // 60 * 60
    if left < 60:
        return [
            Misfit("time", f"{partition.name} is under maintenance{end}", "it waits until then", blocks=False)
        ]
    return [
        Misfit(
            "time",
            f"{partition.name} goes into maintenance {clock_text(window.starts_at, now)}{end}: "
            "a job that would run into it waits until it is over",
            f"fits before it: {values.duration_text(left)}",
            blocks=False,
            fits=values.duration_text(left),
        )
    ]


def next_maintenance(wish: Wish, partition: Partition, limits: Limits, now: float) -> Window | None:
    """The first maintenance that leaves too few nodes for the wish; ``None``: none is known."""
    enough = [node for node in fitting(wish, limits.nodes_of(partition.name)) if node.usable]
    windows = [w for w in limits.windows or () if w.maintenance and (w.ends_at is None or w.ends_at > now)]
    for window in sorted(windows, key=lambda each: each.starts_at or 0):
        try:
            taken = set(hostlist.expand(window.node_list))
        except ProtocolError:
            taken = {node.name for node in enough}
        if sum(node.name not in taken for node in enough) < wish.nodes:
            return window
    return None


def clock_text(at: float | None, now: float) -> str:
    """A point in time for people of this machine: ``06:00``, ``Tue 06:00``, ``2026-12-24 06:00``."""
    if at is None:
        return "an unknown time"
    then, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now)
    if then.date() == today.date():
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}" if 0 < (then.date() - today.date()).days < 7 else f"{then:%Y-%m-%d %H:%M}"


def _state(node: Node) -> str:
    word = " ".join([node.state, *node.flags]).lower().replace("_", " ")
    return f"{word} ({node.reason})" if node.reason else word


def _size_text(node: Node) -> str:
    words = [f"{node.cpus} CPUs", memory_text(node.memory_mib or 0)]
    return ", ".join([*words, f"{node.gpus} GPUs"] if node.gpus else words)
