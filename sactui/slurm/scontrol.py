"""scontrol: what it shows as text, and the changes it makes.

``Key=value`` text cannot be read safely in general: values hold spaces and ``=``, and a
job may be called ``x JobState=FAILED``. Only known keys start a value, a key that appears
twice is given up, and a key that a user's text could have forged is marked doubtful. What
decides anything is asked from squeue, between random separators.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..domain.node import Node, Partition, Window
from ..domain.text import decode
from ..errors import ProtocolError, Refused
from . import values
from .scontrol_keys import JOB_ALWAYS, JOB_KEYS, JOB_USER_TEXT, NODE_KEYS, PARTITION_KEYS, WINDOW_KEYS
from .sinfo import node_state


@dataclass(frozen=True, slots=True)
class Shown:
    """One entity as scontrol shows it.

    ``doubtful`` are keys in ``fields`` that stand behind text a user wrote and are not
    always printed, so they may be part of that text: to be shown, not to be believed.
    ``given_up`` are keys that appeared more than once and are not in ``fields``.
    """

    fields: Mapping[str, str]
    doubtful: frozenset[str] = frozenset()
    given_up: frozenset[str] = frozenset()


def show_job_command(job: int) -> list[str]:
    """The argv that shows one job. Not ``-o``: line breaks help to tell keys from text."""
    return ["scontrol", "show", "job", str(_id(job))]


def show_spec_command(spec: str) -> list[str]:
    """:func:`show_job_command` for a raw id or one task of an array, ``12_3``."""
    return ["scontrol", "show", "job", _spec(spec)]


def script_command(spec: str) -> list[str]:
    """The argv that prints a job's batch script; only its user may read it (17.02 and later)."""
    return ["scontrol", "write", "batch_script", _spec(spec), "-"]


def show_nodes_command(node_list: str = "") -> list[str]:
    return ["scontrol", "-o", "show", "node", *([_name(node_list)] if node_list else [])]


def show_partitions_command() -> list[str]:
    return ["scontrol", "-o", "-a", "show", "partition"]


def show_windows_command() -> list[str]:
    """Slurm's own reservations, e.g. for maintenance."""
    return ["scontrol", "-o", "show", "reservation"]


def show_config_command() -> list[str]:
    return ["scontrol", "show", "config"]


def ping_command() -> list[str]:
    return ["scontrol", "ping"]


# -- changes ------------------------------------------------------------------------------


def update_command(job: int, changes: Mapping[str, str]) -> list[str]:
    """The argv that changes a job; users may lower a time limit, and only raise it where
    the site allows. Raises Refused for a key or value that scontrol would misread."""
    return update_spec_command(str(_id(job)), changes)


def update_spec_command(spec: str, changes: Mapping[str, str]) -> list[str]:
    """:func:`update_command` for a raw id or for tasks of an array, ``12_[3-9]``."""
    job = _spec(spec)
    if not changes:
        raise Refused(f"job {job}: nothing to change")
    argv = ["scontrol", "update", f"JobId={job}"]
    for key, value in changes.items():
        if not re.fullmatch(r"[A-Za-z]{2,30}", key) or key.lower() == "jobid" or re.search(r"[\n\0]", value):
            raise Refused(f"job {job}: {key}={value!r} cannot be passed to scontrol")
        argv.append(f"{key}={value}")
    return argv


def _change(verb: str, jobs: Sequence[int]) -> list[str]:
    if not jobs:
        raise Refused(f"{verb}: no job was named")
    return ["scontrol", verb, ",".join(str(_id(job)) for job in jobs)]


def change_command(verb: str, spec: str) -> list[str]:
    """The argv of ``uhold``, ``release``, ``requeue`` or ``requeuehold`` for a raw id or for
    tasks of an array. By an array's bare id ``uhold`` marks running tasks as held too."""
    if verb not in ("uhold", "release", "requeue", "requeuehold"):
        raise Refused(f"{verb!r} is not a change of a job")
    return ["scontrol", verb, _spec(spec)]


def hold_command(jobs: Sequence[int]) -> list[str]:
    """Hold waiting jobs as their user, who may release them again."""
    return _change("uhold", jobs)


def release_command(jobs: Sequence[int]) -> list[str]:
    return _change("release", jobs)


def requeue_command(jobs: Sequence[int], *, hold: bool = False) -> list[str]:
    """Send running jobs back into the queue; what runs in them is lost."""
    return _change("requeuehold" if hold else "requeue", jobs)


def suspend_command(jobs: Sequence[int]) -> list[str]:
    return _change("suspend", jobs)


def resume_command(jobs: Sequence[int]) -> list[str]:
    return _change("resume", jobs)


# -- answers ------------------------------------------------------------------------------


