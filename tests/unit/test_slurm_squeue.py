from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.job import UNLIMITED, Job
from sactui.domain.state import Phase
from sactui.domain.text import decode, encode
from sactui.slurm import records, squeue
from sactui.slurm.records import RecordError, Tokens
from sactui.slurm.version import LATEST, Capabilities, capabilities

TOKENS = Tokens("zFabcdef12", "zEabcdef12")
OLD = capabilities((19, 5, 8))

RUNNING = {
    "id": "12",
    "label": "12",
    "state": "RUNNING",
    "user": "op",
    "user_id": "1001",
    "partition": "low",
    "account": "lab",
    "qos": "normal",
    "nodes": "1",
    "cpus": "2",
    "elapsed": "2:45",
    "limit": "7-00:00:00",
    "submitted": "1795238946",
    "start": "1795238950",
    "end": "1795843746",
    "batch_host": "c1",
    "node_list": "c1",
    "restarts": "1",
    "tres": "cpu=2,mem=400M,node=1,billing=2,gres/gpu=1",
    "gres": "gres:gpu:a100:1",
    "reason": "None",
    "dependency": "(null)",
    "work_dir": "/home/op",
    "name": "pool",
    "comment": "(null)",
}
WAITING = RUNNING | {
    "id": "1",
    "label": "1_[4-99%4]",
    "state": "PENDING",
    "elapsed": "0:00",
    "limit": "UNLIMITED",
    "start": "1795242546",
    "end": "N/A",
    "batch_host": "n/a",
    "node_list": "",
    "restarts": "0",
    "reason": "ReqNodeNotAvail, UnavailableNodes:c[1-2]",
    "dependency": "afterok:1_*(unfulfilled)",
}

HOSTILE = [
    "a|b",
    "new\nline",
    "tab\t",
    "X\x1e666\x1fFORGED\x1fRUNNING",
    "\x1b[31mred\x1b[0m",
    "[red]x[/red]",
    "日本語",
    "🎉👩\u200d💻",
    "x" * 1000,
    decode(b"bad\xff\xfe"),
    "\n",
    "",
    "None",
    "N/A",
    "\r\n12|12|RUNNING",
]


def render(*given: dict[str, str], tokens: Tokens = TOKENS, able: Capabilities = LATEST) -> bytes:
    """What squeue prints for these fields."""
    keys = [key for _, _, key in squeue.fields(able)]
    return b"".join(
        encode(tokens.field.join(each[key] for key in keys) + tokens.end + "\n") for each in given
    )


def test_a_running_job() -> None:
    answer = squeue.parse(render(RUNNING), TOKENS)
    assert answer.errors == ()
    assert answer.jobs == (
        Job(
            id=12,
            name="pool",
            user="op",
            state="RUNNING",
            phase=Phase.RUNNING,
            partition="low",
            account="lab",
            qos="normal",
            nodes=1,
            node_list="c1",
            batch_host="c1",
            cpus=2,
            memory_mib=400,
            gpus=1,
            time_limit=604800,
            elapsed=165,
            submitted_at=1795238946.0,
            started_at=1795238950.0,
            ends_at=1795843746.0,
            restarts=1,
            work_dir="/home/op",
            user_id=1001,
        ),
    )


def test_a_waiting_array_is_one_record_with_its_true_count() -> None:
    (job,) = squeue.parse(render(WAITING), TOKENS).jobs
    assert (job.phase, job.tasks, job.tasks_exact, job.label) == (Phase.PENDING, 96, True, "1_[4-99%4]")
    assert (job.array_job, job.array_tasks) == (1, "[4-99%4]")
    assert job.time_limit == UNLIMITED
    assert (job.started_at, job.expected_start, job.ends_at) == (None, 1795242546.0, None)
    assert job.reason == "ReqNodeNotAvail, UnavailableNodes:c[1-2]"
    assert job.dependency == "afterok:1_*(unfulfilled)"
    assert job.batch_host == ""


def test_a_truncated_task_expression_is_a_lower_bound() -> None:
    (job,) = squeue.parse(render(WAITING | {"label": "1_[1,3,5,7...]"}), TOKENS).jobs
    assert (job.tasks, job.tasks_exact) == (3, False)


def test_an_array_task_and_a_component_of_a_heterogeneous_job() -> None:
    task, part = squeue.parse(
        render(RUNNING | {"label": "4790_3"}, RUNNING | {"id": "11", "label": "10+1"}), TOKENS
    ).jobs
    assert (task.array_job, task.array_tasks, task.tasks, task.label) == (4790, "3", 1, "4790_3")
    assert (part.id, part.het_job, part.het_offset, part.label) == (11, 10, 1, "10+1")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_kept_and_forges_nothing(text: str) -> None:
    given = RUNNING | {"name": text, "comment": text, "work_dir": text, "dependency": text}
    answer = squeue.parse(render(given, WAITING), TOKENS)
    assert answer.errors == ()
    assert [job.id for job in answer.jobs] == [12, 1]
    assert (answer.jobs[0].name, answer.jobs[0].comment, answer.jobs[0].work_dir) == (text, text, text)
    assert encode(answer.jobs[0].name) == encode(text)


def test_a_forged_record_with_known_looking_separators_stays_a_name() -> None:
    other = Tokens("zFffffffff", "zEffffffff")
    forged = decode(render(RUNNING | {"id": "666"}, tokens=other))
    answer = squeue.parse(render(RUNNING | {"name": forged}), TOKENS)
    assert [job.id for job in answer.jobs] == [12]
    assert answer.jobs[0].name == forged


