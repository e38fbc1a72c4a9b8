"""Every parser of the Slurm room: any output, also cut anywhere, gives records or a typed error.

Never a wrong record: what a cut answer gives is a beginning of what the whole one gives. What no
user can write (tokens of ours between fields) is taken for granted, and so is nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sactui.core.job_details import script_of
from sactui.domain.text import encode, visible
from sactui.errors import SactuiError
from sactui.slurm import (
    arrays,
    ends,
    errors,
    hostlist,
    json_details,
    reasons,
    records,
    sacct,
    sacctmgr,
    sbatch,
    scontrol,
    sinfo,
    squeue,
    sshare,
    sstat,
    states,
    steps,
    values,
    version,
)
from sactui.slurm.ends import Ended
from tests.hostile import TEXTS

T = records.Tokens("zFabcdef12", "zEabcdef12")
OLD = version.capabilities((18, 8, 0))


def rows(*lines: list[str]) -> bytes:
    return b"".join(encode(T.field.join(line) + T.end + "\n") for line in lines)


def _squeue(able: version.Capabilities, **changes: str) -> list[str]:
    given = {
        "id": "12", "label": "12_[3-9%2]", "state": "PENDING", "user": "op", "user_id": "1000",
        "partition": "main", "account": "lab", "qos": "normal", "nodes": "2", "cpus": "1.5K",
        "elapsed": "1-00:00:01", "limit": "UNLIMITED", "submitted": "1795238946", "start": "N/A",
        "end": "N/A", "batch_host": "n/a", "node_list": "", "restarts": "1",
        "tres": "cpu=4,mem=16G,gres/gpu=2",
        "gres": "gres:gpu:2", "reason": "JobArrayTaskLimit", "dependency": "(null)", "work_dir": "/home/op",
        "name": "pool", "comment": "hi",
    } | changes  # fmt: skip
    return [given[key] for _, _, key in squeue.fields(able)]


def _sacct(*records_: list[str]) -> bytes:
    return b"".join(encode("".join(cell + T.field for cell in row) + "\n") for row in records_)


def _account(name: str = "pool", raw: str = "3") -> list[str]:
    given = {
        "raw": raw, "label": raw, "state": "CANCELLED by 1000", "exit": "1:9", "user": "op", "account": "lab",
        "partition": "main", "submitted": "1795238946", "started": "1795238947", "ended": "Unknown",
        "elapsed": "00:10:01", "limit": "Partition_Limit", "nodes": "1", "cpus": "2",
        "tres": "billing=2,cpu=2,gres/gpu=1,mem=400M,node=1", "rss": "2048K", "cpu_time": "00:01.5",
        "asked_memory": "200Mc", "tasks": "1", "qos": "normal", "eligible": "1795238946", "derived": "0:0",
        "node_list": "c1", "reason": "None", "work_dir": "/home/op", "submit_line": "sbatch a.sh",
        "name": name,
    }  # fmt: skip
    return [given[key] for _, key in sacct._fields(version.LATEST)]


_NODE = ["n1", "n1.x", "main*", "mixed*", "6/26/0/32", "128000", "1000", "6000", "1.50", "gpu:a100:2(S:0-1)"]
_NODE += ["gpu:a100:1(IDX:0)", "avx,big", "1795238946", "root", "disk | broken"]
_PART = ["main*", "up", "7-00:00:00", "n/a", "2", "mixed", "6/26/0/32", "128000+", "gpu:2", "n[1-2]"]
_JOB = (Path(__file__).parent.parent / "fixtures/slurm-json/squeue-24.11.json").read_bytes()
_NODES = b"NodeName=n1 CPUAlloc=4 CPUTot=32 CPULoad=0.5 Gres=(null) NodeHostName=n1 RealMemory=1000 "
_NODES += b"AllocMem=0 FreeMem=900 State=IDLE+DRAIN Partitions=main CfgTRES=cpu=32 AllocTRES= "
_NODES += b"Reason=disk [root@1795238946]\n"
_WINDOWS = b"ReservationName=m StartTime=1795238946 EndTime=1795248946 Nodes=n[1-4] Flags=MAINT,SPEC_NODES "
_WINDOWS += b"Users=root Accounts=(null) State=INACTIVE\n"
_RULES = (
    b"PartitionName=main AllowAccounts=ALL AllocNodes=ALL Default=YES MaxNodes=UNLIMITED MaxTime=7-00:00:00 "
)
_RULES += b"State=UP TotalCPUs=64 TotalNodes=2 Nodes=n[1-2]\n"
_SHOWN = b"""JobId=4 JobName=x
   UserId=op(1001) GroupId=op(1001) MCS_label=N/A
   Priority=42 Nice=0 Account=lab QOS=normal
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=00:08:12 TimeLimit=7-00:00:00 TimeMin=N/A
   SubmitTime=1 EligibleTime=1
   StartTime=1 EndTime=9 Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval=1
   Partition=low AllocNode:Sid=h:1
   NodeList=c2
   NumNodes=1 NumCPUs=1
   MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null)
   Command=/x
   WorkDir=/y
   Power=

