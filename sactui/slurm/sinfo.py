"""sinfo: nodes and partitions."""

from __future__ import annotations

import re
from dataclasses import replace

from ..domain.node import Node, Partition
from . import values
from .records import RecordError, Tokens, split
from .version import LATEST, Capabilities

#: (name of -O, letter of -o or "", key); an administrator's words come last.
_NODE_FIELDS = (
    ("NodeList", "N", "name"),
    ("NodeHost", "n", "host"),
    ("Partition", "P", "partition"),
    ("StateLong", "T", "state"),
    ("CPUsState", "C", "cpus"),
    ("Memory", "m", "memory"),
    ("FreeMem", "e", "free"),
    ("AllocMem", "", "allocated"),
    ("CPUsLoad", "O", "load"),
    ("Gres", "G", "gres"),
    ("GresUsed", "", "gres_used"),
    ("Features", "f", "features"),
    ("Timestamp", "H", "reason_at"),
    ("User", "u", "reason_by"),
    ("Reason", "E", "reason"),
)
_PARTITION_FIELDS = (
    ("Partition", "P", "name"),
    ("Available", "a", "state"),
    ("Time", "l", "limit"),
    ("DefaultTime", "L", "default_time"),
    ("Nodes", "D", "nodes"),
    ("StateLong", "T", "node_state"),
    ("CPUsState", "C", "cpus"),
    ("Memory", "m", "memory"),
    ("Gres", "G", "gres"),
    ("NodeList", "N", "node_list"),
)

#: What the sign behind a node's state means.
_SIGNS = {
    "*": "NOT_RESPONDING",
    "~": "POWERED_DOWN",
    "#": "POWERING_UP",
    "!": "POWER_DOWN",
    "%": "POWERING_DOWN",
    "$": "MAINTENANCE",
    "@": "REBOOT",
    "^": "REBOOT",
    "-": "PLANNED",
    "+": "POWERING_UP",
}
#: Words that sinfo puts in the place of a base state: (base state, flag).
_WORDS = {
    "DRAINED": ("IDLE", "DRAIN"),
    "DRAINING": ("ALLOCATED", "DRAIN"),
    "FAIL": ("IDLE", "FAIL"),
    "FAILING": ("ALLOCATED", "FAIL"),
    "MAINT": ("IDLE", "MAINTENANCE"),
    "REBOOT": ("IDLE", "REBOOT"),
    "REBOOT_ISSUED": ("IDLE", "REBOOT"),
    "INVAL": ("DOWN", "INVALID"),
    "POWERING_DOWN": ("IDLE", "POWERING_DOWN"),
    "POWERED_DOWN": ("IDLE", "POWERED_DOWN"),
    "POWERING_UP": ("IDLE", "POWERING_UP"),
    "POWER_DOWN": ("IDLE", "POWER_DOWN"),
    "POWER_UP": ("IDLE", "POWERING_UP"),
    "PERFCTRS": ("IDLE", "PERFCTRS"),
    "BLOCKED": ("IDLE", "BLOCKED"),
}


def node_command(tokens: Tokens, able: Capabilities = LATEST) -> list[str]:
    """The argv that asks for every node, one record per node and partition."""
    return ["sinfo", "-h", "-a", "-N", *_format(_NODE_FIELDS, tokens, able)]


def partition_command(tokens: Tokens, able: Capabilities = LATEST) -> list[str]:
    """The argv that asks for the partitions, one record per partition and node state."""
    return ["sinfo", "-h", "-a", *_format(_PARTITION_FIELDS, tokens, able)]


def node_state(text: str) -> tuple[str, tuple[str, ...]]:
    """``mixed*`` or ``IDLE+DRAIN`` as a base state and flags, in capitals."""
    text = text.strip().upper()
    flags: list[str] = []
    while text and text[-1] in _SIGNS:
        flags.insert(0, _SIGNS[text[-1]])
        text = text[:-1]
    base, *more = text.split("+")
    if base in _WORDS:
        base, flag = _WORDS[base]
        more.insert(0, flag)
    return base or "UNKNOWN", tuple(dict.fromkeys([*more, *flags]))


