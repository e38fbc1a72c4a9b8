"""Everything that scontrol and sacct know about one job, in words: asked on demand, in one exec."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from .. import clock
from ..domain.accounting import Accounted, Step, Usage
from ..domain.details import Details
from ..domain.job import Job
from ..domain.state import Phase
from ..domain.text import decode
from ..errors import ProtocolError, Refused, SlurmError
from ..slurm import json_details, records, sacct, scontrol, squeue, sstat, steps
from ..transport.script import Section
from . import job_words
from .job_verbs import Target
from .limits import answered
from .link import HostLink

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """What each source said about one job; what a source did not say is empty."""

    target: Target | None = None  # the record of the queue
    shown: scontrol.Shown | None = None
    more: dict[str, str] = field(default_factory=dict)  # of JSON, by Slurm's key
    accounted: tuple[Accounted, ...] = ()
    running_steps: tuple[Step, ...] = ()
    usage: tuple[Usage, ...] = ()
    script: str = ""
    queue: tuple[tuple[int, int], ...] | None = None  # (raw id, priority) of what waits beside it
    private: bool = False
    user: str = ""

    @property
    def job(self) -> Job | None:
        return self.target.job if self.target else None


async def ask(link: HostLink, job_id: int, target: Target | None = None, *, timeout: float = 20.0) -> Details:
    """The details of a job. ``target`` is its record of the last look, where there is one.

    Raises Refused when neither queue nor accounting know the job, SlurmError when the
    controller does not answer and accounting knows nothing, TransportError.
    """
    able, user = link.able, link.hello.user if link.hello else ""
    tokens = records.fresh()
    spec = _spec(job_id, target)
    job = target.job if target else None
    runs = job is None or job.phase in (Phase.RUNNING, Phase.PAUSED)
    raw = job.id if job else job_id
    argvs = {
        "squeue": squeue.command(tokens, jobs=[_whole(job_id, target)], ended=True, able=able),
        "scontrol": json_details.command(raw)
        if able.json_details and spec == str(raw)
        else scontrol.show_spec_command(spec),
        "sacct": sacct.command(tokens, jobs=[_accounted_id(job_id, target)], able=able),
        "script": scontrol.script_command(spec),
    }
    if runs:
        argvs["steps"] = steps.command(tokens, jobs=[raw])
        argvs["sstat"] = sstat.command(raw)
    if job is not None and job.phase is Phase.PENDING and job.partition:
        argvs["priorities"] = squeue.waiting_command(job.partition)
    sections = [Section(name, shlex.join(argv), timeout) for name, argv in argvs.items()]
    answers = await link.ask(*sections, timeout=timeout * 5)
    missing: dict[str, str] = {}
    errors: dict[str, SlurmError | ProtocolError] = {}

    def part(name: str, parse: Callable[[bytes], T], default: T) -> T:
        if name not in argvs:
            return default
        try:
            return parse(answered(name, answers.get(name)))
        except (SlurmError, ProtocolError) as error:
            errors[name] = error
            missing[name] = error.message
            return default

    nothing: tuple[Job, ...] = ()
    jobs = part("squeue", lambda data: squeue.parse(data, tokens, able).jobs, nothing)
    found = _now(jobs, job_id, target)
    known = Known(
        target=found,
        accounted=part("sacct", lambda data: sacct.parse(data, tokens, able)[0], ()),
        running_steps=part("steps", lambda data: steps.parse(data, tokens)[0], ()),
        usage=part("sstat", lambda data: sstat.parse(data)[0], ()),
        script=part("script", script_of, ""),
        queue=part("priorities", squeue.parse_waiting, None),
        private=link.hello.private if link.hello else False,
        user=user,
    )
    if argvs["scontrol"][1:2] == ["--json"]:
        known = replace(known, more=part("scontrol", lambda data: _json(data, raw), {}))
    else:
        known = replace(known, shown=part("scontrol", scontrol.parse_job, None))
    known = replace(known, accounted=_own(known.accounted, job_id, found))
    if found is None and not known.accounted:
        failure = errors.get("squeue")
        if isinstance(failure, SlurmError) and failure.kind != "gone":
            raise failure
        why = missing.get("sacct", "")
        raise Refused(
            f"{link.host} knows no job {job_id}: it is not in the queue"
            + (f", and accounting cannot be asked ({why})" if why else " and accounting has no record of it"),
            "see: sactui jobs",
        )
    return job_words.details(link.host, clock.now(), job_id, known, _told(missing, known))


def _told(missing: dict[str, str], known: Known) -> tuple[tuple[str, str], ...]:
    """The sources whose silence matters; that an ended job has no running steps does not."""
    job = known.job
    quiet = {"steps", "sstat"} if job is None or job.phase is not Phase.RUNNING else {"sstat"}
    if job is None or (known.user and job.user != known.user):
        # The script is its user's own; and it goes with the job's record.
        quiet |= {"script"}
    if job is None:
        quiet |= {"squeue", "scontrol"}
    return tuple((name, why) for name, why in missing.items() if name not in quiet)


def _spec(job_id: int, target: Target | None) -> str:
    """What scontrol is given: an array's bare id would show every task of it."""
    if target is None:
        return str(job_id)
    if target.folded:
        first = re.match(r"\[([0-9]+)", target.job.array_tasks)
        return f"{target.job.array_job}_{first.group(1)}" if first else str(target.job.id)
    return target.spec


def _whole(job_id: int, target: Target | None) -> int:
    return (target.job.array_job or target.job.id) if target else job_id


def _accounted_id(job_id: int, target: Target | None) -> int:
    return target.job.id if target else job_id


def _now(jobs: Sequence[Job], job_id: int, target: Target | None) -> Target | None:
    if target is not None:
        same = next((job for job in jobs if job.id == target.job.id), None)
        return replace(target, job=same) if same else None
    return next((Target(job) for job in jobs if job.id == job_id), Target(jobs[0]) if jobs else None)


def _own(accounted: Sequence[Accounted], job_id: int, found: Target | None) -> tuple[Accounted, ...]:
    """The records of this job alone: sacct gives all tasks for the id of an array."""
    raw = found.job.id if found else job_id
    own = tuple(each for each in accounted if each.job_id == raw)
    return own or tuple(accounted)


def _json(data: bytes, job_id: int) -> dict[str, str]:
    for each in json_details.parse(data):
        if each.job.id == job_id:
            return dict(each.more)
    raise ProtocolError(f"Slurm's JSON does not show job {job_id}")


def script_of(data: bytes) -> str:
    """The batch script that scontrol writes; a line break of scontrol's own at its end is not its."""
    text = decode(data)
    return text[:-1] if text.endswith("\n\n") else text
