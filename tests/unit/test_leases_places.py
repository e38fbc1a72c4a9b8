from __future__ import annotations

from pathlib import Path

import pytest

from sactui.leases import lease, places


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, and none of the variables."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HOME", str(path))
    for name in (places.LEASE_VARIABLE, places.REGISTRY_VARIABLE, places.SLURM_STATE_VARIABLE, "SCITEX_DIR"):
        monkeypatch.delenv(name, raising=False)
    return path


def test_without_anything_set_all_is_below_the_home(home: Path, tmp_path: Path) -> None:
    root = home / ".scitex"
    assert places.lease_directory({}, tmp_path) == root / "hpc/runtime/leases"
    assert places.registry_directory({}) == root / "agent-container/registry"
    assert places.slurm_state_directory({}, tmp_path) == root / "agent-container/runtime/slurm-state"
    assert places.default_files({}, tmp_path) == (root / "hpc/config.yaml", root / "dev/config.yaml")


def test_scitex_dir_moves_all_but_the_registry(home: Path, tmp_path: Path) -> None:
    variables = {"SCITEX_DIR": "~/other"}
    assert places.lease_directory(variables, tmp_path) == home / "other/hpc/runtime/leases"
    assert (
        places.slurm_state_directory(variables, tmp_path)
        == home / "other/agent-container/runtime/slurm-state"
    )
    assert places.registry_directory(variables) == home / ".scitex/agent-container/registry"


def test_a_variable_of_its_own_wins(home: Path, tmp_path: Path) -> None:
    variables = {
        "SCITEX_DIR": "/elsewhere",
        places.LEASE_VARIABLE: "~/l",
        places.REGISTRY_VARIABLE: "/r",
        places.SLURM_STATE_VARIABLE: "/s",
    }
    (tmp_path / ".git").mkdir()
    (tmp_path / ".scitex" / "hpc").mkdir(parents=True)
    assert places.lease_directory(variables, tmp_path) == home / "l"
    assert places.registry_directory(variables) == Path("/r")
    assert places.slurm_state_directory(variables, tmp_path) == Path("/s")


def test_a_repository_with_a_scope_of_its_own_comes_before_the_home(home: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    inside = repository / "a" / "b"
    inside.mkdir(parents=True)
    (repository / ".scitex" / "hpc").mkdir(parents=True)
    assert places.project_scope("hpc", inside) is None
    (repository / ".git").write_text("gitdir: elsewhere")
    assert places.lease_directory({}, inside) == repository / ".scitex/hpc/runtime/leases"
    assert places.slurm_state_directory({}, inside) == home / ".scitex/agent-container/runtime/slurm-state"
    # The nearest repository decides, even when one around it has a scope.
    (inside / ".git").mkdir()
    assert places.project_scope("hpc", inside) is None


def test_a_scopes_file_comes_first_only_where_it_exists(home: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    scope = tmp_path / ".scitex" / "hpc"
    scope.mkdir(parents=True)
    assert places.default_files({}, tmp_path)[0] == home / ".scitex/hpc/config.yaml"
    (scope / "config.yaml").write_text("host: x")
    assert places.default_files({}, tmp_path)[0] == scope / "config.yaml"


def test_the_working_directory_decides_now(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".scitex" / "hpc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert lease.directory() == tmp_path / ".scitex/hpc/runtime/leases"
