from __future__ import annotations

import json
import multiprocessing
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from sactui.errors import LeaseError
from sactui.leases import lease as leases
from sactui.leases.files import locked
from sactui.leases.lease import Lease, lease_id

#: What scitex-hpc 0.8.1 wrote, byte for byte.
REFERENCE = """{
  "extras": {
    "tmux_server": "sac"
  },
  "host": "spartan",
  "id": "spartan-dev-pool",
  "job_id": "4711",
  "name": "dev-pool",
  "node": "bm021",
  "persistent": true,
  "submitted_at": "2026-11-20T10:00:00+00:00",
  "walltime_end": ""
}"""


def sample(**changes: Any) -> Lease:
    values: dict[str, Any] = {
        "id": "spartan-dev-pool",
        "name": "dev-pool",
        "host": "spartan",
        "job_id": "4711",
        "node": "bm021",
        "submitted_at": "2026-11-20T10:00:00+00:00",
        "persistent": True,
        "extras": {"tmux_server": "sac"},
    }
    return Lease(**{**values, **changes})


def test_the_references_file_is_read_and_written_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "spartan-dev-pool.json"
    path.write_text(REFERENCE)
    (found,), problems = leases.load_all(tmp_path)
    assert problems == ()
    assert found == sample()
    assert (found.tmux_server, found.job, dict(found.ours)) == ("sac", 4711, {})
    leases.save(tmp_path, found)
    assert path.read_text() == REFERENCE


@pytest.mark.parametrize(
    ("host", "name", "expected"),
    [
        ("spartan", "dev-pool", "spartan-dev-pool"),
        ("spartan", "spartan-cpu", "spartan-cpu"),
        ("spartan", "spartan", "spartan"),
        ("spartan", "spartanic", "spartan-spartanic"),
        ("spartan", "a b/c:d", "spartan-a-b-c-d"),
        ("h", "v1.2_x", "h-v1.2_x"),
    ],
)
def test_the_id_of_a_lease(host: str, name: str, expected: str) -> None:
    assert lease_id(host, name) == expected


def test_a_file_is_the_users_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "leases"
    leases.create(directory, sample())
    assert sorted(os.listdir(directory)) == [".sactui.lock", "spartan-dev-pool.json"]
    assert stat.S_IMODE((directory / "spartan-dev-pool.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [one.name for one in directory.glob("*.json")] == ["spartan-dev-pool.json"]


def test_additions_stand_under_one_key_of_extras(tmp_path: Path) -> None:
    lease = sample().with_ours(uuid="u1", generation=1, intent="book")
    leases.save(tmp_path, lease)
    data = json.loads((tmp_path / "spartan-dev-pool.json").read_text())
    assert set(data) == {
        "extras",
        "host",
        "id",
        "job_id",
        "name",
        "node",
        "persistent",
        "submitted_at",
        "walltime_end",
    }
    assert data["extras"] == {
        "sactui": {"generation": 1, "intent": "book", "uuid": "u1"},
        "tmux_server": "sac",
    }
    (found,), _ = leases.load_all(tmp_path)
    changed = found.with_ours(generation=2, intent=None).with_tmux_server("sac-4711")
    assert changed.extras == {"sactui": {"uuid": "u1", "generation": 2}, "tmux_server": "sac-4711"}
    assert changed.with_ours(uuid=None, generation=None).with_tmux_server("").extras == {}


def test_unknown_keys_survive_and_are_named_because_they_hide_the_lease(tmp_path: Path) -> None:
    data = {**json.loads(REFERENCE), "zebra": {"a": [1]}}
    path = tmp_path / "spartan-dev-pool.json"
    path.write_text(json.dumps(data, indent=2))
    (found,), (problem,) = leases.load_all(tmp_path)
    assert "invisible to scitex-hpc: zebra" in problem.what
    assert problem.where == f"{path}:13:3"
    leases.update(tmp_path, found.id, lambda lease: lease.with_ours(uuid="u"))
    assert json.loads(path.read_text())["zebra"] == {"a": [1]}


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        (b"", "1:1", "is empty"),
        (b'{"a": 1,\n "b": }', "2:7", "is not JSON"),
        (b'{"a":\n "\xff"}', "2:3", "is not UTF-8"),
        (b"[1]", "1:1", "is not a JSON object"),
        (b"[" * 100_000, "1:1", "is not JSON"),
        (b'{\n  "id": "x",\n  "name": 5\n}', "3:3", "name must be text"),
        (b'{\n  "id": "x",\n  "name": "n",\n "host": ""}', "4:2", "host is empty"),
        (b'{"id": "x", "name": "n"}', "1:1", "host is missing"),
        (b'{"id": "x", "name": "n", "host": "h"}', "1:1", "job_id is missing"),
        (b'{"id": "x", "name": "n", "host": "h", "job_id": 7}', "1:39", "job_id must be text"),
        (b'{"id": "x", "name": "n", "host": "h", "job_id": "", "extras": []}', "1:53", "extras must be"),
        (b'{"id": "x", "name": "n", "host": "h", "job_id": "", "persistent": 1}', "1:53", "true or false"),
    ],
)
def test_a_corrupt_file_is_a_problem_and_others_are_read(
    tmp_path: Path, content: bytes, where: str, says: str
) -> None:
    (tmp_path / "spartan-dev-pool.json").write_text(REFERENCE)
    bad = tmp_path / "x.json"
    bad.write_bytes(content)
    found, (problem,) = leases.load_all(tmp_path)
    assert [one.name for one in found] == ["dev-pool"]
    assert problem.kind == "lease"
    assert problem.where == f"{bad}:{where}"
    assert says in problem.what
    assert problem.remedy
    with pytest.raises(LeaseError, match=r"x\.json"):
        leases.get(tmp_path, "x")


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "dir.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    found, problems = leases.load_all(tmp_path)
    assert found == ()
    assert [one.where for one in problems] == [f"{tmp_path}/dir.json:1:1", f"{tmp_path}/pipe.json:1:1"]


