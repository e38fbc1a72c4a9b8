"""One job's details from Slurm's JSON, of ``scontrol --json show job`` or ``squeue --json``.

The same thing is written in several ways: a number is a number, a text or
``{"set": true, "infinite": false, "number": 4}``; a state a word or a list of words; a
key has been renamed. Everything is read tolerantly, and a value that is not understood
is "not known", never a guess. Used from 23.02 on; 22.05's is understood too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..domain.job import UNLIMITED, Job
from ..domain.state import Phase
from ..domain.text import decode
from ..errors import ProtocolError
from . import hostlist, states, values


@dataclass(frozen=True, slots=True)
class Details:
    """A job, and everything else that was said about it as words, by key."""

    job: Job
    more: Mapping[str, str]
    errors: tuple[str, ...] = ()


def command(job: int) -> list[str]:
    """The argv that asks for one job's details as JSON (23.02 and later)."""
    if job < 1:
        raise ValueError(f"{job} is not a job id")
    return ["scontrol", "--json", "show", "job", str(job)]


def parse(data: bytes) -> tuple[Details, ...]:
    """The jobs of an answer. Raises ProtocolError when it is not JSON or holds no jobs."""
    try:
        answer = json.loads(decode(data))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(
            f"Slurm's answer is not JSON: {error}"[:200], "details are shown from squeue"
        ) from None
    jobs = answer.get("jobs") if isinstance(answer, dict) else None
    if not isinstance(jobs, list):
        raise ProtocolError("Slurm's JSON has no jobs in it", "details are shown from squeue")
    said = tuple(_error_texts(answer.get("errors")))
    found: list[Details] = []
    for record in jobs:
        if not isinstance(record, dict):
            raise ProtocolError("a job in Slurm's JSON has no fields")
        found.append(Details(_job(record), dict(_more(record)), said))
    return tuple(found)


def number(value: Any) -> int | float | None:
    """A number in any of Slurm's ways; ``math.inf`` for infinite, ``None`` for not set."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # JSON has no NaN, Python's reader lets it through.
        return value if -math.inf < value <= math.inf else None
    if isinstance(value, str):
        return values.number(value)
    if isinstance(value, dict):
        if value.get("infinite") is True:
            return math.inf
        if value.get("set") is False:
            return None
        return number(value.get("number"))
    return None


def _job(record: Mapping[str, Any]) -> Job:
    job_id = _whole(record.get("job_id"))
    given = record.get("job_state")
    words = (
        [str(each) for each in given]
        if isinstance(given, list)
        else [given]
        if isinstance(given, str)
        else []
    )
    if not job_id or not words:
        raise ProtocolError("a job in Slurm's JSON has no id or no state")
    state, phase = states.combined(words)
    tres = values.pairs(_text(record.get("tres_alloc_str")) or _text(record.get("tres_req_str")))
    nodes = _text(record.get("nodes"))
    array_job, task = _whole(record.get("array_job_id")), _whole(record.get("array_task_id"), zero=True)
    expression = _text(record.get("array_task_string"))
    het = _whole(record.get("het_job_id"))
    limit = number(record.get("time_limit"))
    if limit is not None and limit < 0:
        limit = None
    waiting = phase is Phase.PENDING
    start = _time(record.get("start_time"))
    batch_host = _text(record.get("batch_host"))
    return Job(
        id=job_id,
        name=_text(record.get("name")),
        user=_text(record.get("user_name")),
        state=state,
        phase=phase,
        reason=values.word(_text(record.get("state_reason"))),
        partition=_text(record.get("partition")),
        account=_text(record.get("account")),
        qos=_text(record.get("qos")),
        nodes=_whole(record.get("node_count")) or 0,
        node_list=nodes,
        batch_host="" if waiting else batch_host or _first(nodes),
        cpus=_whole(record.get("cpus")) or 0,
        memory_mib=values.memory_mib(tres.get("mem", "")),
        gpus=values.tres_gpus(tres),
        # Minutes in JSON.
        time_limit=UNLIMITED if limit == math.inf else None if limit is None else int(limit) * 60,
        submitted_at=_time(record.get("submit_time")),
        started_at=None if waiting else start,
        expected_start=start if waiting else None,
        ends_at=None if waiting else _time(record.get("end_time")),
        restarts=_whole(record.get("restart_cnt")) or 0,
        array_job=array_job if task is not None or expression else None,
        array_tasks=(f"[{expression}]" if expression else str(task) if task is not None else "")
        if array_job
        else "",
        het_job=het,
        het_offset=_whole(record.get("het_job_offset"), zero=True) if het else None,
        dependency=_text(record.get("dependency")),
        work_dir=_text(record.get("current_working_directory")),
        comment=_comment(record.get("comment")),
        exit_code=_exit(record.get("exit_code")),
        user_id=_whole(record.get("user_id"), zero=True),
    )


def _more(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        if prefix == "" and key in ("job_resources", "gres_detail", "show_flags"):
            continue
        words = _words(value)
        if words:
            yield f"{prefix}{key}", words


def _words(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(words for words in map(_words, value) if words)
    if isinstance(value, dict):
        if "number" in value:
            found = number(value)
            return "" if found is None else "unlimited" if found == math.inf else _plain(found)
        if "return_code" in value:
            return _exit(value)
        return ", ".join(f"{key}: {words}" for key, each in value.items() if (words := _words(each)))
    return ""


def _plain(found: int | float) -> str:
    return str(int(found)) if float(found).is_integer() else str(found)


def _whole(value: Any, *, zero: bool = False) -> int | None:
    found = number(value)
    if found is None or not 0 <= found < math.inf:
        return None
    return int(found) if found or zero else None


def _time(value: Any) -> float | None:
    found = number(value)
    return float(found) if found and 0 < found < 10**11 else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _comment(value: Any) -> str:
    """A text, or since 23.02 for accounting ``{"job": ..., "administrator": ...}``."""
    return _text(value.get("job")) if isinstance(value, dict) else _text(value)


def _exit(value: Any) -> str:
    """``status:signal``. A plain number is the status of wait(2), as 22.05 writes it."""
    if isinstance(value, dict):
        status = _whole(value.get("return_code"), zero=True)
        signal = value.get("signal")
        # The signal's number has been called "signal_id" and "id".
        sent = (
            _whole(signal.get("id", signal.get("signal_id")), zero=True) if isinstance(signal, dict) else None
        )
        return "" if status is None and not sent else f"{status or 0}:{sent or 0}"
    status = _whole(value, zero=True)
    return "" if status is None or not 0 <= status <= 0xFFFF else f"{status >> 8}:{status & 0x7F}"


def _first(nodes: str) -> str:
    try:
        return hostlist.first(nodes)
    except ProtocolError:
        return ""


def _error_texts(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict):
            text = _text(each.get("error")) or _text(each.get("description"))
            if text:
                yield text
