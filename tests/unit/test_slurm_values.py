from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.job import UNLIMITED
from sactui.slurm import arrays, values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7-00:00:00", 604800),
        ("1-02:03:04", 93784),
        ("2-0", 172800),
        ("1-12:30", 131400),
        ("04:00:00", 14400),
        ("5:00", 300),
        ("0:00", 0),
        ("90", 5400),
        ("123:59", 7439),
        ("00:00:01.5", 1),
        ("200:00:00", 720000),
        ("UNLIMITED", UNLIMITED),
        ("INFINITE", UNLIMITED),
        ("-1", UNLIMITED),
        ("infinite", UNLIMITED),
        ("INVALID", None),
        ("NOT_SET", None),
        ("N/A", None),
        ("", None),
        ("Partition_Limit", None),
        ("1:2:3:4", None),
        ("-5", None),
        ("1d", None),
        ("٣:٣", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    # Digits of other scripts are digits to Python; Slurm never writes them.
    assert values.duration(text) == seconds


@given(st.integers(0, 10**7))
def test_durations_as_slurm_writes_them(seconds: int) -> None:
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    clock = f"{hours:02d}:{minutes:02d}:{rest:02d}" if days or hours else f"{minutes}:{rest:02d}"
    assert values.duration(f"{days}-{clock}" if days else clock) == seconds


def test_elapsed_is_never_negative_or_missing() -> None:
    assert values.elapsed("1:00") == 60
    assert values.elapsed("INVALID") == 0
    assert values.elapsed("UNLIMITED") == 0


@pytest.mark.parametrize(
    "text", ["N/A", "Unknown", "NONE", "None", "0", "", "2026-11-21T05:29:06", "-5", "1e9"]
)
def test_no_time(text: str) -> None:
    assert values.timestamp(text) is None


def test_times() -> None:
    assert values.timestamp("1795238946") == 1795238946.0
    assert values.is_local_time("2026-11-21T05:29:06")
    assert not values.is_local_time("1795238946")


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("4G", 4096),
        ("4Gn", 4096),
        ("4000Mc", 4000),
        ("100M", 100),
        ("1.5T", 1572864),
        ("512K", 1),
        ("250", 250),
        ("125G", 128000),
        ("2048K", 2),
        ("0", None),
        ("?", None),
        ("", None),
        ("N/A", None),
        ("lots", None),
        ("-4G", None),
    ],
)
def test_memory(text: str, mib: int | None) -> None:
    assert values.memory_mib(text) == mib


def test_memory_per_cpu() -> None:
    assert values.memory_per_cpu("4000Mc")
    assert not values.memory_per_cpu("4Gn")
    assert not values.memory_per_cpu("4G")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("4+", 4),
        ("1K", 1024),
        ("1.5K", 1536),
        ("0", 0),
        ("1.7", None),
        ("x", None),
        ("4294967294", None),
        ("", None),
    ],
)
def test_counts(text: str, number: int | None) -> None:
    assert values.count(text) == number


def test_tres() -> None:
    tres = values.pairs("cpu=2,mem=400M,node=1,billing=2,gres/gpu=2,gres/gpu:a100=2")
    assert tres["mem"] == "400M"
    assert values.tres_gpus(tres) == 2
    assert values.tres_gpus({"gres/gpu:a100": "1", "gres/gpu:v100": "3"}) == 4
    assert values.tres_gpus({}) == 0
    assert values.pairs("N/A") == {}


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("gpu:a100:2", {"a100": 2}),
        ("gres:gpu:a100:1", {"a100": 1}),
        ("gres/gpu:2", {"": 2}),
        ("gpu:2", {"": 2}),
        ("gpu", {"": 1}),
        ("gpu:a100", {"a100": 1}),
        ("gpu:a100:2(S:0-1),gpu:v100:1(S:2,3)", {"a100": 2, "v100": 1}),
        ("gpu:a100:1(IDX:0,2)", {"a100": 1}),
        ("gpu:a100:0(IDX:N/A)", {"a100": 0}),
        ("craynetwork:4", {}),
        ("gres/gpu:a100=2", {"a100": 2}),
        ("gpu:a100:2,gpu:a100:2", {"a100": 4}),
        ("N/A", {}),
        ("(null)", {}),
        ("", {}),
    ],
)
def test_gres(text: str, gpus: dict[str, int]) -> None:
    assert values.gres_gpus(text) == gpus


def test_exit_codes() -> None:
    assert values.exit_code("1:0") == (1, 0)
    assert values.exit_code("0:15") == (0, 15)
    assert values.exit_code("") == (None, 0)


def test_text_of_people_is_not_a_word_of_slurm() -> None:
    assert values.written("unknown") == "unknown"
    assert values.written("(null)") == ""
    assert values.word("N/A") == ""


@given(st.text())
def test_any_text_is_a_value_or_none(text: str) -> None:
    for read in (
        values.duration,
        values.timestamp,
        values.memory_mib,
        values.count,
        values.number,
        values.real,
    ):
        assert read(text) is None or isinstance(read(text), int | float)
    values.gres_gpus(text)
    values.tres_gpus(values.pairs(text))
    values.exit_code(text)
    assert arrays.tasks(text).count >= 1


@pytest.mark.parametrize(
    ("expression", "tasks"),
    [
        ("[0-99]", arrays.Tasks(100)),
        ("0-99%4", arrays.Tasks(100, True, 4)),
        ("[4-99%4]", arrays.Tasks(96, True, 4)),
        ("7", arrays.Tasks(1)),
        ("[7]", arrays.Tasks(1)),
        ("1,3,5-9:2", arrays.Tasks(5)),
        ("0-9:3", arrays.Tasks(4)),
        ("1,3,5,7...", arrays.Tasks(3, False)),
        ("[1,3,5,7...]", arrays.Tasks(3, False)),
        ("1-9,2...", arrays.Tasks(9, False)),
        ("...", arrays.Tasks(1, False)),
        ("", arrays.Tasks(1, False)),
        ("9-1", arrays.Tasks(1, False)),
        ("0-4294967293", arrays.Tasks(4294967294)),
        ("[1,3,5", arrays.Tasks(3, False)),
        ("1-9%", arrays.Tasks(9, False)),
    ],
)
def test_array_tasks(expression: str, tasks: arrays.Tasks) -> None:
    assert arrays.tasks(expression) == tasks
