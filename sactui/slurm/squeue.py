"""squeue: the jobs, in one question.

Text, not JSON: it is the same for all versions, a tenth of the size, and costs the
controller less. Arrays stay folded, so 10,000 waiting tasks are one record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ..domain.job import Job
from ..domain.state import Phase
from . import arrays, states, values
from .records import RecordError, Tokens, split
from .version import LATEST, Capabilities

#: (name of -O, letter of -o or "" where there is none, our key). What users can write
#: comes last: name and comment behind all that decides.
_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("JobID", "A", "id"),
    ("JobArrayID", "i", "label"),
    ("State", "T", "state"),
    ("UserName", "u", "user"),
    ("UserID", "U", "user_id"),
    ("Partition", "P", "partition"),
    ("Account", "a", "account"),
    ("QOS", "q", "qos"),
    ("NumNodes", "D", "nodes"),
    ("NumCPUs", "C", "cpus"),
    ("TimeUsed", "M", "elapsed"),
    ("TimeLimit", "l", "limit"),
    ("SubmitTime", "V", "submitted"),
    ("StartTime", "S", "start"),
    ("EndTime", "e", "end"),
    ("BatchHost", "B", "batch_host"),
    ("NodeList", "N", "node_list"),
    ("RestartCnt", "", "restarts"),
    ("tres-alloc", "", "tres"),
    ("tres-per-node", "b", "gres"),
    ("Reason", "r", "reason"),
    ("Dependency", "E", "dependency"),
    ("WorkDir", "Z", "work_dir"),
    ("Name", "j", "name"),
    ("Comment", "k", "comment"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What squeue answered: the jobs, and the records that must be read again."""

    jobs: tuple[Job, ...]
    errors: tuple[RecordError, ...] = ()


def command(
    tokens: Tokens,
    *,
    me: bool = True,
    jobs: Sequence[int] = (),
    all_users: bool = False,
    user: str = "",
    ended: bool = False,
    able: Capabilities = LATEST,
) -> list[str]:
    """The argv that asks for jobs: own ones, these ids, or all users'.

    ``user`` is the login name there, needed where squeue has no ``--me``. ``ended``
    includes jobs that ended in the last minutes (the controller's MinJobAge). Asked for
    one id that is gone, squeue says "Invalid job id specified" with status 1; asked for
    several, it leaves the gone ones out.
    """
    argv = ["squeue", "-h", "-a", *_format(tokens, able)]
    if jobs:
        argv += ["-j", ",".join(str(_id(job)) for job in jobs)]
    elif me and not all_users:
        if able.me:
            argv.append("--me")
        elif user:
            argv += ["-u", user]
        else:
            raise ValueError("this squeue has no --me, and the user's name was not given")
    if ended:
        argv += ["-t", "all"]
    return argv


def waiting_command(partition: str) -> list[str]:
    """The argv that asks for id and priority of everything that waits in one partition; all
    users': on demand only."""
    if not re.fullmatch(r"[A-Za-z0-9_.,-]{1,200}", partition):
        raise ValueError(f"{partition!r} is not a partition")
    return ["squeue", "-h", "-a", "-t", "PENDING", "-p", partition, "-o", "%A %Q"]


def parse_waiting(data: bytes) -> tuple[tuple[int, int], ...]:
    """(raw id, priority) of each record; a last line that was cut and other text are left out."""
    lines = data.decode("ascii", "replace").split("\n")[:-1]
    found = [re.fullmatch(r"([0-9]{1,10}) ([0-9]{1,10})", line.strip()) for line in lines]
    return tuple((int(match.group(1)), int(match.group(2))) for match in found if match)


def reread_command(job: int, key: str, tokens: Tokens, able: Capabilities = LATEST) -> list[str]:
    """The argv that asks for one field of one job, for a record that did not fit."""
    for name, letter, ours in fields(able):
        if ours == key:
            form = ["-O", f"{name}:{tokens.end}"] if able.long_format else ["-o", f"%{letter}{tokens.end}"]
            return ["squeue", "-h", "-a", "-j", str(_id(job)), *form]
    raise ValueError(f"squeue has no field {key!r}")


def fields(able: Capabilities = LATEST) -> tuple[tuple[str, str, str], ...]:
    """The fields that this version is asked for."""
    return tuple(each for each in _FIELDS if able.long_format or each[1])


def parse(data: bytes, tokens: Tokens, able: Capabilities = LATEST) -> Answer:
    """Read squeue's standard output. Never raises; what is no record is in ``errors``."""
    keys = tuple(key for _, _, key in fields(able))
    rows, errors = split(data, tokens, len(keys))
    jobs: list[Job] = []
    at = keys.index("elapsed")
    for row in rows:
        # The time used grows with every look; all else of most records stays as it was.
        used, row[at] = row[at], ""
        job = _remembered(keys, tuple(row))
        if job is not None and (elapsed := values.elapsed(used)):
            job = replace(job, elapsed=elapsed)
        if job is None:
            first = row[0] if re.fullmatch(r"[0-9]{1,10}", row[0]) else ""
            errors.append(RecordError("a field does not have its form", int(first) if first else None))
        else:
            jobs.append(job)
    return Answer(tuple(jobs), tuple(errors))


