"""What sactui keeps on a cluster, below ``~/.sactui``: scripts and outputs of its jobs, removable."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from ..transport.script import Section
from .hosts import Host
from .jobs import look_at_jobs
from .plan import Grade, Outcome, Plan, Result

if TYPE_CHECKING:
    from .controller import Controller

#: The folders that are ours, and no others.
FOLDERS = ("scripts", "logs", "run", "reports")
#: A path that our own names can have; anything else is left alone.
_OURS = re.compile(rf"(?:{'|'.join(FOLDERS)})/[A-Za-z0-9_.-]{{1,200}}")
_JOB = re.compile(r"-(\d+)\.(?:out|err|log)$")
_UUID = re.compile(r"-([0-9a-f]{12})(?:\.[a-z]+)?$")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file below ``~/.sactui``; ``size`` in bytes, ``modified`` in epoch seconds."""

    path: str
    size: int
    modified: float


async def listed(host: Host) -> tuple[RemoteFile, ...]:
    """Every file of ours on a host. Raises TransportError, ProtocolError."""
    folders = shlex.join(FOLDERS)
    script = (
        'cd "$HOME/.sactui" 2>/dev/null || exit 0\n'
        f"for d in {folders}; do [ -d $d ] && find $d -maxdepth 1 -type f -printf '%s %T@ %p\\n'; done; :"
    )
    answer = (await host.link.ask(Section("files", script)))["files"]
    if not answer.complete or answer.exit_status:
        raise ProtocolError(f"{host.link.host}: ~/.sactui could not be listed")
    found = []
    for line in answer.stdout.decode("utf-8", "replace").splitlines():
        size, _, rest = line.partition(" ")
        at, _, path = rest.partition(" ")
        if size.isdigit() and _OURS.fullmatch(path):
            found.append(RemoteFile(path, int(size), float(at)))
    return tuple(sorted(found, key=lambda file: file.path))


def over(
    files: Sequence[RemoteFile], jobs: Collection[int], uuids: Collection[str], now: float
) -> tuple[RemoteFile, ...]:
    """The files whose job has ended: of no job in ``jobs``, and of no uuid that a job or lease has.

    A file that names neither is over when it is a day old.
    """
    found = []
    for file in files:
        job, uuid = _JOB.search(file.path), _UUID.search(file.path)
        if job is not None:
            ended = int(job[1]) not in jobs
        elif uuid is not None:
            ended = uuid[1] not in uuids
        else:
            ended = now - file.modified > 86400
        if ended:
            found.append(file)
    return tuple(found)


async def plan_purge(controller: Controller, host: Host, now: float) -> Plan:
    """The plan that removes files of ended jobs. Raises SlurmError when the queue is not known."""
    jobs = await look_at_jobs(host.link)
    living = {job.id for job in jobs if not job.phase.ended}
    uuids = {part for job in jobs if not job.phase.ended for part in job.comment.split(":")}
    uuids |= {str(lease.ours.get("uuid", "")) for lease in controller.files.leases}
    files = over(await listed(host), living, uuids, now)
    name = host.link.host
    size = sum(file.size for file in files) / 1024
    impact = (
        f"Removes {len(files)} files of ended jobs on {name}, {size:.0f} KiB. Nothing that runs uses them."
    )
    return Plan(
        "purge",
        name,
        "~/.sactui",
        f"Remove old files of sactui on {name}",
        (impact,) if files else (f"There is nothing to remove on {name}.",),
        tuple(f"rm ~/.sactui/{file.path}" for file in files),
        Grade.ASK,
        {"paths": [file.path for file in files]},
    )


async def purge(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Remove the files of a plan, and look whether they are gone."""
    paths: list[str] = plan.data["paths"]
    if not paths:
        return Outcome(Result.DONE, f"{plan.host}: there was nothing to remove")
    for start in range(0, len(paths), 200):
        part = shlex.join(paths[start : start + 200])
        await host.link.ask(Section("rm", f'cd "$HOME/.sactui" && rm -f -- {part}'))
    left = {file.path for file in await listed(host)} & set(paths)
    if left:
        return Outcome(
            Result.PARTLY, f"{plan.host}: {len(left)} files are still there", ", ".join(sorted(left))
        )
    return Outcome(Result.DONE, f"{plan.host}: removed {len(paths)} files", "they are not listed any more")
