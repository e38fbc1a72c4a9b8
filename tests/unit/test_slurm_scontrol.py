from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.job import UNLIMITED
from sactui.domain.node import Partition, Window
from sactui.errors import ProtocolError, Refused
from sactui.slurm import scontrol

JOB = """JobId=4 JobName=@NAME@
   UserId=op(1001) GroupId=op(1001) MCS_label=N/A
   Priority=4294901757 Nice=0 Account=lab QOS=normal
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=00:08:12 TimeLimit=7-00:00:00 TimeMin=N/A
   SubmitTime=1795238946 EligibleTime=1795238946
   AccrueTime=1795238946
   StartTime=1795238946 EndTime=1795843746 Deadline=N/A
   PreemptEligibleTime=1795238946 PreemptTime=None
   SuspendTime=None SecsPreSuspend=0 LastSchedEval=1795238946 Scheduler=Main
   Partition=low AllocNode:Sid=localhost:4729
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=c2
   BatchHost=c2
   NumNodes=1 NumCPUs=1 NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
   TRES=cpu=1,mem=125G,node=1,billing=1
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   MinCPUsNode=1 MinMemoryNode=0 MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command=/tmp/my script.sh a=b
   WorkDir=/home/op/with space
   Comment=@COMMENT@
   StdErr=/dev/null
   StdIn=/dev/null
   StdOut=/dev/null
   Power=
   $

"""


def job(name: str = "pool", comment: str = "hi") -> bytes:
    return JOB.replace("$", "").replace("@NAME@", name).replace("@COMMENT@", comment).encode()


def test_values_with_spaces_and_equal_signs() -> None:
    shown = scontrol.parse_job(job())
    assert shown.fields["JobName"] == "pool"
    assert shown.fields["WorkDir"] == "/home/op/with space"
    assert shown.fields["Command"] == "/tmp/my script.sh a=b"
    assert shown.fields["TRES"] == "cpu=1,mem=125G,node=1,billing=1"
    assert shown.fields["ReqB:S:C:T"] == "0:0:*:*"
    assert shown.fields["JobState"] == "RUNNING"
    assert "JobState" not in shown.doubtful
    assert shown.given_up == frozenset()


def test_the_same_on_one_line() -> None:
    shown = scontrol.parse_job(job().rstrip().replace(b"\n   ", b" ") + b"\n\n")
    assert shown.fields["WorkDir"] == "/home/op/with space"
    assert shown.fields["BatchHost"] == "c2"


@pytest.mark.parametrize(
    "name", ["x JobState=FAILED", "x\n   JobState=FAILED Reason=None", "a UserId=root(0)"]
)
def test_a_forged_key_is_given_up_and_never_believed(name: str) -> None:
    shown = scontrol.parse_job(job(name))
    assert shown.fields.get("JobState") in (None, "RUNNING")
    assert shown.fields.get("UserId") in (None, "op(1001)")
    assert shown.given_up
    assert "JobName" in shown.doubtful


def test_a_forged_key_that_is_not_always_printed_is_doubtful() -> None:
    shown = scontrol.parse_job(job("x ArrayJobId=666"))
    assert "ArrayJobId" in shown.doubtful
    assert shown.fields["JobState"] == "RUNNING"


