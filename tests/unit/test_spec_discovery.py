from __future__ import annotations

import os
from pathlib import Path

import pytest

from sactui.errors import DefinitionError
from sactui.spec import discovery
from sactui.spec.discovery import DIRECTORIES_VARIABLE, Catalogue, discover, resolve

GOOD = "apiVersion: scitex-agent-container/v3\nkind: Agent\nspec: {runtime: slurm, model: %s}\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HOME", str(path))
    return path


def agent(
    directory: Path, name: str, model: str = "sonnet", *, suffix: str = ".yaml", text: str = ""
) -> Path:
    path = directory / name / f"{name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or GOOD % model)
    return path


def names(catalogue: Catalogue) -> list[str]:
    return [one.name for one in catalogue.definitions]


def test_sub_directories_in_order_and_what_is_skipped(tmp_path: Path) -> None:
    root = tmp_path / "agents"
    for name in ("b", "a", "c-3", ".hidden", "_off", "legacy-agents", "shared", "GITIGNORED"):
        agent(root, name)
    agent(root, "yml", suffix=".yml")
    (root / "empty").mkdir()
    (root / "README.md").write_text("x")
    found = discover([root])
    assert names(found) == ["a", "b", "c-3", "yml"]
    assert found.problems == ()
    assert found.get("b") is not None
    assert found.get("nobody") is None


def test_a_broken_file_is_a_problem_and_takes_nothing_with_it(tmp_path: Path) -> None:
    agent(tmp_path, "good")
    bad = agent(tmp_path, "bad", text="spec: {mem: 1\n")
    worse = agent(tmp_path, "worse", text="apiVersion: x\nkind: Agent\nspec: {slurm: {mem: 16}}\n")
    found = discover([tmp_path])
    assert "good" in names(found)
    assert found.broken == {str(bad), str(worse)}
    places = [one.where for one in found.problems]
    assert places == [f"{bad}:2:1", f"{worse}:1:13", f"{worse}:3:21"]
    assert {one.kind for one in found.problems} == {"definition"}
    assert found.problems[2].remedy == 'write it with its unit, in quotes: "16G"'


def test_the_first_directory_wins_and_the_other_is_a_problem(tmp_path: Path) -> None:
    agent(tmp_path / "one", "x", "opus")
    second = agent(tmp_path / "two", "x", "haiku")
    agent(tmp_path / "two", "y")
    found = discover([tmp_path / "one", tmp_path / "two", tmp_path / "one"])
    assert [(one.name, one.model) for one in found.definitions] == [("x", "opus"), ("y", "sonnet")]
    assert [one.where for one in found.problems] == [f"{second}:1:1"]
    assert str(tmp_path / "one" / "x" / "x.yaml") in found.problems[0].what


def test_a_broken_first_definition_does_not_start_the_second_of_its_name(tmp_path: Path) -> None:
    agent(tmp_path / "one", "x", text="broken")
    agent(tmp_path / "two", "x")
    found = discover([tmp_path / "one", tmp_path / "two"])
    assert names(found) == []
    assert len(found.problems) == 2


def test_files_in_the_wrong_place_are_named_with_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "flat.yaml").write_text(GOOD % "opus")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "agent.yaml").write_text(GOOD % "opus")
    agent(tmp_path, "both")
    agent(tmp_path, "both", suffix=".yml")
    found = discover([tmp_path])
    assert names(found) == ["both"]
    by_place = {one.where: one for one in found.problems}
    assert "flat/flat.yaml" in by_place[f"{tmp_path}/flat.yaml:1:1"].remedy
    assert "no dir.yaml" in by_place[f"{tmp_path}/dir"].what
    assert "both.yaml stands beside it" in by_place[f"{tmp_path}/both/both.yml:1:1"].what


def test_a_missing_directory_is_a_problem_unless_it_is_the_default(tmp_path: Path) -> None:
    found = discover([discovery.default_directory(), tmp_path / "nowhere"])
    assert [(one.where, one.what) for one in found.problems] == [
        (str(tmp_path / "nowhere"), "there is no such directory")
    ]


def test_a_file_or_one_agents_directory_can_be_looked_at_alone(tmp_path: Path) -> None:
    path = agent(tmp_path, "a")
    (path.parent / "config").mkdir()
    (path.parent / "config" / "tool.yaml").write_text("x: 1")
    (path.parent / "other.yaml").write_text("x: 1")
    for place in (path, path.parent):
        found = discover([place])
        assert (names(found), found.problems) == (["a"], ())
    assert names(discover([path, tmp_path])) == ["a"]
    assert discover([path, tmp_path]).problems == ()


