"""sacct and sacctmgr."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.accounting import Association, Qos
from sactui.domain.state import Phase
from sactui.slurm import sacct, sacctmgr, sshare
from sactui.slurm.records import Tokens
from sactui.slurm.version import capabilities

T = Tokens("zFabcdef12", "zEabcdef12")
_JOB = (
    "3|3|CANCELLED by 1000|1:9|op|lab|low|1795238946|1795238946|1795239547|00:10:01|7-00:00:00|1|2|"
    "billing=2,cpu=2,gres/gpu=1,mem=400M,node=1||00:01.500|400M||normal|1795238946|2:0|c1|None|/home/op|"
    "sbatch a.sh|pool"
)
ROW = _JOB.split("|")
_BATCH = (
    "3.batch|3.batch|COMPLETED|0:0||lab||1795238946|1795238946|Unknown|00:10:01||1|2|cpu=2,mem=400M|2048K|1-00:00:01||2||||c1|||"
    "|batch"
)
STEP = _BATCH.split("|")


def render(*rows: list[str]) -> bytes:
    return "".join("".join(cell + T.field for cell in row) + "\n" for row in rows).encode(
        "utf-8", "surrogateescape"
    )


def test_a_job_and_its_step() -> None:
    found, errors = sacct.parse(render(ROW, STEP), T)
    assert errors == ()
    job, step = found
    assert (job.job_id, job.step, job.state, job.phase, job.canceled_by) == (
        3,
        "",
        "CANCELLED",
        Phase.CANCELED,
        "1000",
    )
    assert (job.exit_status, job.exit_signal, job.elapsed, job.time_limit) == (1, 9, 601, 604800)
    assert (job.memory_mib, job.gpus, job.node_list, job.submit_line) == (400, 1, "c1", "sbatch a.sh")
    assert (job.cpu_seconds, job.asked_memory_mib, job.derived_status, job.qos) == (1.5, 400, 2, "normal")
    assert (step.cpu_seconds, step.tasks, step.derived_status) == (86401.0, 2, None)
    assert (step.job_id, step.step, step.ended_at, step.memory_used_mib) == (3, "batch", None, 2)


def test_line_breaks_in_names_and_submit_lines() -> None:
    hostile = [*ROW[:-2], "sbatch -J new\nline\n666|x", "new\n4|4|RUNNING"]
    found, errors = sacct.parse(render(hostile, STEP), T)
    assert errors == ()
    assert [each.job_id for each in found] == [3, 3]
    assert found[0].name == "new\n4|4|RUNNING"


@given(st.integers(0, len(render(ROW, STEP, ROW))))
def test_cut_anywhere(at: int) -> None:
    whole = render(ROW, STEP, ROW)
    truth = sacct.parse(whole, T)[0]
    found, errors = sacct.parse(whole[:at], T)
    assert found == truth[: len(found)]
    assert errors or len(found) == len(render(ROW, STEP, ROW)[:at].split(T.field.encode())) // len(ROW)


@given(st.lists(st.sampled_from([T.field, "\n", "3", "RUNNING", "|"]) | st.text(max_size=6)))
def test_any_output(parts: list[str]) -> None:
    data = "".join(parts).encode("utf-8", "surrogatepass")
    assert all(each.job_id >= 0 for each in sacct.parse(data, T)[0])
    sacctmgr.parse_associations(data)
    sacctmgr.parse_qos(data)


def test_the_command() -> None:
    argv = sacct.command(T, jobs=[3, 4], steps=False)
    assert argv[:4] == ["sacct", "-n", "-p", "--delimiter=zFabcdef12"]
    assert "SubmitLine" in argv[6]
    assert argv[-3:] == ["-X", "-j", "3,4"]
    assert "SubmitLine" not in sacct.command(T, able=capabilities((20, 11, 0)))[6]
    assert "Reason" not in sacct.command(T, able=capabilities((18, 8, 0)))[6]
    assert sacct.command(T, user="op", since="now-7days")[-4:] == ["-u", "op", "-S", "now-7days"]
    with pytest.raises(ValueError, match="not a time"):
        sacct.command(T, since="now; id")


def test_associations_and_qos() -> None:
    found, bad = sacctmgr.parse_associations(
        b"lab|acct|op||long,normal|normal|5||1-00:00:00|cpu=10,mem=1G|gres/gpu=2|7|cpu=600\nbroken|line\n"
    )
    assert found == (
        Association(
            *("lab", "acct", "op", "", ("long", "normal"), "normal", 5, None, 86400),
            *((("cpu", 10), ("mem", 1024)), (("gres/gpu", 2),), 7, (("cpu", 600),)),
        ),
    )
    assert bad == 1
    qos, bad = sacctmgr.parse_qos(b"normal|0||2|||||DenyOnLimit|cpu=4|\n")
    assert qos == (Qos("normal", 0, None, 2, None, (), (), (), ("DenyOnLimit",), (("cpu", 4),)),)
    assert bad == 0
    assert sacctmgr.parse_qos(b"normal|0|")[1] == 1
    assert sacctmgr.parse_default_account(b"op|lab\n") == "lab"
    assert sacctmgr.parse_default_account(b"op|la") == ""
    budgets, bad = sshare.parse(b"root|||cpu=0\n  lab|op|cpu=1000,mem=1024|cpu=250,mem=0\n lab||cp\n")
    assert (bad, [(each.account, each.user) for each in budgets]) == (1, [("lab", "op")])
    assert (budgets[0].left("cpu"), budgets[0].left("mem"), budgets[0].left("node")) == (750, 1024, None)
    assert "user=op" in sacctmgr.association_command("op")
    assert sacctmgr.qos_command()[0] == "sacctmgr"
    with pytest.raises(ValueError, match="user"):
        sacctmgr.association_command("op;id")
