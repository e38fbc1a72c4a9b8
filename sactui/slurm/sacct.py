"""sacct: jobs that the controller has forgotten. Asked on demand, never in a loop."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..domain.accounting import Accounted
from ..domain.text import decode, visible
from . import states, values
from .records import RecordError, Tokens
from .version import LATEST, Capabilities

_FIELDS = (
    ("JobIDRaw", "raw"),
    ("JobID", "label"),
    ("State", "state"),
    ("ExitCode", "exit"),
    ("User", "user"),
    ("Account", "account"),
    ("Partition", "partition"),
    ("Submit", "submitted"),
    ("Start", "started"),
    ("End", "ended"),
    ("Elapsed", "elapsed"),
    ("Timelimit", "limit"),
    ("NNodes", "nodes"),
    ("NCPUS", "cpus"),
    ("AllocTRES", "tres"),
    ("MaxRSS", "rss"),
    ("TotalCPU", "cpu_time"),
    ("ReqMem", "asked_memory"),
    ("NTasks", "tasks"),
    ("QOS", "qos"),
    ("Eligible", "eligible"),
    ("DerivedExitCode", "derived"),
    ("NodeList", "node_list"),
    ("Reason", "reason"),
    ("WorkDir", "work_dir"),
    ("SubmitLine", "submit_line"),
    ("JobName", "name"),
)


def command(
    tokens: Tokens,
    *,
    jobs: Sequence[int] = (),
    since: str = "",
    user: str = "",
    steps: bool = True,
    able: Capabilities = LATEST,
) -> list[str]:
    """The argv that asks for these jobs, or for a user's since a time (``now-7days``)."""
    names = ",".join(name for name, _ in _fields(able))
    argv = ["sacct", "-n", "-p", f"--delimiter={tokens.field}", "-D", "-o", names]
    if not steps:
        argv.append("-X")
    if jobs:
        argv += ["-j", ",".join(str(int(job)) for job in jobs)]
    if user:
        argv += ["-u", user]
    if since:
        if not re.fullmatch(r"[A-Za-z0-9:+T-]{1,40}", since):
            raise ValueError(f"{since!r} is not a time of sacct")
        argv += ["-S", since]
    return argv


def parse(
    data: bytes, tokens: Tokens, able: Capabilities = LATEST
) -> tuple[tuple[Accounted, ...], tuple[RecordError, ...]]:
    """Read the answer; never raises. ``-p`` ends every field with the delimiter, so a
    record that was cut short is noticed."""
    keys = [key for _, key in _fields(able)]
    *cells, rest = decode(data).split(tokens.field)
    found: list[Accounted] = []
    errors: list[RecordError] = []
    for start in range(0, len(cells), len(keys)):
        row = cells[start : start + len(keys)]
        if start:
            if not row[0].startswith(("\n", "\r\n")):
                errors.append(
                    RecordError("something stands between two records", None, visible(row[0][:120]))
                )
                break
            row[0] = row[0].lstrip("\r\n")
        if len(row) < len(keys):
            errors.append(
                RecordError("the answer ends in the middle of a record", None, visible(row[0][:120]))
            )
            break
        record = _record(dict(zip(keys, row, strict=True)))
        if record is None:
            errors.append(RecordError("a record of accounting has no id", None, visible(row[0][:120])))
            break
        found.append(record)
    if rest.strip("\r\n ") and not errors:
        errors.append(RecordError("the answer ends in the middle of a record", None, visible(rest[:120])))
    return tuple(found), tuple(errors)


def _fields(able: Capabilities) -> list[tuple[str, str]]:
    absent = set() if able.submit_line else {"submit_line"}
    if not able.accounted_reason:
        absent.add("reason")
    return [each for each in _FIELDS if each[1] not in absent]


def _record(given: dict[str, str]) -> Accounted | None:
    match = re.fullmatch(r"([0-9]{1,10})(?:\.([A-Za-z0-9_+]{1,20}))?", given["raw"])
    if not match or not given["state"].strip():
        return None
    tres = values.pairs(given["tres"])
    status, signal = values.exit_code(given["exit"])
    cpus, nodes = values.count(given["cpus"]) or 0, values.count(given["nodes"]) or 0
    asked = values.memory_mib(given["asked_memory"])
    if asked is not None and given["asked_memory"].strip()[-1:] in ("n", "c"):
        # Before 21.08 it is marked as per node or per CPU; later it is the whole job's.
        asked *= max(1, cpus if values.memory_per_cpu(given["asked_memory"]) else nodes)
    return Accounted(
        job_id=int(match.group(1)),
        label=given["label"].split(".")[0],
        step=match.group(2) or "",
        state=states.word(given["state"]),
        phase=states.phase(given["state"]),
        name=given["name"],
        user=given["user"],
        account=given["account"],
        partition=given["partition"],
        exit_status=status,
        exit_signal=signal,
        submitted_at=values.timestamp(given["submitted"]),
        started_at=values.timestamp(given["started"]),
        ended_at=values.timestamp(given["ended"]),
        elapsed=values.duration(given["elapsed"]),
        time_limit=values.duration(given["limit"]),
        nodes=nodes,
        node_list="" if given["node_list"].startswith("None") else given["node_list"],
        cpus=cpus,
        memory_mib=values.memory_mib(tres.get("mem", "")),
        memory_used_mib=values.memory_mib(given["rss"]),
        gpus=values.tres_gpus(tres),
        reason=values.word(given.get("reason", "")),
        canceled_by=states.canceled_by(given["state"]),
        submit_line=given.get("submit_line", ""),
        work_dir=given["work_dir"],
        cpu_seconds=values.cpu_seconds(given["cpu_time"]),
        asked_memory_mib=asked,
        tasks=values.number(given["tasks"]) or 0,
        qos=given["qos"],
        eligible_at=values.timestamp(given["eligible"]),
        derived_status=values.exit_code(given["derived"])[0],
    )
