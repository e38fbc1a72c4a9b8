"""Options of a lab, and the configuration files that follow from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sactui.errors import LabError
from sactui.lab.config import LabOptions, Partition, Ports, gres_conf, slurm_conf, slurmdbd_conf, task_prolog
from sactui.lab.layout import Layout

LAYOUT = Layout(Path("/tmp/x/lab"))


def conf(options: LabOptions) -> list[str]:
    text = slurm_conf(options, LAYOUT, Ports(20000, options), user="me", hostname="here")
    assert text.endswith("\n")
    return text.splitlines()


def test_nodes_have_names_ports_and_sizes() -> None:
    lines = [line for line in conf(LabOptions(nodes=2, cpus=8, memory=16000)) if line.startswith("NodeName")]
    assert lines == [
        f"NodeName=bm00{number} NodeHostname=here NodeAddr=127.0.0.1 Port={20001 + number} CPUs=8 Boards=1 "
        "SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=16000 State=UNKNOWN"
        for number in (1, 2)
    ]


def test_first_partition_is_the_default() -> None:
    options = LabOptions(nodes=1, partitions=(Partition("a", "30"), Partition("b", "1-00:00:00", tier=5)))
    lines = [line for line in conf(options) if line.startswith("PartitionName")]
    assert lines == [
        "PartitionName=a Nodes=bm001 MaxTime=30 PriorityTier=1 Default=YES State=UP",
        "PartitionName=b Nodes=bm001 MaxTime=1-00:00:00 PriorityTier=5 State=UP",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "ClusterName=my_lab",
        "SlurmctldHost=here(127.0.0.1)",
        "SlurmctldPort=20000",
        "SlurmUser=me",
        "AuthInfo=socket=/tmp/x/lab/run/munge.sock",
        "ProctrackType=proctrack/linuxproc",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        "DefMemPerCPU=4000",
        "SlurmdParameters=config_overrides",
        "ReturnToService=2",
        "EnforcePartLimits=ALL",
        "KillWait=5",
        "SlurmdTimeout=30",
        "JobRequeue=1",
        "TaskProlog=/tmp/x/lab/task_prolog.sh",
    ],
)
def test_what_every_lab_needs(line: str) -> None:
    assert line in conf(LabOptions(name="my-lab"))


def test_gpus_are_named_in_slurm_conf_and_gres_conf() -> None:
    options = LabOptions(nodes=1, gpus=4)
    lines = conf(options)
    assert "GresTypes=gpu" in lines
    assert any("Gres=gpu:a100:4" in line for line in lines)
    assert gres_conf(options, LAYOUT) == "Name=gpu Type=a100 File=/tmp/x/lab/dev/gpu[0-3]\n"
    assert gres_conf(LabOptions(gpus=1), LAYOUT) == "Name=gpu Type=a100 File=/tmp/x/lab/dev/gpu0\n"


def test_without_gpus_nothing_speaks_of_them() -> None:
    assert not any("gpu" in line for line in conf(LabOptions()))
    assert gres_conf(LabOptions(), LAYOUT) == ""


def test_gpus_are_accounted_for_only_with_accounting() -> None:
    assert "AccountingStorageTRES=gres/gpu" not in conf(LabOptions(gpus=1))
    assert "AccountingStorageTRES=gres/gpu" in conf(LabOptions(gpus=1, accounting=True))


def test_accounting_shares_munge_and_port() -> None:
    options = LabOptions(accounting=True)
    assert "AccountingStoragePort=20001" in conf(options)
    assert "AccountingStoragePass=/tmp/x/lab/run/munge.sock" in conf(options)
    text = slurmdbd_conf(LAYOUT, Ports(20000, options), user="me", hostname="here")
    assert {"DbdHost=here", "DbdAddr=127.0.0.1", "DbdPort=20001", "StorageHost=localhost"} <= set(
        text.splitlines()
    )


def test_ports_do_not_overlap() -> None:
    options = LabOptions(nodes=3, logins=2)
    ports = Ports(20000, options)
    used = [
        ports.slurmctld,
        ports.slurmdbd,
        *map(ports.slurmd, options.node_names),
        ports.login(1),
        ports.login(2),
    ]
    assert used == list(range(20000, 20000 + options.ports))


def test_task_prolog_gives_each_node_its_tmux_directory() -> None:
    text = task_prolog(LAYOUT)
    assert "d=/tmp/x/lab/t/$SLURMD_NODENAME\n" in text
    assert 'echo "export TMUX_TMPDIR=$d"' in text
    assert 'echo "export HOME=/tmp/x/lab/home"' in text


def test_options_survive_the_file() -> None:
    options = LabOptions(name="two", partitions=(Partition("p", "15", tier=3),), gpus=1, owner=42)
    assert LabOptions.loads(options.dumps()) == options


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"partitions": 3}', '{"partitions": [], "other": 1}'])
def test_a_broken_options_file_says_so(text: str) -> None:
    with pytest.raises(LabError, match="options cannot be read"):
        LabOptions.loads(text)


def test_aliases() -> None:
    assert LabOptions(name="x", logins=3).aliases == ("x", "x-login2", "x-login3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p", Partition("p")),
        ("p:04:00:00", Partition("p", "04:00:00")),
        ("p:7-0", Partition("p", "7-0")),
        ("p:UNLIMITED", Partition("p", "UNLIMITED")),
    ],
)
def test_partition_as_written_on_the_command_line(text: str, expected: Partition) -> None:
    assert Partition.parse(text) == expected


@pytest.mark.parametrize("text", ["", ":10", "a b", "p:soon", "p:1:2:3:4", "p State=DOWN", "p:10\nX=1"])
def test_partitions_that_cannot_be(text: str) -> None:
    with pytest.raises(LabError):
        Partition.parse(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "../etc"},
        {"name": "Lab"},
        {"name": "a" * 17},
        {"node_prefix": "n1"},
        {"nodes": 0},
        {"nodes": 1000},
        {"gpus": -1},
        {"logins": 0},
        {"partitions": ()},
        {"partitions": (Partition("a"), Partition("a"))},
    ],
)
def test_options_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(LabError) as caught:
        LabOptions(**wrong)  # type: ignore[arg-type]  # wrong values are the point
    assert caught.value.remedy


def test_settings_replace_the_labs_own_and_partitions_may_close_to_nodes() -> None:
    options = LabOptions(
        nodes=1,
        settings=(("KillWait", "1"), ("MaxStepCount", "3")),
        partitions=(Partition("a"), Partition("b", nodes_submit=False)),
    )
    lines = conf(options)
    assert [line for line in lines if line.startswith("KillWait")] == ["KillWait=1"]
    assert "MaxStepCount=3" in lines
    closed = [line for line in lines if "AllocNodes=" in line]
    assert len(closed) == 1
    assert closed[0].startswith("PartitionName=b ")
    assert LabOptions.loads(options.dumps()) == options