@pytest.mark.parametrize(
    "text",
    [b"", b"slurm_load_jobs error: Invalid job id specified\n", b"JobId=4\n", b"JobId=4 JobName=x\n\n"],
)
def test_what_is_no_job(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        scontrol.parse_job(text)


@given(st.integers(0, len(job())))
def test_a_job_cut_anywhere_is_an_error_or_true(at: int) -> None:
    truth = scontrol.parse_job(job()).fields
    try:
        shown = scontrol.parse_job(job()[:at])
    except ProtocolError:
        return
    assert all(truth[key].startswith(value) for key, value in shown.fields.items())
    assert shown.fields["JobState"] == "RUNNING"


NODE = (
    "NodeName=c1 Arch=x86_64 CoresPerSocket=1 CPUAlloc=6 CPUEfctv=32 CPUTot=32 CPULoad=0.81 "
    "AvailableFeatures=(null) "
    "ActiveFeatures=fast Gres=gpu:a100:2 NodeAddr=127.0.0.1 NodeHostName=vm Port=34001 Version=22.05.8 "
    "OS=Linux 6.18 #1 SMP PREEMPT_DYNAMIC @0  "
    "RealMemory=128000 AllocMem=800 FreeMem=23147 Sockets=32 Boards=1 "
    "State=MIXED+DRAIN ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A Partitions=low,high  "
    "BootTime=1795235394 CfgTRES=cpu=32,mem=125G,billing=32,gres/gpu=2 AllocTRES=cpu=6,mem=800M,gres/gpu=1 "
    "CapWatts=n/a Reason=disk = broken [root@1795238946]\n"
)


def test_nodes() -> None:
    (node,) = scontrol.parse_nodes(NODE.encode())
    assert (node.name, node.state, node.flags, node.partitions) == (
        "c1",
        "MIXED",
        ("DRAIN",),
        ("low", "high"),
    )
    assert (node.cpus, node.cpus_allocated, node.gpus, node.gpus_allocated) == (32, 6, 2, 1)
    assert (node.reason, node.reason_by, node.reason_at) == ("disk = broken", "root", 1795238946.0)
    assert node.features == ("fast",)


def test_a_node_that_is_not_complete() -> None:
    with pytest.raises(ProtocolError, match="not complete"):
        scontrol.parse_nodes(b"NodeName=c1 Arch=x86_64\n")
    with pytest.raises(ProtocolError, match="cut short"):
        scontrol.parse_nodes(NODE.encode()[:-1])
    with pytest.raises(ProtocolError, match="Invalid node name"):
        scontrol.parse_nodes(b"Node zz not found: Invalid node name specified\n")


def test_windows() -> None:
    text = (
        b"ReservationName=maint1 StartTime=1795246638 EndTime=1795250238 Duration=01:00:00 "
        b"Nodes=c[1-2] NodeCnt=2 "
        b"CoreCnt=64 Features=(null) PartitionName=(null) Flags=MAINT,IGNORE_JOBS,SPEC_NODES,ALL_NODES "
        b"TRES=cpu=64 "
        b"Users=root Groups=(null) Accounts=(null) Licenses=(null) State=INACTIVE BurstBuffer=(null)\n"
    )
    (window,) = scontrol.parse_windows(text)
    assert window == Window(
        "maint1",
        1795246638.0,
        1795250238.0,
        "c[1-2]",
        ("MAINT", "IGNORE_JOBS", "SPEC_NODES", "ALL_NODES"),
        ("root",),
        (),
        "INACTIVE",
    )
    assert window.maintenance
    assert scontrol.parse_windows(b"No reservations in the system\n") == ()


def test_partitions_config_and_ping() -> None:
    (low,) = scontrol.parse_partitions(
        b"PartitionName=low AllowGroups=ALL AllowAccounts=a,b MaxTime=7-00:00:00 State=UP\n"
    )
    assert (low.fields["AllowAccounts"], low.fields["MaxTime"]) == ("a,b", "7-00:00:00")
    config = scontrol.parse_config(
        b"Configuration data as of 1\nClusterName = lab\nPrivateData   = jobs,nodes\n\nX = a = b\n"
    )
    assert config == {"ClusterName": "lab", "PrivateData": "jobs,nodes", "X": "a = b"}
    assert scontrol.parse_ping(b"Slurmctld(primary) at vm is UP\nSlurmctld(backup) at b2 is DOWN\n") == {
        "primary at vm": True,
        "backup at b2": False,
    }


def test_changes() -> None:
    assert scontrol.update_command(5, {"TimeLimit": "1:00:00", "Comment": "a b"}) == [
        "scontrol",
        "update",
        "JobId=5",
        "TimeLimit=1:00:00",
        "Comment=a b",
    ]
    assert scontrol.hold_command([5, 6]) == ["scontrol", "uhold", "5,6"]
    assert scontrol.release_command([5]) == ["scontrol", "release", "5"]
    assert scontrol.requeue_command([5]) == ["scontrol", "requeue", "5"]
    assert scontrol.requeue_command([5], hold=True) == ["scontrol", "requeuehold", "5"]
    assert scontrol.suspend_command([5]) == ["scontrol", "suspend", "5"]
    assert scontrol.resume_command([5]) == ["scontrol", "resume", "5"]
    for bad in ({"JobId": "7"}, {"a b": "1"}, {"Comment": "a\nb"}, {}):
        with pytest.raises(Refused):
            scontrol.update_command(5, bad)
    with pytest.raises(Refused):
        scontrol.hold_command([])
    with pytest.raises(Refused):
        scontrol.show_job_command(0)
    with pytest.raises(Refused):
        scontrol.show_nodes_command("c1; rm")


@given(st.binary() | st.text().map(lambda text: f"NodeName=c1 State={text}".encode("utf-8", "surrogatepass")))
def test_any_output(data: bytes) -> None:
    for read in (scontrol.parse_job, scontrol.parse_nodes, scontrol.parse_windows, scontrol.parse_partitions):
        try:
            read(data)
        except ProtocolError:
            continue
    scontrol.parse_config(data)
    scontrol.parse_ping(data)


def test_rules_of_partitions_join_what_sinfo_knows() -> None:
    line = (
        b"PartitionName=gpu AllowGroups=ALL AllowAccounts=ml,lab AllowQos=ALL AllocNodes=login[1-2] "
        b"Default=YES QoS=gpuq DefaultTime=01:00:00 DisableRootJobs=NO ExclusiveUser=NO Hidden=NO MaxNodes=4 "
        b"MaxTime=UNLIMITED MinNodes=0 LLN=NO MaxCPUsPerNode=16 Nodes=g[1-4] PriorityTier=5 "
        b"RootOnly=NO ReqResv=YES OverSubscribe=NO OverTimeLimit=NONE PreemptMode=OFF State=UP TotalCPUs=64 "
        b"TotalNodes=4 SelectTypeParameters=NONE JobDefaults=(null) DefMemPerCPU=100 MaxMemPerNode=64000\n"
    )
    known, other = Partition("gpu", cpus=64, cpus_idle=3), Partition("other")
    gpu, unchanged = scontrol.with_rules([known, other], scontrol.parse_partitions(line))
    assert unchanged == other
    assert (gpu.cpus_idle, gpu.time_limit, gpu.default_time, gpu.default) == (3, UNLIMITED, 3600, True)
    assert (gpu.allow_accounts, gpu.allow_qos, gpu.submit_hosts) == (("ml", "lab"), (), ("login[1-2]",))
    assert (gpu.max_nodes, gpu.max_cpus_per_node, gpu.max_memory_per_node_mib) == (4, 16, 64000)
    assert (gpu.qos, gpu.needs_window, gpu.priority_tier) == ("gpuq", True, 5)
    assert scontrol.with_rules([], scontrol.parse_partitions(line))[0].nodes == 4
