"""squeue: the jobs, in one question.

Text, not JSON: it is the same for all versions, a tenth of the size, and costs the
controller less. Arrays stay folded, so 10,000 waiting tasks are one record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from operator import attrgetter
from typing import Any, cast

from ..domain.job import Job
from ..domain.state import Phase
from ..domain.text import decode
from . import arrays, states, values
from .records import RecordError, Tokens, cut, misfit, split
from .version import LATEST, Capabilities

#: (name of -O, letter of -o or "" where there is none, our key). What users can write
#: comes last: name and comment behind all that decides. The time used comes first: it
#: grows with every look, and what stands behind it is mostly the same bytes as before.
_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("TimeUsed", "M", "elapsed"),
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
#: Where the id is among them.
_ID_AT = 1


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


class Memory:
    """The jobs of one answer by the bytes of their records, for the next one.

    Nearly all records of a queue are the same at every look: those are found again, as
    the same objects, and not read. It holds what the newest answer held, and no more.
    """

    __slots__ = ("_able", "_jobs")

    def __init__(self) -> None:
        self._able: Capabilities | None = None
        self._jobs: dict[bytes, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)


def parse(data: bytes, tokens: Tokens, able: Capabilities = LATEST, memory: Memory | None = None) -> Answer:
    """Read squeue's standard output. Never raises; what is no record is in ``errors``.

    ``memory`` is what the answer before left there, and is renewed.
    """
    keys = tuple(key for _, _, key in fields(able))
    # What Slurm prints are C strings: a zero byte is in none of them.
    plain = data.replace(b"\0", b"\x01").replace(tokens.field.encode(), b"\0")
    chunks, errors = cut(plain, tokens.end.encode(), b"\0", id_at=_ID_AT)
    before = memory._jobs if memory is not None and memory._able == able else {}
    known: dict[bytes, Job] = {}
    jobs: list[Job] = []
    for chunk in chunks:
        used, _, rest = chunk.partition(b"\0")
        job = before.get(rest)
        if job is None:
            row = decode(rest).split("\0")
            if len(row) != len(keys) - 1:
                errors.append(misfit(chunk, b"\0", len(keys), id_at=_ID_AT))
                continue
            job = from_fields(dict(zip(keys[1:], row, strict=True)))
            if job is None:
                first = row[0] if re.fullmatch(r"[0-9]{1,10}", row[0]) else ""
                errors.append(RecordError("a field does not have its form", int(first) if first else None))
                continue
        elapsed = 0 if used == b"0:00" else _elapsed(used)
        if elapsed != job.elapsed:
            if elapsed is None:
                errors.append(RecordError("a field does not have its form", job.id))
                continue
            job = _with_elapsed(job, elapsed)
        known[rest] = job
        jobs.append(job)
    if memory is not None:
        memory._able, memory._jobs = able, known
    return Answer(tuple(jobs), tuple(errors))


_CLOCK = re.compile(rb"(?:([0-9]{1,6})-)?(?:([0-9]{1,6}):)?([0-9]{1,3}):([0-9][0-9])")


def _elapsed(used: bytes) -> int | None:
    """The time used; ``None`` where something else stands before it, a banner for example."""
    if match := _CLOCK.fullmatch(used):
        days, hours, minutes, seconds = match.groups()
        return int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return values.elapsed(used.decode()) if re.fullmatch(rb"[A-Za-z0-9:./-]{0,24}", used) else None


_OTHERS = tuple(each.name for each in dataclass_fields(Job) if each.name != "elapsed")
_READ = attrgetter(*_OTHERS)
_WRITE = tuple(getattr(Job, name).__set__ for name in _OTHERS)
_WRITE_ELAPSED = cast(Any, Job).elapsed.__set__


def _with_elapsed(job: Job, elapsed: int) -> Job:
    """``replace(job, elapsed=elapsed)`` in a fraction of its time: thousands a look."""
    new = object.__new__(Job)
    for write, value in zip(_WRITE, _READ(job), strict=True):
        write(new, value)
    _WRITE_ELAPSED(new, elapsed)
    return new


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
