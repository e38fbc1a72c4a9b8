"""sbatch: submit a script, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Refused
from . import values

_OPTION = re.compile(r"[a-z][a-z0-9-]{1,40}")
#: Options that would change what the answer means or whom the job belongs to.
_OURS = frozenset(
    {"parsable", "test-only", "wait", "wrap", "quiet", "uid", "gid", "propagate", "array", "version", "help"}
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What ``--test-only`` says: a guess of the scheduler at this moment, nothing is booked."""

    start_at: float | None
    start_text: str
    cpus: int
    node_list: str
    partition: str


def command(
    script: str,
    *,
    partition: str = "",
    time: str = "",
    cpus_per_task: int | None = None,
    memory: str = "",
    gpus: str = "",
    account: str = "",
    qos: str = "",
    nodes: int | None = None,
    node_list: str = "",
    constraint: str = "",
    job_name: str = "",
    comment: str = "",
    output: str = "",
    export: Sequence[str] | None = None,
    signal: str = "",
    dependency: str = "",
    begin: str = "",
    requeue: bool = False,
    extra: Sequence[tuple[str, str]] = (),
    test_only: bool = False,
) -> list[str]:
    """The argv that submits ``script`` (a path there).

    What matters is on the command line, which wins over the script's directives. The
    login host's limits (CPU time, memory) are not passed on. ``export`` are names of
    variables; ``None`` passes all. ``gpus`` is ``2`` or ``a100:2``, per node. ``requeue``
    is off: a job that starts again by itself has lost its tenants.

    Raises Refused for a value with a line break and for an option that is ours.
    """
    argv = ["sbatch", "--parsable", "--propagate=NONE", "--requeue" if requeue else "--no-requeue"]
    if test_only:
        argv.append("--test-only")
    given = {
        "partition": partition,
        "time": time,
        "cpus-per-task": "" if cpus_per_task is None else str(cpus_per_task),
        "mem": memory,
        "gres": _gpus(gpus),
        "account": account,
        "qos": qos,
        "nodes": "" if nodes is None else str(nodes),
        "nodelist": node_list,
        "constraint": constraint,
        "job-name": job_name,
        "comment": comment,
        "output": output,
        "export": "" if export is None else ",".join(export) or "NONE",
        "signal": signal,
        "dependency": dependency,
        "begin": begin,
    }
    argv += [f"--{name}={value}" for name, value in given.items() if value]
    for name, value in extra:
        bare = name.removeprefix("--")
        if not _OPTION.fullmatch(bare) or bare in _OURS:
            raise Refused(f"the option {name!r} cannot be passed to sbatch", "leave it out")
        argv.append(f"--{bare}={value}" if value else f"--{bare}")
    if any("\n" in word or "\0" in word for word in [*argv, script]) or not script or script.startswith("-"):
        raise Refused("a value for sbatch has a line break, or the script has no name")
    return [*argv, script]


def _gpus(text: str) -> str:
    """``--gres`` of a GPU wish: unlike ``--gpus`` every select plugin and version takes it."""
    if not text or text == "0":
        return ""
    if not re.fullmatch(r"(?:[A-Za-z0-9_.-]+:)?[0-9]{1,4}", text):
        raise Refused(f"GPUs {text!r} cannot be asked for", "write 2 or a100:2")
    return f"gpu:{text}"


def parse_job_id(stdout: str) -> int | None:
    """The id in sbatch's answer: ``123``, ``123;cluster`` or ``Submitted batch job 123``.

    Lines that a site's plugins print are passed over; two different ids are none.
    """
    found: set[int] = set()
    for line in stdout.splitlines():
        match = re.fullmatch(
            r"(?:Submitted batch job )?([0-9]{1,10})(?:;[\w.-]+| on cluster [\w.-]+)?", line.strip()
        )
        if match:
            found.add(int(match.group(1)))
    return found.pop() if len(found) == 1 and 0 not in found else None


_ESTIMATE = re.compile(
    r"Job [0-9]+ to start at (?P<start>\S+) using (?P<cpus>[0-9]+) processors on "
    # Of a heterogeneous job the partition is not said.
    r"(?:nodes )?(?P<nodes>\S+)(?: in partition (?P<partition>\S+))?"
)


def parse_estimate(text: str) -> Estimate | None:
    """The answer to ``--test-only`` (it stands on standard error); ``None`` when there is
    none, then the text is an error."""
    match = _ESTIMATE.search(text)
    if not match:
        return None
    start = match.group("start")
    return Estimate(
        values.timestamp(start),
        start,
        int(match.group("cpus")),
        match.group("nodes"),
        match.group("partition") or "",
    )
