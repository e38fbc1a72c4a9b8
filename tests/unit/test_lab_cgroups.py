from __future__ import annotations

import os
from pathlib import Path

import pytest

from sactui.errors import LabError
from sactui.lab import LabOptions, cgroups, config, install, layout


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_only_root_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "only root" in cgroups.problem()


def test_version_2_alone_and_missing_hierarchies_are_named(root: Path) -> None:
    (root / "freezer").mkdir()
    assert "cpuset, memory, devices" in cgroups.problem(root)
    (root / "cgroup.controllers").touch()
    assert "version 2" in cgroups.problem(root)


def test_a_hierarchy_that_takes_no_groups_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("freezer", "cpuset", "memory", "devices"):
        (root / name).mkdir()

    def refused(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    assert cgroups.problem(root) == f"no group can be made in {root / 'freezer'}: Permission denied"


def test_a_lab_that_cannot_have_cgroups_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "find", lambda name: f"/bin/{name}")
    monkeypatch.setattr(cgroups, "problem", lambda: "the moon is full")
    install.check(accounting=False)
    with pytest.raises(LabError, match="cgroups cannot run here: the moon is full"):
        install.check(accounting=False, cgroup=True)


def test_its_files(tmp_path: Path) -> None:
    options = LabOptions(name="g", nodes=2, cgroup=True)
    where = layout.layout_of("g", options.node_names, layout.private_base())
    assert not str(where.directory).startswith("/tmp/"), "jobs see another /tmp"
    text = config.slurm_conf(options, where, config.Ports(20000, options), user="op", hostname="h")
    assert "ProctrackType=proctrack/cgroup" in text
    assert "JobContainerType=job_container/tmpfs" in text
    assert "linuxproc" not in text
    assert config.job_container_conf(options, where).count(" BasePath=") == 2
    assert "TMUX_TMPDIR=" not in config.task_prolog(where, private=True)
    assert LabOptions.loads(options.dumps()) == options
