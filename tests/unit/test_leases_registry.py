from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sactui import clock
from sactui.errors import LeaseError
from sactui.leases import registry
from sactui.leases.registry import Entry, SlurmState

#: What the reference wrote, byte for byte.
REFERENCE = """{
  "name": "dev",
  "config": "/a/dev/dev.yaml",
  "pid": 123,
  "started_at": "2026-11-20T10:00:00Z",
  "screen": "dev"
}"""
STATE = """{
  "name": "dev",
  "job_id": "4711",
  "script": "/s/dev.sbatch",
  "submitted_stdout": "Submitted batch job 4711"
}"""


def test_the_references_registry_is_read_and_written_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text(REFERENCE)
    (entry,), problems = registry.load_registry(tmp_path)
    assert problems == ()
    assert entry == Entry("dev", "/a/dev/dev.yaml", 123, "2026-11-20T10:00:00Z", "dev")
    registry.register(tmp_path, entry)
    assert path.read_text() == REFERENCE
    assert registry.registered(tmp_path, "dev") == entry
    assert registry.unregister(tmp_path, "dev") is True
    assert registry.unregister(tmp_path, "dev") is False
    assert registry.registered(tmp_path, "dev") is None


def test_the_references_slurm_state_is_read_and_written_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text(STATE)
    (state,), problems = registry.load_slurm_states(tmp_path)
    assert problems == ()
    assert state == SlurmState("dev", "4711", "/s/dev.sbatch", "Submitted batch job 4711")
    registry.save_slurm_state(tmp_path, state)
    assert path.read_text() == STATE
    assert registry.slurm_state(tmp_path, "dev") == state
    assert registry.clear_slurm_state(tmp_path, "dev") is True
    assert registry.slurm_state(tmp_path, "dev") is None


def test_unknown_keys_survive(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text(json.dumps({**json.loads(REFERENCE), "more": [1]}))
    entry = registry.registered(tmp_path, "dev")
    assert entry is not None
    registry.register(tmp_path, entry)
    assert json.loads((tmp_path / "dev.json").read_text())["more"] == [1]


def test_a_corrupt_file_is_a_problem_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(REFERENCE)
    (tmp_path / "bad.json").write_text('{"name": "bad",\n "pid": "x"}')
    (tmp_path / "worse.json").write_text("{")
    entries, problems = registry.load_registry(tmp_path)
    assert [one.name for one in entries] == ["dev"]
    assert [(one.kind, one.where.rsplit("/", 1)[1]) for one in problems] == [
        ("registry", "bad.json:2:2"),
        ("registry", "worse.json:1:2"),
    ]
    states, problems = registry.load_slurm_states(tmp_path)
    assert states == ()
    assert {one.kind for one in problems} == {"slurm-state"}


def test_the_lock_is_no_entry_for_the_reference(tmp_path: Path) -> None:
    registry.register(tmp_path, Entry("dev", "/x"))
    assert sorted(os.listdir(tmp_path)) == [".sactui.lock", "dev.json"]
    assert [one.name for one in tmp_path.glob("*.json")] == ["dev.json"]


def test_a_name_never_leads_out_of_the_directory(tmp_path: Path) -> None:
    with pytest.raises(LeaseError):
        registry.register(tmp_path, Entry("../x", "/x"))
    with pytest.raises(LeaseError):
        registry.unregister(tmp_path, "a/b")


def test_times_have_the_references_form() -> None:
    assert registry.timestamp(0) == "1970-01-01T00:00:00Z"
    with clock.frozen(86400):
        assert registry.timestamp() == "1970-01-02T00:00:00Z"