def test_a_directory_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert leases.load_all(tmp_path / "none") == ((), ())
    assert leases.get(tmp_path / "none", "x") is None
    assert leases.remove(tmp_path / "none", "x") is False
    assert not (tmp_path / "none").exists()


def test_a_file_with_the_wrong_name_is_shown_and_said(tmp_path: Path) -> None:
    (tmp_path / "copy.json").write_text(REFERENCE)
    (found,), (problem,) = leases.load_all(tmp_path)
    assert found.name == "dev-pool"
    assert "must be called spartan-dev-pool.json" in problem.what


def test_creating_twice_is_refused(tmp_path: Path) -> None:
    leases.create(tmp_path, sample())
    with pytest.raises(LeaseError, match="is there already"):
        leases.create(tmp_path, sample(job_id="9"))
    assert leases.get(tmp_path, "spartan-dev-pool") == sample()


def test_update_reads_what_is_there_and_a_failure_changes_nothing(tmp_path: Path) -> None:
    leases.create(tmp_path, sample())
    path = tmp_path / "spartan-dev-pool.json"
    before = path.read_bytes()

    def fail(lease: Lease) -> Lease:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        leases.update(tmp_path, "spartan-dev-pool", fail)
    assert leases.update(tmp_path, "spartan-dev-pool", lambda lease: None) == sample()
    with pytest.raises(LeaseError, match="cannot become"):
        leases.update(tmp_path, "spartan-dev-pool", lambda lease: sample(id="other"))
    with pytest.raises(LeaseError, match="as JSON"):
        leases.update(tmp_path, "spartan-dev-pool", lambda lease: lease.with_ours(bad=object()))
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == [".sactui.lock", "spartan-dev-pool.json"]
    with pytest.raises(LeaseError, match="there is no lease nobody"):
        leases.update(tmp_path, "nobody", lambda lease: lease)


def test_removing_checks_the_job_when_asked(tmp_path: Path) -> None:
    leases.create(tmp_path, sample())
    with pytest.raises(LeaseError, match="names job 4711 now, not 4000"):
        leases.remove(tmp_path, "spartan-dev-pool", only_job="4000")
    assert leases.remove(tmp_path, "spartan-dev-pool", only_job="4711") is True
    assert leases.remove(tmp_path, "spartan-dev-pool") is False


def test_finding_by_id_and_by_name(tmp_path: Path) -> None:
    leases.create(tmp_path, sample())
    leases.create(tmp_path, sample(id="cedar-dev-pool", host="cedar"))
    leases.create(tmp_path, sample(id="cedar-x", name="x", host="cedar"))
    found = leases.find(tmp_path, "spartan-dev-pool")
    assert found is not None
    assert found.host == "spartan"
    assert leases.find(tmp_path, "dev-pool", "cedar") == sample(id="cedar-dev-pool", host="cedar")
    assert leases.find(tmp_path, "x") is not None
    assert leases.find(tmp_path, "x", "spartan") is None
    with pytest.raises(LeaseError, match="several hosts: cedar, spartan"):
        leases.find(tmp_path, "dev-pool")


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a\nb", "-x"])
def test_an_id_never_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(LeaseError, match="cannot be the name of a file"):
        leases.save(tmp_path / "d", sample(id=name))
    assert not (tmp_path / "d").exists()


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text(REFERENCE)
    directory = tmp_path / "leases"
    directory.mkdir()
    (directory / "spartan-dev-pool.json").symlink_to(real)
    leases.update(directory, "spartan-dev-pool", lambda lease: sample(node="bm022"))
    assert (directory / "spartan-dev-pool.json").is_symlink()
    assert json.loads(real.read_text())["node"] == "bm022"


def test_a_lock_that_is_held_is_waited_for_and_then_said(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(LeaseError, match="another program has been writing"),
        locked(tmp_path, 0.05),
    ):
        pass
    with locked(tmp_path, 0):
        pass


def test_a_lock_excludes_threads_of_one_process_too(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with locked(tmp_path, 30):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(tmp_path):
        inside.set()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def _count(directory: str, times: int) -> None:
    for _ in range(times):
        leases.update(
            Path(directory),
            "spartan-dev-pool",
            lambda lease: lease.with_ours(generation=lease.ours["generation"] + 1),
        )


def test_two_processes_lose_no_update_and_a_reader_sees_whole_files(tmp_path: Path) -> None:
    leases.create(tmp_path, sample().with_ours(generation=0))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count, args=(str(tmp_path), 100)) for _ in range(2)]
    for worker in workers:
        worker.start()
    seen = []
    while any(worker.is_alive() for worker in workers):
        (found,), problems = leases.load_all(tmp_path)
        assert problems == ()
        seen.append(found.ours["generation"])
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert seen == sorted(seen)
    final = leases.get(tmp_path, "spartan-dev-pool")
    assert final is not None
    assert final.ours["generation"] == 200
