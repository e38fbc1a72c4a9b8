"""What a lab looks like, and the configuration files that follow from it (pure text)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sactui.errors import LabError
from sactui.lab.layout import GUEST_MARKER, MARKER, NODE_MARKER, Layout

_LAB_NAME = re.compile(r"[a-z][a-z0-9-]{0,15}\Z")
_NODE_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,11}\Z")
_PARTITION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z")
_TIME = re.compile(
    r"(?:\d+|\d+:\d\d|\d+:\d\d:\d\d|\d+-\d+(?::\d\d){0,2}|UNLIMITED|INFINITE)\Z", re.IGNORECASE
)

_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9]{1,40}\Z")
_SETTING_VALUE = re.compile(r"[!-~]{1,400}\Z")

GPU_TYPE = "a100"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition over all nodes. ``max_time`` as Slurm writes it (``7-00:00:00``, ``30``).

    A partition with a higher ``tier`` preempts (requeues) jobs of a lower one. Where
    ``nodes_submit`` is False Slurm's AllocNodes names the login hosts and no node (in the
    lab, where all are one machine, the nodes' own submissions are taken all the same).
    """

    name: str
    max_time: str = "7-00:00:00"
    tier: int = 1
    nodes_submit: bool = True

    def __post_init__(self) -> None:
        if not _PARTITION.match(self.name):
            raise LabError(f"{self.name!r} is no partition name", "letters, digits, _ and -, a letter first")
        if not _TIME.match(self.max_time):
            raise LabError(
                f"{self.max_time!r} is no time limit", "minutes, or as Slurm writes it: 04:00:00, 7-00:00:00"
            )

    @classmethod
    def parse(cls, text: str) -> Partition:
        """``NAME`` or ``NAME:MAXTIME``. Raises LabError."""
        name, _, limit = text.partition(":")
        return cls(name, limit) if limit else cls(name)


