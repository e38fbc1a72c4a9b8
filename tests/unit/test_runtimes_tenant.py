"""Launch scripts: exact sessions, nothing interpolated, nothing secret in an argument list."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sactui.errors import Refused
from sactui.runtimes import claude, tenant

_TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40)


def _run(script: str, home: Path) -> subprocess.CompletedProcess[bytes]:
    path = home / "launcher"
    path.write_text(script)
    return subprocess.run(
        ["/bin/sh", str(path)],
        capture_output=True,
        timeout=10,
        check=False,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "SLURM_MEM_PER_NODE": "5", "SLURM_JOB_ID": "7"},
    )


@given(_TEXT)
@settings(max_examples=40, deadline=None)
def test_any_argument_arrives_word_for_word(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.mktemp("home")
    done = _run(tenant.launcher(tenant.Launch("a", ("printf", "%s|", "x", text))), home)
    assert done.stdout == b"x|" + text.encode() + b"|"


@given(_TEXT.filter(lambda text: "${" not in text and "$$" not in text and not text.startswith("~")))
@settings(max_examples=40, deadline=None)
def test_any_environment_value_arrives_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.mktemp("home")
    launch = tenant.Launch("a", ("sh", "-c", 'printf %s "$VALUE"'), environment={"VALUE": text})
    assert _run(tenant.launcher(launch), home).stdout == text.encode()


def test_tilde_and_variables_mean_the_nodes_and_nothing_else_expands(tmp_path: Path) -> None:
    launch = tenant.Launch(
        "a",
        ("sh", "-c", 'printf "%s\\n" "$A" "$B" "$C" "$PWD"'),
        work_dir="~/some dir",
        environment={"A": "~/x", "B": "${HOME}/$(id)`id`", "C": "$$5"},
    )
    lines = _run(tenant.launcher(launch), tmp_path).stdout.decode().splitlines()
    assert lines == [f"{tmp_path}/x", f"{tmp_path}/$(id)`id`", "$5", f"{tmp_path}/some dir"]


def test_the_jobs_size_is_not_inherited_but_the_job_is(tmp_path: Path) -> None:
    done = _run(tenant.launcher(tenant.Launch("a", ("env",))), tmp_path)
    assert b"SLURM_JOB_ID=7" in done.stdout
    assert b"SLURM_MEM_PER_NODE" not in done.stdout


def test_the_launcher_leaves_no_file_behind(tmp_path: Path) -> None:
    _run(tenant.launcher(tenant.Launch("a", ("true",), environment={"TOKEN": "secret"})), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_work_directory_that_cannot_be_made_ends_the_launch(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _run(tenant.launcher(tenant.Launch("a", ("echo", "ran"), work_dir="~/file/x")), tmp_path)
    assert done.returncode == 126
    assert b"ran" not in done.stdout


@pytest.mark.parametrize("name", ["a.b", "a:b", "a b", "", "=a", "-x", "a\n", "名"])
def test_names_that_tmux_would_rewrite_or_misread_are_refused(name: str) -> None:
    with pytest.raises(Refused, match="cannot be a tmux session"):
        tenant.session(name)


def test_targets_are_exact() -> None:
    script = tenant.stop_script(["ref1"], "sac-5")
    assert "'=sac-ref1'" in script
    assert tenant.attach_argv("ref1", "sac-5")[-1] == "=sac-ref1"


def test_no_value_of_the_environment_is_an_argument_of_tmux() -> None:
    launch = tenant.Launch("a", ("true",), environment={"TOKEN": "tok1"})
    script = tenant.start_script([launch], "sac-5", "feed")
    before, _, after = script.partition("<<'feed_END'\n")
    _, _, after = after.partition("feed_END\n")
    assert "tok1" not in before
    assert "tok1" not in after


def test_outcomes_are_read_by_name() -> None:
    said = tenant.outcome("noise\nstarted a %3\nthere b\nfailed c no space left\n")
    assert said == {"a": ("started", "%3"), "b": ("there", ""), "c": ("failed", "no space left")}


def test_claude_command_line() -> None:
    assert claude.argv(
        "opus", session="continue", flags=["--verbose", "--add-dir '/a b'"], channels=["x"]
    ) == (
        "claude",
        "--model",
        "opus",
        "--channels",
        "x",
        "--verbose",
        "--add-dir",
        "/a b",
        "--continue",
    )
    assert claude.argv("opus", session="resume", resume_id="7")[-2:] == ("--resume", "7")