def parse_job(data: bytes) -> Shown:
    """One job. Raises ProtocolError when the text is none, is cut, or is of several jobs."""
    text = decode(data)
    if not re.match(r"\s*JobId=[0-9]+ ", text) or "JobName=" not in text:
        raise ProtocolError("scontrol did not show a job", "the job may be gone: see sactui jobs")
    # scontrol ends a job with an empty line: without it the last value may be cut.
    if not re.search(r"\n *\n\Z", text):
        raise ProtocolError("what scontrol showed of the job was cut short")
    shown = _read(text.strip("\n"), JOB_KEYS)
    lost = {key for key in JOB_ALWAYS if key not in shown.fields and key not in shown.given_up}
    if lost:
        raise ProtocolError(
            f"what scontrol showed of the job is not complete: {', '.join(sorted(lost))} missing"
        )
    order = list(shown.fields)
    doubtful: set[str] = set()
    after_user_text = False
    for key in order:
        if key in JOB_USER_TEXT:
            after_user_text = True
        elif key in JOB_ALWAYS:
            after_user_text = False
        elif after_user_text:
            doubtful.add(key)
    # A user's text that looks like further keys is itself cut short by them.
    if doubtful or shown.given_up:
        doubtful |= JOB_USER_TEXT & set(order)
    return Shown(shown.fields, frozenset(doubtful), shown.given_up)


def parse_nodes(data: bytes) -> tuple[Node, ...]:
    """Nodes, from one line each. Raises ProtocolError for a line that is none."""
    found: list[Node] = []
    for line in _lines(data, "NodeName="):
        given = _read(line, NODE_KEYS).fields
        if "State" not in given or "CPUTot" not in given:
            raise ProtocolError(f"what scontrol showed of node {given.get('NodeName', '?')} is not complete")
        state, flags = node_state(given["State"])
        tres, used = values.pairs(given.get("CfgTRES", "")), values.pairs(given.get("AllocTRES", ""))
        total, busy = values.number(given["CPUTot"]) or 0, values.number(given.get("CPUAlloc", "")) or 0
        types = values.gres_gpus(given.get("Gres", ""))
        reason, who, at = _node_reason(given.get("Reason", ""))
        found.append(
            Node(
                given["NodeName"],
                state,
                flags,
                tuple(part for part in given.get("Partitions", "").strip().split(",") if part),
                total,
                busy,
                max(0, total - busy),
                values.memory_mib(given.get("RealMemory", "")),
                values.number(given.get("AllocMem", "")),
                values.number(given.get("FreeMem", "")),
                values.real(given.get("CPULoad", "")),
                values.tres_gpus(tres) or sum(types.values()),
                values.tres_gpus(used),
                tuple(types.items()),
                tuple(part for part in values.word(given.get("ActiveFeatures", "")).split(",") if part),
                given.get("NodeHostName", ""),
                reason,
                who,
                at,
            )
        )
    return tuple(found)


def parse_partitions(data: bytes) -> tuple[Shown, ...]:
    """Partitions with all their rules, from one line each."""
    return tuple(_read(line, PARTITION_KEYS) for line in _lines(data, "PartitionName="))


def with_rules(partitions: Sequence[Partition], shown: Sequence[Shown]) -> tuple[Partition, ...]:
    """The partitions of sinfo with the rules that only scontrol shows.

    A partition that scontrol does not show keeps what it has; one that only scontrol shows
    is added with its rules alone.
    """
    rules = {each.fields["PartitionName"]: each.fields for each in shown if "PartitionName" in each.fields}
    known = {partition.name: partition for partition in partitions}
    return tuple(
        _ruled(known.get(name) or Partition(name), rules[name]) if name in rules else known[name]
        for name in dict.fromkeys([*known, *rules])
    )


def _ruled(partition: Partition, given: Mapping[str, str]) -> Partition:
    limit = values.duration(given.get("MaxTime", ""))
    default = values.duration(given.get("DefaultTime", ""))
    return replace(
        partition,
        default=partition.default or given.get("Default") == "YES",
        state=given.get("State", partition.state).upper(),
        time_limit=partition.time_limit if limit is None else limit,
        default_time=partition.default_time if default is None else default,
        nodes=partition.nodes or values.number(given.get("TotalNodes", "")) or 0,
        cpus=partition.cpus or values.number(given.get("TotalCPUs", "")) or 0,
        node_list=partition.node_list or values.word(given.get("Nodes", "")),
        priority_tier=values.number(given.get("PriorityTier", "")),
        allow_accounts=_allowed(given.get("AllowAccounts", "")),
        allow_qos=_allowed(given.get("AllowQos", "")),
        deny_accounts=_allowed(given.get("DenyAccounts", "")),
        deny_qos=_allowed(given.get("DenyQos", "")),
        allow_groups=_allowed(given.get("AllowGroups", "")),
        submit_hosts=_allowed(given.get("AllocNodes", "")),
        max_nodes=values.number(given.get("MaxNodes", "")),
        min_nodes=values.number(given.get("MinNodes", "")) or 0,
        max_cpus_per_node=values.number(given.get("MaxCPUsPerNode", "")),
        max_memory_per_node_mib=values.memory_mib(given.get("MaxMemPerNode", "")),
        max_memory_per_cpu_mib=values.memory_mib(given.get("MaxMemPerCPU", "")),
        qos=values.word(given.get("QoS", "")),
        hidden=given.get("Hidden") == "YES",
        root_only=given.get("RootOnly") == "YES",
        needs_window=given.get("ReqResv") == "YES",
    )