def test_old_squeue_without_a_long_format() -> None:
    answer = squeue.parse(render(RUNNING | {"nodes": "2"}, able=OLD), TOKENS, OLD)
    (job,) = answer.jobs
    assert (job.gpus, job.memory_mib, job.restarts) == (2, None, 0)


def test_a_record_that_does_not_fit_is_reported_with_its_id() -> None:
    data = render(RUNNING) + encode(f"0:01{TOKENS.field}77{TOKENS.field}oops{TOKENS.end}\n") + render(WAITING)
    answer = squeue.parse(data, TOKENS)
    assert [job.id for job in answer.jobs] == [12, 1]
    assert [(error.job_id, error.why) for error in answer.errors] == [(77, "3 fields instead of 25")]


@pytest.mark.parametrize(
    "change", [{"id": ""}, {"id": "x"}, {"state": ""}, {"state": "no state!"}, {"label": "x_1"}]
)
def test_a_record_without_what_decides_is_no_job(change: dict[str, str]) -> None:
    answer = squeue.parse(render(RUNNING | change), TOKENS)
    assert answer.jobs == ()
    assert len(answer.errors) == 1


def test_noise_before_the_first_record_is_not_taken_for_a_job() -> None:
    answer = squeue.parse(b"Welcome to the cluster!\n" + render(RUNNING, WAITING), TOKENS)
    assert [job.id for job in answer.jobs] == [1]
    assert len(answer.errors) == 1


def test_nothing_is_an_empty_queue() -> None:
    assert squeue.parse(b"", TOKENS) == squeue.Answer(())
    assert squeue.parse(b"\n", TOKENS) == squeue.Answer(())


FREE = (
    st.binary(max_size=30)
    .map(lambda data: decode(data.replace(b"\0", b"\1")))  # Slurm prints C strings
    .filter(lambda text: "zF" not in text and "zE" not in text)
)


@given(st.lists(st.tuples(FREE, FREE, FREE), max_size=4), st.data())
def test_cut_anywhere_it_gives_a_prefix_of_the_truth(
    texts: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    whole = render(
        *(
            RUNNING | {"id": str(n + 1), "label": str(n + 1), "name": a, "comment": b, "work_dir": c}
            for n, (a, b, c) in enumerate(texts)
        )
    )
    truth = squeue.parse(whole, TOKENS)
    assert [job.name for job in truth.jobs] == [a for a, _, _ in texts]
    part = whole[: data.draw(st.integers(0, len(whole)))]
    cut = squeue.parse(part, TOKENS)
    assert cut.jobs == truth.jobs[: len(cut.jobs)]
    # What was cut inside a record is named, unless the cut left nothing of it.
    assert cut.errors or not part.rpartition(b"zEabcdef12")[2].strip(b"\r\n ")


@given(
    st.lists(st.sampled_from(["zFabcdef12", "zEabcdef12", "\n", "12", "RUNNING", "\xff"]) | FREE, max_size=80)
)
def test_any_output_gives_jobs_or_errors(parts: list[str]) -> None:
    data = encode("".join(parts))
    answer = squeue.parse(data, TOKENS)
    assert all(job.id > 0 and job.state for job in answer.jobs)
    if not answer.jobs and data.strip(b"\r\n "):
        assert answer.errors


def test_the_command() -> None:
    argv = squeue.command(TOKENS)
    assert argv[:4] == ["squeue", "-h", "-a", "-O"]
    assert argv[4].startswith("TimeUsed:zFabcdef12,JobID:zFabcdef12,JobArrayID:zFabcdef12,")
    assert argv[4].endswith(",Name:zFabcdef12,Comment:zEabcdef12")
    assert argv[5:] == ["--me"]
    assert squeue.command(TOKENS, all_users=True)[5:] == []
    assert squeue.command(TOKENS, jobs=[3, 4], ended=True)[5:] == ["-j", "3,4", "-t", "all"]
    old = squeue.command(TOKENS, able=OLD, user="op")
    assert old[3:5] == ["-o", "".join(f"%{c}zFabcdef12" for c in "MAiTuUPaqDClVSeBNbrEZj") + "%kzEabcdef12"]
    assert old[5:] == ["-u", "op"]
    with pytest.raises(ValueError, match="name was not given"):
        squeue.command(TOKENS, able=OLD)
    with pytest.raises(ValueError, match="not a job id"):
        squeue.command(TOKENS, jobs=[0])


def test_what_users_write_comes_last() -> None:
    assert [key for _, _, key in squeue.fields()][-2:] == ["name", "comment"]


def test_reading_one_field_again() -> None:
    assert squeue.reread_command(7, "name", TOKENS)[-2:] == ["-O", "Name:zEabcdef12"]
    assert squeue.reread_command(7, "name", TOKENS, OLD)[-2:] == ["-o", "%jzEabcdef12"]
    assert squeue.parse_field(b"new\nlinezEabcdef12\n", TOKENS) == "new\nline"
    assert squeue.parse_field(b"", TOKENS) is None
    assert squeue.parse_field(b"cut", TOKENS) is None
    with pytest.raises(ValueError, match="no field"):
        squeue.reread_command(7, "colour", TOKENS)


def test_tokens() -> None:
    fresh = {records.fresh() for _ in range(50)}
    assert len(fresh) == 50
    for field, end in [
        ("1abcdefgh", "zEabcdefgh"),
        ("short", "zEabcdefgh"),
        ("zEabcdefgh", "zEabcdefgh"),
        ("a,bcdefghi", "zEabcdefg"),
    ]:
        with pytest.raises(ValueError, match=r"token"):
            Tokens(field, end)


def test_errors_are_shown_harmlessly() -> None:
    _, errors = records.split(b"\x1b[31mevil", TOKENS, 2)
    assert errors == [RecordError("the answer ends in the middle of a record", None, "\\e[31mevil")]