def test_a_directory_that_cannot_be_listed_is_a_problem_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent(tmp_path / "agents", "a")
    before = discover([tmp_path / "agents"])
    real = os.scandir

    def refused(path: Path) -> object:
        if Path(path) == tmp_path / "agents":
            raise PermissionError(13, "Permission denied")
        return real(path)

    # A root user may list everything, so the refusal comes from here.
    monkeypatch.setattr(os, "scandir", refused)
    after = discover([tmp_path / "agents"])
    assert [one.what for one in after.problems] == ["cannot be listed: Permission denied"]
    assert names(after.keep_last_good(before)) == ["a"]


def test_a_broken_file_keeps_its_last_good_version_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        agent(tmp_path, name)
    first = discover([tmp_path])
    agent(tmp_path, "a", text="half")
    agent(tmp_path, "b", "opus")
    (tmp_path / "c" / "c.yaml").unlink()
    second = discover([tmp_path], first).keep_last_good(first)
    assert [(one.name, one.model) for one in second.definitions] == [("a", "sonnet"), ("b", "opus")]
    assert second.stale == {"a"}
    assert len(second.problems) == 1
    third = discover([tmp_path], second).keep_last_good(second)
    assert names(third) == ["a", "b"]
    agent(tmp_path, "a", "haiku")
    fourth = discover([tmp_path], third).keep_last_good(third)
    assert [(one.name, one.model) for one in fourth.definitions] == [("a", "haiku"), ("b", "opus")]
    assert fourth.stale == frozenset()
    assert fourth.problems == ()


def test_unchanged_files_are_not_parsed_again(tmp_path: Path) -> None:
    agent(tmp_path, "a")
    agent(tmp_path, "b")
    first = discover([tmp_path])
    agent(tmp_path, "b", "opus")
    second = discover([tmp_path], first)
    assert second.get("a") is first.get("a")
    assert second.get("b") is not first.get("b")


def test_where_definitions_are_looked_for(home: Path, tmp_path: Path) -> None:
    variables = {DIRECTORIES_VARIABLE: f"~/mine::{tmp_path}/x:{tmp_path}/x/../x"}
    assert discovery.directories([tmp_path / "first"], variables) == (
        tmp_path / "first",
        home / ".scitex/agent-container/agents",
        home / "mine",
        tmp_path / "x",
    )


def test_an_agent_is_found_by_name_path_and_directory(tmp_path: Path) -> None:
    root = tmp_path / "agents"
    path = agent(root, "head-spartan")
    agent(root, "short", suffix=".yml")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for wanted in (
        "head-spartan",
        "head-spartan/head-spartan.yaml",
        "head-spartan/",
        "head-spartan.yaml",
        str(path),
        str(path.parent),
        "../agents/head-spartan",
        "../agents/head-spartan/head-spartan.yaml",
    ):
        assert resolve(wanted, [root], elsewhere).path == str(path)
    assert resolve("short", [root], elsewhere).name == "short"
    assert resolve("head-spartan", [], root).name == "head-spartan"
    assert resolve("head-spartan.yaml", [], path.parent).name == "head-spartan"
    assert resolve("./head-spartan", [], root).name == "head-spartan"


def test_the_first_directory_wins_by_name_too(tmp_path: Path) -> None:
    agent(tmp_path / "one", "x", "opus")
    agent(tmp_path / "two", "x", "haiku")
    assert resolve("x", [tmp_path / "two", tmp_path / "one"], tmp_path).model == "haiku"


def test_what_is_not_there_is_said_with_the_nearest_name(tmp_path: Path) -> None:
    agent(tmp_path, "head-spartan")
    with pytest.raises(DefinitionError) as caught:
        resolve("head-sparta", [tmp_path], tmp_path)
    assert caught.value.remedy == "did you mean head-spartan?"
    with pytest.raises(DefinitionError) as caught:
        resolve("zzz", [tmp_path], tmp_path)
    assert str(tmp_path) in caught.value.remedy
    for wanted in ("no/where", "nowhere.yaml", "", "  "):
        with pytest.raises(DefinitionError):
            resolve(wanted, [tmp_path], tmp_path)


def test_a_flat_file_is_refused_because_it_would_have_another_name(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_text(GOOD % "opus")
    with pytest.raises(DefinitionError) as caught:
        resolve("dev.yaml", [], tmp_path)
    assert f"would be called {tmp_path.name}" in caught.value.message
    assert caught.value.remedy == f"move it to {tmp_path}/dev/dev.yaml"


def test_a_broken_file_named_by_hand_says_everything(tmp_path: Path) -> None:
    agent(tmp_path, "x", text="spec: 1\nspec: 2\n")
    with pytest.raises(DefinitionError) as caught:
        resolve("x", [tmp_path], tmp_path)
    assert len(caught.value.message.splitlines()) == 4


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    agent(tmp_path, "a\x1b[31m")
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff/\xff.yaml")).write_text("x")
    found = discover([tmp_path])
    assert names(found) == []
    assert len(found.problems) >= 2
    for problem in found.problems:
        assert (problem.where + problem.what).isprintable()
        (problem.where + problem.what).encode()
