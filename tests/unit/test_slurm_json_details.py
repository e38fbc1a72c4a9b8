from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.job import UNLIMITED
from sactui.domain.state import Phase
from sactui.errors import ProtocolError
from sactui.slurm import json_details

FIXTURES = Path(__file__).parent.parent / "fixtures" / "slurm-json"


def test_slurm_22_05() -> None:
    failed, held, _ = json_details.parse((FIXTURES / "squeue-22.05.json").read_bytes())
    job = failed.job
    assert (job.id, job.state, job.phase, job.reason) == (9, "FAILED", Phase.ERROR, "NonZeroExitCode")
    assert (job.exit_code, job.memory_mib, job.cpus, job.time_limit) == ("138:0", 4096, 2, 604800)
    assert (job.batch_host, job.array_job, job.het_job) == ("n2", None, None)
    assert (held.job.phase, held.job.reason, held.job.batch_host) == (Phase.PENDING, "JobHeldUser", "")
    assert failed.more["account"] == "dev"


@pytest.mark.parametrize("name", ["squeue-24.11.json", "scontrol-jobs-24.11.json"])
def test_slurm_24_11(name: str) -> None:
    jobs = sorted(
        (each.job for each in json_details.parse((FIXTURES / name).read_bytes())), key=lambda job: job.id
    )
    assert [(job.id, job.label, job.state, job.phase) for job in jobs] == [
        (19, "19_1", "RUNNING", Phase.RUNNING),
        (20, "19_0", "RUNNING", Phase.RUNNING),
    ]
    assert (jobs[1].time_limit, jobs[1].exit_code, jobs[1].comment) == (600, "0:0", "PONOS_TASK=3f0c")
    assert (jobs[1].started_at, jobs[1].batch_host, jobs[1].memory_mib) == (1795228666.0, "t1", 32000)


def one(**fields: Any) -> json_details.Details:
    record = {"job_id": 5, "job_state": ["PENDING"], **fields}
    (details,) = json_details.parse(json.dumps({"jobs": [record], "errors": []}).encode())
    return details


def test_all_ways_to_write_a_number() -> None:
    infinite = {"set": True, "infinite": True, "number": 0}
    unset = {"set": False, "infinite": False, "number": 4}
    assert one(time_limit=infinite).job.time_limit == UNLIMITED
    assert one(time_limit=unset).job.time_limit is None
    assert one(time_limit={"set": True, "number": 5}).job.time_limit == 300
    assert one(time_limit="5").job.time_limit == 300
    assert one(time_limit=None).job.time_limit is None
    assert one(time_limit=True).job.time_limit is None
    assert one(start_time=infinite).job.expected_start is None


def test_states_as_words_and_lists() -> None:
    assert one(job_state="RUNNING").job.phase is Phase.RUNNING
    assert one(job_state=["COMPLETED", "COMPLETING"]).job.state == "COMPLETING"
    assert one(job_state=["SOMETHING"]).job.phase is Phase.UNKNOWN


def test_exit_codes_in_all_forms() -> None:
    signal = {"return_code": {"set": True, "number": 0}, "signal": {"id": {"set": True, "number": 9}}}
    assert one(exit_code=signal).job.exit_code == "0:9"
    assert one(exit_code=256).job.exit_code == "1:0"
    assert one(exit_code=9).job.exit_code == "0:9"
    assert one(exit_code=None).job.exit_code == ""


def test_arrays_and_heterogeneous_jobs() -> None:
    array = one(array_job_id={"set": True, "number": 7}, array_task_string="1-9%2")
    assert array.job.label == "7_[1-9%2]"
    het = one(het_job_id={"set": True, "number": 5}, het_job_offset={"set": True, "number": 0})
    assert het.job.label == "5+0"


def test_errors_that_slurm_says_beside() -> None:
    data = json.dumps({"jobs": [], "errors": [{"error": "no"}, {"description": "why"}, 3]}).encode()
    assert json_details.parse(data) == ()
    (details,) = json_details.parse(
        json.dumps({"jobs": [{"job_id": 5, "job_state": "RUNNING"}], "errors": [{"error": "no"}]}).encode()
    )
    assert details.errors == ("no",)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"jobs": 3}', b'{"jobs": [3]}', b'{"jobs": [{}]}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        json_details.parse(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["set", "infinite", "number", "id"]), inner)
    ),
    max_leaves=6,
)
_KEYS = """job_id job_state time_limit start_time exit_code array_job_id array_task_id array_task_string
het_job_id nodes comment tres_alloc_str batch_host restart_cnt user_id name cpus node_count"""
KEYS = st.sampled_from(_KEYS.split())


@given(st.dictionaries(KEYS, VALUES))
def test_any_record_is_a_job_or_an_error(record: dict[str, Any]) -> None:
    data = json.dumps({"jobs": [{"job_id": 5, "job_state": "RUNNING", **record}]}).encode()
    try:
        (details,) = json_details.parse(data)
    except ProtocolError:
        return
    assert details.job.id > 0


@given(st.integers(0, 9000))
def test_cut_anywhere(at: int) -> None:
    whole = (FIXTURES / "squeue-22.05.json").read_bytes().rstrip()
    if at < len(whole):
        with pytest.raises(ProtocolError):
            json_details.parse(whole[:at])
