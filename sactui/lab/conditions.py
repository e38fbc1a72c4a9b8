"""Sites that differ from the lab's own: other settings, further partitions, a maintenance.

Each is a context manager, and the lab is as it was afterwards::

    with configured(lab, settings={"MaxStepCount": "3"}): ...
    with configured(lab, partitions=[Partition("high", tier=10)]): ...   # preempts (requeues) "main"
    with maintenance(lab, starts_in=3600): ...

Limits of accounts and qualities of service (a lab with ``accounting``) are set with
``lab.slurm("sacctmgr", "-i", "modify", "user", USER, "set", "MaxSubmitJobs=1")``.
"""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sactui.lab.cluster import Lab
from sactui.lab.config import LabOptions, Partition, partition_line
from sactui.lab.faults import wait_until

_PATIENCE = 60.0


@contextmanager
def configured(
    lab: Lab, *, settings: Mapping[str, str] | None = None, partitions: Sequence[Partition] = ()
) -> Iterator[None]:
    """The lab with other settings in slurm.conf and further partitions over all nodes.

    What a daemon reads only at its start does not change. Jobs in a further partition
    must have ended at the end. Raises LabError.
    """
    path = lab.layout.slurm_conf
    before = path.read_text(encoding="utf-8")
    given = dict(settings or {})
    # Checked, and refused with the lab's own words, before anything is written.
    LabOptions(settings=tuple(given.items()))
    replaced = {key.lower() for key in given}
    lines = [line for line in before.splitlines() if line.partition("=")[0].lower() not in replaced]
    lines += [f"{key}={value}" for key, value in given.items()]
    hostname = socket.gethostname().split(".")[0]
    lines += [partition_line(each, lab.node_names, hostname) for each in partitions]
    names = [each.name for each in partitions]
    try:
        _write(lab, path, "\n".join(lines) + "\n")
        wait_until(lambda: set(names) <= _partitions(lab), "the partitions did not appear", _PATIENCE)
        yield
    finally:
        _write(lab, path, before)
        wait_until(lambda: not set(names) & _partitions(lab), "the partitions did not go", _PATIENCE)


@contextmanager
def maintenance(
    lab: Lab, *, starts_in: float = 3600, seconds: float = 7200, nodes: str = "ALL"
) -> Iterator[str]:
    """A maintenance of ``nodes``; gives the name of Slurm's reservation.

    Jobs that would run into it wait (ReqNodeNotAvail, Reserved for maintenance).
    """
    name = f"maint{secrets.token_hex(3)}"
    lab.slurm(
        *("scontrol", "create", "reservation", f"ReservationName={name}"),
        *(f"StartTime=now+{max(0, int(starts_in))}seconds", f"Duration={max(1, int(seconds) // 60)}"),
        *("Flags=MAINT,IGNORE_JOBS", f"Nodes={nodes}", "Users=root"),
    )
    try:
        yield name
    finally:
        lab.slurm("scontrol", "delete", f"ReservationName={name}")


def _write(lab: Lab, path: Path, text: str) -> None:
    fresh = path.with_name("slurm.conf.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    lab.slurm("scontrol", "reconfigure")


def _partitions(lab: Lab) -> set[str]:
    return set(re.findall(r"PartitionName=(\S+)", lab.slurm("scontrol", "-a", "show", "partition")))