@dataclass(frozen=True, slots=True)
class LabOptions:
    """What a lab is made of. Sizes are made up: the nodes only say they have them."""

    #: Also the SSH alias of its first login host.
    name: str = "lab"
    nodes: int = 4
    node_prefix: str = "bm"
    #: Cores of one node.
    cpus: int = 32
    #: Memory of one node, in MB.
    memory: int = 128_000
    partitions: tuple[Partition, ...] = (Partition("main"), Partition("short", "04:00:00"))
    #: Pretended GPUs of one node.
    gpus: int = 0
    #: Run slurmdbd with a private MariaDB, so that sacct and sacctmgr work.
    accounting: bool = False
    logins: int = 1
    #: The lab ends when this process ends.
    owner: int | None = None
    #: First TCP port; chosen by the lab when None.
    port: int | None = None
    #: Channels that one SSH connection may carry.
    max_sessions: int = 10
    #: With cgroups, and a /tmp of its own for each job, as on real clusters (needs root).
    cgroup: bool = False
    #: Further settings of slurm.conf, e.g. ("MaxStepCount", "40"); they replace the lab's own.
    settings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not _LAB_NAME.match(self.name):
            raise LabError(
                f"{self.name!r} is no name for a lab",
                "at most 16 of a-z, 0-9 and -, a letter first, for example lab2",
            )
        if not _NODE_PREFIX.match(self.node_prefix) or self.node_prefix[-1].isdigit():
            raise LabError(f"{self.node_prefix!r} is no prefix of node names", "letters, for example bm")
        for what, value, least, most in (
            ("nodes", self.nodes, 1, 64),
            ("cpus", self.cpus, 1, 4096),
            ("memory", self.memory, 1, 64_000_000),
            ("gpus", self.gpus, 0, 64),
            ("logins", self.logins, 1, 8),
            ("max_sessions", self.max_sessions, 1, 1000),
        ):
            if not least <= value <= most:
                raise LabError(f"a lab cannot have {what} = {value}", f"give {least} to {most}")
        if self.port is not None and not 1024 <= self.port <= 65535 - self.ports:
            raise LabError(f"a lab cannot begin at port {self.port}", f"give 1024 to {65535 - self.ports}")
        for key, setting in self.settings:
            if not _SETTING.match(key) or not _SETTING_VALUE.match(setting):
                raise LabError(f"{key}={setting} is no setting of slurm.conf", "for example MaxStepCount=40")
        names = [partition.name for partition in self.partitions]
        if not names or len(set(names)) != len(names):
            raise LabError(f"a lab cannot have the partitions {names}", "give at least one, each name once")

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(f"{self.node_prefix}{number:03d}" for number in range(1, self.nodes + 1))

    @property
    def aliases(self) -> tuple[str, ...]:
        """SSH aliases of the login hosts: the lab's name, then ``<name>-login2`` and so on."""
        return (self.name, *(f"{self.name}-login{number}" for number in range(2, self.logins + 1)))

    @property
    def cluster(self) -> str:
        """Slurm's name of the cluster; accounting makes table names of it."""
        return self.name.replace("-", "_")

    @property
    def ports(self) -> int:
        """How many TCP ports the lab takes."""
        return 2 + self.nodes + self.logins

    def dumps(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def loads(cls, text: str) -> LabOptions:
        """Read what :meth:`dumps` wrote. Raises LabError."""
        try:
            fields: dict[str, Any] = json.loads(text)
            fields["partitions"] = tuple(Partition(**each) for each in fields["partitions"])
            fields["settings"] = tuple((str(key), str(value)) for key, value in fields.get("settings", ()))
            return cls(**fields)
        except (ValueError, TypeError, KeyError) as error:
            raise LabError(f"the lab's options cannot be read: {error}", "sactui lab down") from error


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of one lab: a block that begins at ``base``."""

    base: int
    options: LabOptions

    @property
    def slurmctld(self) -> int:
        return self.base

    @property
    def slurmdbd(self) -> int:
        return self.base + 1

    def slurmd(self, node: str) -> int:
        return self.base + 2 + self.options.node_names.index(node)

    def login(self, number: int) -> int:
        """Port of login host ``number`` (1 is the first)."""
        return self.base + 2 + self.options.nodes + number - 1


def slurm_conf(options: LabOptions, layout: Layout, ports: Ports, *, user: str, hostname: str) -> str:
    """slurm.conf for a cluster whose nodes are all this machine.

    ``hostname`` is the machine's short host name: slurmctld refuses to be the
    controller under any other one.
    """
    directory = layout.directory
    lines = [
        f"ClusterName={options.cluster}",
        f"SlurmctldHost={hostname}(127.0.0.1)",
        f"SlurmctldPort={ports.slurmctld}",
        f"SlurmUser={user}",
        f"SlurmdUser={user}",
        "AuthType=auth/munge",
        f"AuthInfo=socket={layout.munge_socket}",
        "CredType=cred/munge",
        f"StateSaveLocation={directory}/state",
        f"SlurmdSpoolDir={directory}/spool/%n",
        f"SlurmctldPidFile={layout.run}/slurmctld.pid",
        f"SlurmdPidFile={layout.run}/slurmd-%n.pid",
        f"SlurmctldLogFile={layout.log}/slurmctld.log",
        f"SlurmdLogFile={layout.log}/slurmd-%n.log",
        # No cgroups: an ordinary user may not make them.
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "JobAcctGatherType=jobacct_gather/linux",
        f"TaskProlog={layout.task_prolog}",
        "MpiDefault=none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        # Jobs that name no memory get their share; otherwise the first one takes the whole node.
        f"DefMemPerCPU={max(1, options.memory // options.cpus)}",
        # The nodes are larger than this machine.
        "SlurmdParameters=config_overrides",
        "ReturnToService=2",
        # Without it --test-only gives a start time to jobs above MaxTime.
        "EnforcePartLimits=ALL",
        "SlurmdTimeout=30",
        "SlurmctldTimeout=30",
        "KillWait=5",
        "MessageTimeout=10",
        "JobRequeue=1",
        "PreemptType=preempt/partition_prio",
        "PreemptMode=REQUEUE",
        # A toy cluster looks at its queue at once.
        "SchedulerParameters=sched_interval=1,bf_interval=1",
    ]
    if options.cgroup:
        plain = ("ProctrackType=", "TaskPlugin=")
        lines = [line for line in lines if not line.startswith(plain)]
        lines += [
            "ProctrackType=proctrack/cgroup",
            "TaskPlugin=task/cgroup",
            "JobContainerType=job_container/tmpfs",
            "PrologFlags=Contain",
        ]
    gres = ""
    if options.gpus:
        lines.append("GresTypes=gpu")
        gres = f" Gres=gpu:{GPU_TYPE}:{options.gpus}"
    if options.accounting:
        if options.gpus:
            # slurmctld refuses to start with it when there is no slurmdbd.
            lines.append("AccountingStorageTRES=gres/gpu")
        lines += [
            "AccountingStorageType=accounting_storage/slurmdbd",
            "AccountingStorageHost=127.0.0.1",
            f"AccountingStoragePort={ports.slurmdbd}",
            f"AccountingStoragePass={layout.munge_socket}",
            "AccountingStorageEnforce=associations,limits,qos",
        ]
    replaced = {key.lower() for key, _ in options.settings}
    lines = [line for line in lines if line.partition("=")[0].lower() not in replaced]
    lines += [f"{key}={setting}" for key, setting in options.settings]
    names = options.node_names
    for node in names:
        lines.append(
            f"NodeName={node} NodeHostname={hostname} NodeAddr=127.0.0.1 Port={ports.slurmd(node)} "
            f"CPUs={options.cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={options.cpus} ThreadsPerCore=1 "
            f"RealMemory={options.memory}{gres} State=UNKNOWN"
        )
    for number, partition in enumerate(options.partitions):
        lines.append(partition_line(partition, names, hostname, default=number == 0))
    return "\n".join(lines) + "\n"


def partition_line(
    partition: Partition, nodes: Sequence[str], hostname: str, *, default: bool = False
) -> str:
    """The line of slurm.conf for one partition over ``nodes``."""
    words = [
        f"PartitionName={partition.name}",
        f"Nodes={','.join(nodes)}",
        f"MaxTime={partition.max_time}",
        f"PriorityTier={partition.tier}",
    ]
    if default:
        words.append("Default=YES")
    if not partition.nodes_submit:
        # All nodes are this machine, and so is the login: by this word alone a client knows its place.
        words.append(f"AllocNodes=localhost,{hostname}")
    return " ".join([*words, "State=UP"])


def gres_conf(options: LabOptions, layout: Layout) -> str:
    """gres.conf; its files must be devices, and links to /dev/null count as such."""
    if not options.gpus:
        return ""
    last = options.gpus - 1
    files = f"{layout.directory}/dev/gpu{f'[0-{last}]' if last else '0'}"
    return f"Name=gpu Type={GPU_TYPE} File={files}\n"


def slurmdbd_conf(layout: Layout, ports: Ports, *, user: str, hostname: str) -> str:
    """slurmdbd.conf (mode 0600, or slurmdbd refuses it). ``DbdHost`` must be the short host name."""
    return (
        f"AuthType=auth/munge\nAuthInfo=socket={layout.munge_socket}\n"
        f"DbdHost={hostname}\nDbdAddr=127.0.0.1\nDbdPort={ports.slurmdbd}\n"
        f"SlurmUser={user}\nLogFile={layout.log}/slurmdbd.log\nPidFile={layout.run}/slurmdbd.pid\n"
        f"StorageType=accounting_storage/mysql\nStorageHost=localhost\nStorageUser={user}\nStorageLoc=slurm_acct\n"
    )


def cgroup_conf() -> str:
    """cgroup.conf for version 1: processes are followed, nothing is limited (sizes are made up)."""
    return (
        "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nCgroupAutomount=no\n"
        "ConstrainCores=no\nConstrainRAMSpace=no\nConstrainSwapSpace=no\nConstrainDevices=no\n"
    )


def job_container_conf(options: LabOptions, layout: Layout) -> str:
    """job_container.conf: where the /tmp of jobs lie, one directory a node (they are one machine)."""
    return "".join(
        f"NodeName={node} AutoBasePath=true BasePath={layout.private}/{node}\n" for node in options.node_names
    )


def task_prolog(layout: Layout, *, private: bool = False) -> str:
    """Runs before each task and batch script; what it prints changes their environment.

    It gives each node a tmux directory of its own, so that being on the same node is
    a real condition, and keeps jobs out of the user's own home. With a ``private`` /tmp
    tmux's own place is apart for each job.
    """
    place = (
        'echo "unset TMUX_TMPDIR"'
        if private
        else f'''d={layout.tmux}/$SLURMD_NODENAME
[ -d "$d" ] || mkdir -m 700 -p "$d"
echo "export TMUX_TMPDIR=$d"'''
    )
    return f"""#!/bin/sh
{place}
echo "export HOME={layout.home}"
echo "export {MARKER}={layout.directory}"
echo "export {NODE_MARKER}=$SLURMD_NODENAME"
echo "unset {GUEST_MARKER}"
echo "unset TMUX"
echo "unset TMUX_PANE"
"""
