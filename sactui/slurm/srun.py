"""srun: steps into an allocation that exists. Always the raw job id, one node, one task.

Without these words a step of a two-node job starts twice, takes the GPUs, waits for
memory that another step holds, or shuts later steps out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from .version import LATEST, Capabilities

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,253}")


def step_argv(
    job: int,
    batch_host: str,
    *,
    het_group: int | None = None,
    program: Sequence[str] = ("sh",),
    able: Capabilities = LATEST,
) -> list[str]:
    """The argv of a step that runs ``program`` beside everything else on the batch host.

    ``--unbuffered`` makes its standard output a terminal: what runs in it is told not to
    colour or page.
    """
    return [*_base(job, batch_host, het_group, able), "--unbuffered", *program]


def attach_argv(
    job: int,
    batch_host: str,
    program: Sequence[str],
    *,
    het_group: int | None = None,
    able: Capabilities = LATEST,
) -> list[str]:
    """The argv of a step whose terminal is ours."""
    return [*_base(job, batch_host, het_group, able), "--pty", *program]


def attach_command(
    job: int,
    batch_host: str,
    program: Sequence[str],
    *,
    het_group: int | None = None,
    able: Capabilities = LATEST,
) -> str:
    """:func:`attach_argv` as one shell command."""
    return shlex.join(attach_argv(job, batch_host, program, het_group=het_group, able=able))


def _base(job: int, batch_host: str, het_group: int | None, able: Capabilities) -> list[str]:
    if job < 1:
        raise ValueError(f"{job} is not a job id")
    if not _HOST.fullmatch(batch_host):
        raise ValueError(f"{batch_host!r} is not the name of a node")
    argv = ["srun", f"--jobid={job}"]
    if het_group is not None:
        argv.append(f"--het-group={het_group}")
    if able.overlap:
        argv.append("--overlap")
    return [*argv, "-N1", "-n1", "-w", batch_host, "--mem=0", "--gres=none"]