def _allowed(text: str) -> tuple[str, ...]:
    return () if text.strip().upper() == "ALL" else _names(text.strip())


def parse_windows(data: bytes) -> tuple[Window, ...]:
    """Slurm's reservations; none is the answer "No reservations in the system"."""
    if decode(data).strip().startswith("No reservations"):
        return ()
    found: list[Window] = []
    for line in _lines(data, "ReservationName="):
        given = _read(line, WINDOW_KEYS).fields
        if "StartTime" not in given or "Flags" not in given:
            raise ProtocolError(
                f"what scontrol showed of reservation {given.get('ReservationName', '?')} is not complete"
            )
        found.append(
            Window(
                given["ReservationName"],
                values.timestamp(given["StartTime"]),
                values.timestamp(given.get("EndTime", "")),
                values.word(given.get("Nodes", "")),
                _names(given["Flags"]),
                _names(given.get("Users", "")),
                _names(given.get("Accounts", "")),
                given.get("State", ""),
            )
        )
    return tuple(found)


def parse_config(data: bytes) -> dict[str, str]:
    """The configuration, by key."""
    found: dict[str, str] = {}
    for line in decode(data).splitlines():
        key, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(?:\[[0-9]+\])?", key.strip()):
            found.setdefault(key.strip(), value.strip())
    return found


def parse_ping(data: bytes) -> dict[str, bool]:
    """Controllers and whether they answer: ``{"primary at head": True}``."""
    found: dict[str, bool] = {}
    for role, host, word in re.findall(
        r"^Slurmctld\(([^()\n]{1,40})\) at (\S{1,255}) is (UP|DOWN)", decode(data), re.MULTILINE
    ):
        found[f"{role} at {host}"] = word == "UP"
    return found


def _read(text: str, keys: frozenset[str]) -> Shown:
    marks = [
        match
        for match in re.finditer(r"(?:^|(?<=[ \n]))([A-Z][A-Za-z0-9_:/]{1,40})=", text)
        if match.group(1) in keys
    ]
    fields: dict[str, str] = {}
    twice: set[str] = set()
    for index, match in enumerate(marks):
        key = match.group(1)
        end = marks[index + 1].start() if index + 1 < len(marks) else len(text)
        if key in fields:
            twice.add(key)
        value = text[match.end() : end]
        # What stands between two keys is one space or a line break with its indentation.
        fields[key] = re.sub(r"(?:\n {0,3}| )\Z", "", value) if end < len(text) else value.rstrip("\n")
    for key in twice:
        del fields[key]
    return Shown(fields, frozenset(), frozenset(twice))


def _lines(data: bytes, start: str) -> list[str]:
    """The lines of ``-o`` output; an administrator's text may break a line in two."""
    lines: list[str] = []
    text = decode(data)
    if text and not text.endswith("\n"):
        raise ProtocolError("what scontrol showed was cut short")
    for line in text.split("\n"):
        if line.startswith(start):
            lines.append(line)
        elif lines and line.strip():
            lines[-1] += "\n" + line
        elif line.strip():
            raise ProtocolError(f"scontrol said: {line.strip()[:200]}")
    return lines


def _node_reason(text: str) -> tuple[str, str, float | None]:
    """``disk broken [root@1795238946]`` as reason, who, when."""
    match = re.fullmatch(r"(.*?) \[([^\[\]@]{1,64})@([^\[\]@]{1,40})\]\s*", text, re.DOTALL)
    if not match:
        return values.word(text.strip()), "", None
    return match.group(1), match.group(2), values.timestamp(match.group(3))


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in values.word(text).split(",") if part)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._,\[\]-]*", text):
        raise Refused(f"{text!r} is not a list of nodes")
    return text


def _id(job: int) -> int:
    if job < 1:
        raise Refused(f"{job} is not a job id")
    return job


def _spec(spec: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,9}(?:_(?:[0-9]{1,10}|\[[0-9][0-9,:-]{0,8000}\]))?", spec):
        raise Refused(
            f"{spec[:80]!r} cannot be named to scontrol", "an array with too many single tasks: by its id"
        )
    return spec