@lru_cache(maxsize=4096)
def _remembered(keys: tuple[str, ...], row: tuple[str, ...]) -> Job | None:
    """:func:`from_fields`, read once for records that did not change between two looks."""
    return from_fields(dict(zip(keys, row, strict=True)))


def parse_field(data: bytes, tokens: Tokens) -> str | None:
    """The answer to :func:`reread_command`; ``None`` unless it is exactly one value."""
    rows, errors = split(data, tokens, 1)
    return rows[0][0] if len(rows) == 1 and not errors else None


def from_fields(given: dict[str, str]) -> Job | None:
    """A job from squeue's fields by our key; ``None`` when what decides is not there.

    Keys that a version does not have may be absent.
    """
    job_id = values.number(given.get("id", ""))
    state = given.get("state", "").strip()
    place = _place(given.get("label", ""), job_id)
    if not job_id or not re.fullmatch(r"[A-Za-z_]{1,30}", state) or place is None:
        return None
    phase = states.phase(state)
    waiting = phase is Phase.PENDING
    tres = values.pairs(given.get("tres", ""))
    nodes = values.count(given.get("nodes", "")) or 0
    cpus = values.count(given.get("cpus", "")) or 0
    memory: int | None
    if tres:
        memory, gpus = values.memory_mib(tres.get("mem", "")), values.tres_gpus(tres)
    else:
        # What is asked for per node. Memory is not marked as per node or per CPU there.
        memory, gpus = None, sum(values.gres_gpus(given.get("gres", "")).values()) * max(nodes, 1)
    start = values.timestamp(given.get("start", ""))
    array_job, array_tasks, het_job, het_offset = place
    folded = arrays.tasks(array_tasks) if array_tasks.startswith("[") else arrays.Tasks(1)
    return Job(
        id=job_id,
        name=given.get("name", ""),
        user=given.get("user", ""),
        state=states.word(state),
        phase=phase,
        reason=values.word(given.get("reason", "").strip()),
        partition=given.get("partition", ""),
        account=values.word(given.get("account", "")),
        qos=values.word(given.get("qos", "")),
        nodes=nodes,
        node_list=values.word(given.get("node_list", "")),
        batch_host="" if waiting else values.word(given.get("batch_host", "")),
        cpus=cpus,
        memory_mib=memory,
        gpus=gpus,
        time_limit=values.duration(given.get("limit", "")),
        elapsed=values.elapsed(given.get("elapsed", "")),
        submitted_at=values.timestamp(given.get("submitted", "")),
        started_at=None if waiting else start,
        expected_start=start if waiting else None,
        ends_at=None if waiting else values.timestamp(given.get("end", "")),
        restarts=values.number(given.get("restarts", "")) or 0,
        array_job=array_job,
        array_tasks=array_tasks,
        het_job=het_job,
        het_offset=het_offset,
        dependency=values.written(given.get("dependency", "")),
        work_dir=values.written(given.get("work_dir", "")),
        comment=values.written(given.get("comment", "")),
        user_id=values.number(given.get("user_id", "")),
        tasks=folded.count,
        tasks_exact=folded.exact,
    )


def _place(label: str, job_id: int | None) -> tuple[int | None, str, int | None, int | None] | None:
    """Array job and tasks, heterogeneous job and offset, from ``1_[4-9%2]``, ``1_0``, ``10+1``."""
    if match := re.fullmatch(r"([0-9]{1,10})_([0-9]{1,10}|\[[0-9,:%.-]*\]?(?:\.\.\.)?\]?)", label):
        return int(match.group(1)), match.group(2), None, None
    if match := re.fullmatch(r"([0-9]{1,10})\+([0-9]{1,5})", label):
        return None, "", int(match.group(1)), int(match.group(2))
    if label == "" or (label.isdigit() and values.number(label) == job_id):
        return None, "", None, None
    return None


def _format(tokens: Tokens, able: Capabilities) -> list[str]:
    wanted = fields(able)
    ends = [tokens.field] * (len(wanted) - 1) + [tokens.end]
    if able.long_format:
        # Without a width a field is as long as it is: nothing is cut or padded.
        return ["-O", ",".join(f"{name}:{end}" for (name, _, _), end in zip(wanted, ends, strict=True))]
    return ["-o", "".join(f"%{letter}{end}" for (_, letter, _), end in zip(wanted, ends, strict=True))]


def _id(job: int) -> int:
    if job < 1:
        raise ValueError(f"{job} is not a job id")
    return job
