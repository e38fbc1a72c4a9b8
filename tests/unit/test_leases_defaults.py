from __future__ import annotations

from pathlib import Path

import pytest

from sactui.leases.defaults import BUILT_IN, booking_defaults


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HOME", str(path))
    return path


def write(home: Path, package: str, text: str) -> Path:
    path = home / ".scitex" / package / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_built_in_values_are_the_references(tmp_path: Path) -> None:
    found = booking_defaults({}, tmp_path)
    assert (found.host, found.partition, found.cpus, found.time, found.mem) == ("", "", 4, "00:20:00", "8G")
    assert (found.nodelist, found.account, found.qos, found.gpus) == ("", "", "", "")
    assert dict(found.sources) == dict.fromkeys(BUILT_IN, "built in")
    assert found.problems == ()


def test_variables_come_before_files_and_hpc_before_dev(home: Path, tmp_path: Path) -> None:
    hpc = write(home, "hpc", "host: spartan\ncpus_per_task: 8\ntime: 1:30:00\npartition:\nother: [1]\n")
    dev = write(home, "dev", "hpc:\n  defaults: {host: cedar, partition: long, account: acc}\nmem: 2G\n")
    found = booking_defaults(
        {"SCITEX_HPC_MEM": "64G", "SCITEX_HPC_QOS": "q", "SCITEX_HPC_HOST": ""}, tmp_path
    )
    assert (found.host, found.cpus, found.time, found.partition) == ("spartan", 8, "1:30:00", "long")
    assert (found.mem, found.account, found.qos) == ("64G", "acc", "q")
    assert dict(found.sources) == {
        "host": str(hpc),
        "cpus": str(hpc),
        "time": str(hpc),
        "partition": str(dev),
        "account": str(dev),
        "mem": "SCITEX_HPC_MEM",
        "qos": "SCITEX_HPC_QOS",
        "nodelist": "built in",
        "gpus": "built in",
    }


def test_nested_values_come_before_flat_ones_of_the_same_file(home: Path, tmp_path: Path) -> None:
    write(home, "hpc", "host: flat\nmem: 3G\nhpc: {defaults: {host: nested}}\n")
    found = booking_defaults({}, tmp_path)
    assert (found.host, found.mem) == ("nested", "3G")


@pytest.mark.parametrize("value", ["four", "0", "-1", "²", "4.5"])
def test_a_number_of_cpus_that_is_none_is_a_problem(tmp_path: Path, value: str) -> None:
    found = booking_defaults({"SCITEX_HPC_CPUS": value}, tmp_path)
    assert (found.cpus, found.sources["cpus"]) == (4, "built in")
    assert [one.where for one in found.problems] == ["SCITEX_HPC_CPUS"]


@pytest.mark.parametrize(
    ("content", "where"),
    [(b"host: [\n", "2:1"), (b"a: 1\nhost: \xff\n", "1:1"), (b"[" * 5000, "1:1")],
)
def test_a_broken_file_is_a_problem_and_the_rest_counts(
    home: Path, tmp_path: Path, content: bytes, where: str
) -> None:
    path = write(home, "hpc", "")
    path.write_bytes(content)
    write(home, "dev", "host: cedar\n")
    found = booking_defaults({}, tmp_path)
    assert found.host == "cedar"
    assert [one.where for one in found.problems] == [f"{path}:{where}"]


def test_a_file_with_something_else_in_it_sets_nothing(home: Path, tmp_path: Path) -> None:
    write(home, "hpc", "- a\n")
    write(home, "dev", "hpc: none\nhost: {a: b}\n")
    found = booking_defaults({}, tmp_path)
    assert (found.host, found.problems) == ("", ())
