"""Asking the controller for jobs: one squeue, and a second look at records that did not fit."""

from __future__ import annotations

import shlex
import zlib
from collections.abc import Sequence
from dataclasses import replace

from ..domain.job import Job
from ..errors import ProtocolError, SlurmError
from ..slurm import errors as slurm_errors
from ..slurm import records, squeue
from ..transport.script import Answer, Section
from .link import HostLink

#: Records that are read again field by field in one refresh; beyond it they are reported.
_MOST_REREADS = 20
#: A queue beyond this many bytes travels packed the next time: two thousand jobs are more than
#: a megabyte in hundreds of small packets, and a thirtieth of that packed.
_BULKY = 64 * 1024
_GZIP = b"\x1f\x8b"
_LARGEST = 512 * 1024 * 1024
#: squeue through gzip, where there is one, with squeue's own exit status.
_PACKED = """\
if command -v gzip >/dev/null 2>&1; then
  exec 4>&1
  sactui_status=$({{ {{ {command}; echo $? >&3; }} | gzip -1 >&4; }} 3>&1)
  exit "$sactui_status"
fi
{command}"""


async def look_at_jobs(
    link: HostLink, ids: Sequence[int] = (), *, all_users: bool = False, timeout: float = 20.0
) -> tuple[Job, ...]:
    """The user's own jobs, these ids, or all users'; with those that ended in the last minutes.

    An empty answer means that the controller answered "nothing". Raises SlurmError when
    it did not answer, ProtocolError when the answer was cut, TransportError.
    """
    tokens = records.fresh()
    able = link.able
    argv = squeue.command(
        tokens,
        jobs=ids,
        all_users=all_users,
        user=link.hello.user if link.hello else "",
        ended=True,
        able=able,
    )
    script = packed(shlex.join(argv)) if link.bulky and not ids else shlex.join(argv)
    answer = (await link.ask(Section("squeue", script, timeout), timeout=timeout + 5))["squeue"]
    link.command_seconds = answer.seconds
    answer = unpacked(answer)
    if not ids:
        link.bulky = len(answer.stdout) > _BULKY
    if failed := _failure(link, answer):
        if ids and failed.text and "invalid job id" in failed.text.lower():
            return ()  # asked for one id that the controller has forgotten: it answered
        raise failed
    # Nearly all records are the same bytes at every look: they are found again, not read.
    read = squeue.parse(answer.stdout, tokens, able, None if ids else link.jobs_seen)
    jobs = list(read.jobs)
    for wrong in read.errors[:_MOST_REREADS]:
        if wrong.job_id is not None and (job := await _reread(link, wrong.job_id)):
            jobs.append(job)
        else:
            raise ProtocolError(
                f"squeue's answer has a record that cannot be read: {wrong.why} ({wrong.text[:60]})",
                "the last good answer stays; look again (r)",
            )
    return tuple(jobs)


def packed(command: str) -> str:
    """A script that sends a command's output through gzip, if there is one, and keeps its exit status."""
    return _PACKED.format(command=command)


def unpacked(answer: Answer) -> Answer:
    """The answer as squeue printed it. What was cut on its way stays cut: its records say so."""
    if not answer.stdout.startswith(_GZIP):
        return answer
    unpacker = zlib.decompressobj(wbits=31)
    try:
        return replace(answer, stdout=unpacker.decompress(answer.stdout, _LARGEST))
    except zlib.error as error:
        raise ProtocolError(
            f"squeue's answer cannot be unpacked: {error}", "the last good answer stays; look again (r)"
        ) from error


def _failure(link: HostLink, answer: Answer) -> SlurmError | None:
    """Slurm's failure, also the one it prints with exit status 0."""
    stderr = answer.stderr.decode("utf-8", "replace")
    if answer.timed_out:
        return SlurmError(
            f"Slurm's controller does not answer (squeue said nothing for {answer.seconds:.0f} s)",
            "nothing to do: sactui asks again",
            layer="controller",
            text=stderr,
        )
    if answer.exit_status not in (0, None):
        text = stderr.strip() or answer.stdout[-2000:].decode("utf-8", "replace")
        return slurm_errors.classify(
            text or f"squeue ended with status {answer.exit_status} and said nothing"
        )
    if not answer.complete or answer.exit_status is None:
        return SlurmError(
            f"squeue on {link.host} did not finish", "sactui asks again", layer="controller", text=stderr
        )
    if not answer.stdout.strip() and "error" in stderr.lower():
        return slurm_errors.classify(stderr)
    return None


async def _reread(link: HostLink, job_id: int) -> Job | None:
    """One job, each field by a question of its own: then no text can pass for another field."""
    given: dict[str, str] = {}
    sections: list[Section] = []
    tokens = {}
    for _, _, key in squeue.fields(link.able):
        tokens[key] = records.fresh()
        argv = squeue.reread_command(job_id, key, tokens[key], link.able)
        sections.append(Section(key, shlex.join(argv)))
    answers = await link.ask(*sections)
    for key, token in tokens.items():
        answer = answers.get(key)
        if answer is None or not answer.complete:
            return None
        value = squeue.parse_field(answer.stdout, token)
        if value is None:
            return None
        given[key] = value
    return squeue.from_fields(given)
