"""The filter language: what it finds, and where it says a mistake is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain import fields
from sactui.domain.fields import HostJob
from sactui.domain.job import UNLIMITED, Job
from sactui.domain.query import QueryError, named, ordered, parse
from sactui.domain.state import Phase

NOW = 1_795_287_731.0


def job(number: int, name: str, **changes: object) -> HostJob:
    base = Job(
        number,
        name,
        "ada",
        "RUNNING",
        Phase.RUNNING,
        partition="gpu",
        batch_host="bm1",
        node_list="bm[1-2]",
        cpus=4,
        memory_mib=8192,
        submitted_at=NOW - 600,
    )
    return ("spartan", replace(base, **changes))  # type: ignore[arg-type]


ROWS = [
    job(9, "train-9", gpus=2),
    job(10, "train-10", phase=Phase.PENDING, state="PENDING", partition="cpu", node_list="", batch_host=""),
    job(11, "build", user="bob", cpus=16, memory_mib=65536, submitted_at=NOW - 7200),
    job(12, "two words", phase=Phase.ERROR, state="OUT_OF_MEMORY", reason="OutOfMemory", memory_mib=None),
]


def found(text: str) -> list[int]:
    query = parse(text, fields.JOBS, me="ada")
    return [row[1].id for row in query.select(ROWS, NOW)]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [9, 10, 11, 12]),
        ("   ", [9, 10, 11, 12]),
        ("train", [9, 10]),
        ("TRAIN", [9, 10]),
        ('"two words"', [12]),
        ('"two words', [12]),
        ("two words", [12]),
        ("train build", []),
        (r"/^train-\d$/", [9]),
        ("/^train-1", [10]),
        ("state:running", [9, 11]),
        ("state:running,pending", [9, 10, 11]),
        ("state:failed", [12]),
        ("state:out_of_mem", [12]),
        ("!state:running", [10, 12]),
        ("!train !build", [12]),
        ("!!train", [9, 10]),
        ("part:gpu", [9, 11, 12]),
        ("part:=gp", []),
        ("name:=BUILD", [11]),
        ("name:/^t/", [9, 10, 12]),
        ("name:/^t/,build", [9, 10, 11, 12]),
        ('name:"two w"', [12]),
        ("user:me", [9, 10, 12]),
        ("user:bob", [11]),
        ("node:", [9, 11, 12]),
        ("node:bm1", []),
        ("node:bm", [9, 11, 12]),
        ("gpu:>0", [9]),
        ("gpus:", [9]),
        ("cpus:16", [11]),
        ("cpus:4,16", [9, 10, 11, 12]),
        ("cpus:2..8", [9, 10, 12]),
        ("cpus:>=16", [11]),
        ("cpus:<=4", [9, 10, 12]),
        ("mem:>16G", [11]),
        ("mem:8G", [9, 10]),
        ("mem:1.5G..8192M", [9, 10]),
        ("age:<1h", [9, 10, 12]),
        ("age:>1h30m", [11]),
        ("age:2h", [11]),
        ("id:9", [9]),
        ("12", [12]),
        ("part:gpu user:me !gpu:>0", [12]),
    ],
)
def test_what_is_found(text: str, ids: list[int]) -> None:
    assert found(text) == ids


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("stat:x", 0, ""),
        ("train sttae:x", 6, "did you mean 'state'"),
        ("train foo:x", 6, "known: id, name"),
        ("train !", 6, "!state:done"),
        ("gpu:>", 5, "write >0, 4, 2..8"),
        ("gpu:x", 4, "'x' is not a number"),
        ("age:<1y", 5, "is not a time"),
        ("age:1h..", 8, "here belongs a time"),
        ("mem:>4Q", 5, "is not an amount of memory"),
        ("a /[z/", 3, "not a regular expression"),
        ("name:/(/", 6, "not a regular expression"),
    ],
)
def test_mistakes_have_their_place(text: str, position: int, words: str) -> None:
    if text == "stat:x":  # the beginning of one field's name is enough
        assert found("stat:run") == [9, 11]
        return
    with pytest.raises(QueryError) as caught:
        parse(text, fields.JOBS)
    assert caught.value.position == position
    assert words in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(QueryError):
        parse(text, fields.JOBS, me="ada").select(ROWS, NOW)


def test_time_is_known_to_pass() -> None:
    assert parse("age:<1h", fields.JOBS).timely
    assert not parse("gpu:>0 train", fields.JOBS).timely


@pytest.mark.parametrize(
    ("key", "down", "up"),
    [
        ("name", [11, 9, 10, 12], [12, 10, 9, 11]),
        ("cpus", [9, 10, 12, 11], [11, 9, 10, 12]),
        ("memory", [9, 10, 11, 12], [11, 9, 10, 12]),
        ("node", [9, 11, 12, 10], [9, 11, 12, 10]),
        ("age", [9, 10, 12, 11], [11, 9, 10, 12]),
    ],
)
def test_numbers_and_times_sort_as_such_and_what_is_unknown_last(
    key: str, down: list[int], up: list[int]
) -> None:
    field = named(fields.JOBS)[key]
    assert [row[1].id for row in ordered(ROWS, field, NOW)] == down
    assert [row[1].id for row in ordered(ROWS, field, NOW, descending=True)] == up


def test_no_limit_is_longer_than_every_limit() -> None:
    rows = [job(1, "a", time_limit=UNLIMITED), job(2, "b", time_limit=60)]
    assert [row[1].id for row in ordered(rows, named(fields.JOBS)["limit"], NOW)] == [2, 1]