def parse_nodes(
    data: bytes, tokens: Tokens, able: Capabilities = LATEST
) -> tuple[tuple[Node, ...], tuple[RecordError, ...]]:
    """Read the nodes; the records of a node in several partitions become one."""
    keys = [key for _, letter, key in _NODE_FIELDS if able.long_format or letter]
    rows, errors = split(data, tokens, len(keys))
    nodes: dict[str, Node] = {}
    for row in rows:
        given = dict(zip(keys, row, strict=True))
        name, cpus = given["name"].strip(), _cpus(given["cpus"])
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or cpus is None:
            errors.append(RecordError("a node has no name or no CPUs"))
            continue
        partition = given["partition"].strip().removesuffix("*")
        if name in nodes:
            known = nodes[name]
            if partition not in known.partitions:
                nodes[name] = replace(known, partitions=(*known.partitions, partition))
            continue
        state, flags = node_state(given["state"])
        types = values.gres_gpus(given["gres"])
        used = values.gres_gpus(given["gres_used"]) if "gres_used" in given else None
        reason = values.word(given["reason"].strip())
        noted = reason.lower() != "none" and bool(reason)
        nodes[name] = Node(
            name,
            state,
            flags,
            (partition,),
            cpus[3],
            cpus[0],
            cpus[1],
            values.memory_mib(given["memory"].rstrip("+")),
            # Allocated memory of 0 is a fact here, not "all of the node".
            values.number(given["allocated"]) if "allocated" in given else None,
            values.number(given["free"]),
            values.real(given["load"]),
            sum(types.values()),
            None if used is None else sum(used.values()),
            tuple(types.items()),
            tuple(part for part in values.word(given["features"]).split(",") if part),
            given["host"].strip(),
            reason if noted else "",
            values.word(given["reason_by"].strip()) if noted else "",
            values.timestamp(given["reason_at"]) if noted else None,
        )
    return tuple(nodes.values()), tuple(errors)


def parse_partitions(
    data: bytes, tokens: Tokens, able: Capabilities = LATEST
) -> tuple[tuple[Partition, ...], tuple[RecordError, ...]]:
    """Read the partitions; the records of one partition are added up."""
    keys = [key for _, letter, key in _PARTITION_FIELDS if able.long_format or letter]
    rows, errors = split(data, tokens, len(keys))
    found: dict[str, Partition] = {}
    for row in rows:
        given = dict(zip(keys, row, strict=True))
        written, cpus = given["name"].strip(), _cpus(given["cpus"])
        nodes = values.count(given["nodes"])
        if not written or cpus is None or nodes is None:
            errors.append(RecordError("a partition has no name, nodes or CPUs"))
            continue
        name = written.removesuffix("*")
        known = found.get(name) or Partition(
            name,
            written.endswith("*"),
            given["state"].strip().upper(),
            values.duration(given["limit"]),
            values.duration(given["default_time"]),
        )
        state, flags = node_state(given["node_state"])
        word = "DRAIN" if "DRAIN" in flags else state
        by_state = dict(known.nodes_by_state)
        memory = values.memory_mib(given["memory"].rstrip("+"))
        if nodes:
            by_state[word] = by_state.get(word, 0) + nodes
        found[name] = replace(
            known,
            nodes=known.nodes + nodes,
            node_list=",".join(part for part in (known.node_list, values.word(given["node_list"])) if part),
            nodes_by_state=tuple(by_state.items()),
            cpus=known.cpus + cpus[3],
            cpus_allocated=known.cpus_allocated + cpus[0],
            cpus_idle=known.cpus_idle + cpus[1],
            memory_mib=memory
            if known.memory_mib is None
            else min(known.memory_mib, memory or known.memory_mib),
            gpus=known.gpus + nodes * sum(values.gres_gpus(given["gres"]).values()),
        )
    return tuple(found.values()), tuple(errors)


def _cpus(text: str) -> tuple[int, int, int, int] | None:
    """Allocated, idle, other and total CPUs, from ``6/26/0/32``."""
    parts = [values.count(part) for part in text.strip().split("/")]
    if len(parts) != 4 or any(part is None for part in parts):
        return None
    a, i, o, t = (part or 0 for part in parts)
    return a, i, o, t


def _format(fields: tuple[tuple[str, str, str], ...], tokens: Tokens, able: Capabilities) -> list[str]:
    wanted = [each for each in fields if able.long_format or each[1]]
    ends = [tokens.field] * (len(wanted) - 1) + [tokens.end]
    if able.long_format:
        return ["-O", ",".join(f"{name}:{end}" for (name, _, _), end in zip(wanted, ends, strict=True))]
    return ["-o", "".join(f"%{letter}{end}" for (_, letter, _), end in zip(wanted, ends, strict=True))]