"""


@dataclass(frozen=True)
class Parser:
    """A parser, a whole answer for it, and how its result becomes a list of records."""

    parse: Callable[[bytes], Any]
    whole: bytes
    found: Callable[[Any], list[Any]] = lambda result: list(result[0])


_PIECES = (
    *(
        "\n",
        "|",
        "=",
        "JobId=1 ",
        "JobName=",
        "NodeName=n",
        "State=",
        "]}",
        "\x00",
        "12",
        "PENDING",
        "[1-",
        " ",
        "\x1b[31m",
    ),
    *("(null)", "UNLIMITED", "-1", "{", '"set": true', '{"jobs":[', ","),
)


def _shown(result: scontrol.Shown) -> list[Any]:
    return [dict(result.fields)]


PARSERS: dict[str, Parser] = {
    "squeue": Parser(
        lambda data: squeue.parse(data, T),
        rows(_squeue(version.LATEST), _squeue(version.LATEST, id="13", label="10+1", state="RUNNING")),
        lambda answer: list(answer.jobs),
    ),
    "squeue 18.08": Parser(
        lambda data: squeue.parse(data, T, OLD),
        rows(_squeue(OLD), _squeue(OLD)),
        lambda answer: list(answer.jobs),
    ),
    "steps": Parser(
        lambda data: steps.parse(data, T),
        rows(
            ["12.0", "op", "main", "1:02", "1795238946", "n1", "name"],
            ["12_3.batch", "op", "", "", "", "", "b"],
        ),
    ),
    "sinfo nodes": Parser(lambda data: sinfo.parse_nodes(data, T), rows(_NODE, ["n2", *_NODE[1:]])),
    "sinfo partitions": Parser(lambda data: sinfo.parse_partitions(data, T), rows(_PART, ["b", *_PART[1:]])),
    "sacct": Parser(lambda data: sacct.parse(data, T), _sacct(_account(), _account("b", "3.batch"))),
    "associations": Parser(
        sacctmgr.parse_associations,
        b"c|lab|op||long,normal|normal|5||1-00:00:00|cpu=10||7|cpu=600\nc|b|op||||||||||\n",
    ),
    "qos": Parser(sacctmgr.parse_qos, b"normal|0||2|||||DenyOnLimit|cpu=4|\nlong|1|||||||||\n"),
    "sshare": Parser(sshare.parse, b"  lab|op|cpu=1000|cpu=250\n b||cpu=1|cpu=0\n"),
    "sstat": Parser(sstat.parse, b"12.batch|3056K|00:00:01|1\n12.0|1G|1-00:00:00|4\n"),
    "scontrol nodes": Parser(scontrol.parse_nodes, _NODES + _NODES.replace(b"=n1", b"=n2"), list),
    "scontrol windows": Parser(scontrol.parse_windows, _WINDOWS + _WINDOWS, list),
    "scontrol partitions": Parser(
        scontrol.parse_partitions,
        _RULES + _RULES.replace(b"=main", b"=b"),
        lambda found: [dict(s.fields) for s in found],
    ),
    "scontrol job": Parser(scontrol.parse_job, _SHOWN, _shown),
    "waiting": Parser(squeue.parse_waiting, b"12 4294901757\n13 5\n", list),
    "json": Parser(json_details.parse, _JOB, list),
    "default account": Parser(
        sacctmgr.parse_default_account, b"op|lab\n", lambda name: [name] if name else []
    ),
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_whole_answer_gives_records(name: str) -> None:
    parser = PARSERS[name]
    found = parser.found(parser.parse(parser.whole))
    assert found
    assert all(found)


@pytest.mark.parametrize("name", PARSERS)
def test_cut_anywhere_it_is_a_beginning_or_a_typed_error(name: str) -> None:
    parser = PARSERS[name]
    whole = parser.found(parser.parse(parser.whole))
    # Every cut of a short answer, some hundred of a long one.
    for at in range(0, len(parser.whole), max(1, len(parser.whole) // 400)):
        try:
            found = parser.found(parser.parse(parser.whole[:at]))
        except SactuiError:
            continue
        assert found == whole[: len(found)], (at, parser.whole[:at][-80:])


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=40, deadline=None)
@given(
    noise=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [T.field, T.end, *_PIECES],
            ),
            max_size=40,
        ).map(lambda parts: "".join(parts).encode()),
    ),
    at=st.integers(0, 10_000),
)
def test_noise_gives_records_or_a_typed_error(name: str, noise: bytes, at: int) -> None:
    parser = PARSERS[name]
    place = at % (len(parser.whole) + 1)
    for data in (noise, parser.whole[:place] + noise + parser.whole[place:] if name != "json" else noise):
        with suppress(SactuiError):
            parser.found(parser.parse(data))


@pytest.mark.parametrize("key", TEXTS)
def test_hostile_text_moves_nothing(key: str) -> None:
    text = TEXTS[key]
    plain = squeue.parse(rows(_squeue(version.LATEST)), T).jobs[0]
    for able in (version.LATEST, OLD):
        whole = rows(_squeue(able, name=text, comment=text), _squeue(able, id="13", label="13"))
        answer = squeue.parse(whole, T, able)
        assert answer.errors == ()
        first, second = answer.jobs
        assert (first.name, first.state, second.id) == (text, plain.state, 13)
    found, wrong = sacct.parse(_sacct(_account(text), _account("b", "4")), T)
    assert (wrong, [each.job_id for each in found], found[0].name) == ((), [3, 4], text)
    step, wrong = steps.parse(rows(["12.0", "op", "main", "1:02", "1", "n1", text]), T)
    assert (wrong, step[0].name) == ((), text)
    assert "\x1b" not in visible(text)
    # In scontrol's Key=value text a name may forge keys: never one that decides.
    try:
        shown = scontrol.parse_job(_SHOWN.replace(b"JobName=x", b"JobName=" + encode(text)))
    except SactuiError:
        return
    assert shown.fields.get("JobState") in (None, "RUNNING")
    assert shown.fields.get("UserId") in (None, "op(1001)")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"[0-9:.,\-\[\]%KMGTnc=/]{0,20}", fullmatch=True))
def test_every_notation_is_a_value_or_unknown(text: str) -> None:
    for read in (
        values.duration,
        values.memory_mib,
        values.count,
        values.number,
        values.timestamp,
        values.real,
    ):
        found = read(text)
        assert found is None or found >= -1
    assert values.elapsed(text) >= 0
    assert values.cpu_seconds(text) is None or values.cpu_seconds(text) >= 0  # type: ignore[operator]
    assert all(amount >= 0 for _, amount in values.tres(text))
    assert all(amount >= 0 for amount in values.gres_gpus(text).values())
    values.exit_code(text)
    assert arrays.tasks(text).count >= 1
    arrays.holds(text, 3)
    reason = reasons.explain(text)
    assert reason.sentence
    assert states.sentence(text)
    assert ends.explain(Ended(text, text, 3, 0, text, None, 60, 60, 100, 100, text, 1))[0]
    assert errors.classify(text).message
    sbatch.parse_job_id(text)
    sbatch.parse_estimate(text)
    version.parse_version(text)
    script_of(text.encode("utf-8", "surrogateescape"))
    with suppress(SactuiError):
        assert len(hostlist.expand(text, 500)) == hostlist.count(text)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**8))
def test_durations_are_written_as_they_are_read(seconds: int) -> None:
    assert values.duration(values.duration_text(seconds)) == seconds


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.integers(0, 60), min_size=1, max_size=20),
    st.integers(0, 70),
    st.sampled_from(["", "%4", "%1"]),
)
def test_a_task_is_in_an_expression_or_not(tasks: set[int], task: int, limit: str) -> None:
    text = f"[{','.join(str(each) for each in sorted(tasks))}{limit}]"
    assert arrays.holds(text, task) == (task in tasks)
    assert arrays.tasks(text).count == len(tasks)


def test_json_of_every_fixture_gives_jobs_or_a_typed_error() -> None:
    for path in sorted((Path(__file__).parent.parent / "fixtures/slurm-json").glob("*.json")):
        data = path.read_bytes()
        try:
            found = json_details.parse(data)
        except SactuiError:
            assert "jobs" not in json.loads(data) or path.name.startswith("sacct"), path.name
            continue
        assert len(found) == len(json.loads(data)["jobs"]), path.name
