from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sactui.errors import SettingsError
from sactui.settings import Settings, config_path, load_settings, save_settings, state_dir, state_path
from sactui.spec.schema import descriptions


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of the test's own home; it does not exist yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "config" / "sactui" / "config.yaml"
    path.parent.mkdir(parents=True)
    return path


def wrong(path: Path, text: str) -> SettingsError:
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return caught.value


def test_no_file_is_fine_and_a_host_needs_no_entry() -> None:
    found = load_settings()
    assert found == Settings()
    assert (found.interval, found.read_only, found.hosts, found.theme) == (10.0, False, [], "")
    host = found.host("spartan")
    assert (host.name, host.addresses, host.transport) == ("spartan", ("spartan",), "auto")
    with pytest.raises(SettingsError, match="cannot be the name of a host"):
        found.host("a b")


@pytest.mark.parametrize("text", ["", "# all comments\n", "~\n", "{}\n", "hosts:\nkeys:\n"])
def test_a_file_that_sets_nothing_is_fine(config: Path, text: str) -> None:
    config.write_text(text)
    assert load_settings() == Settings()


def test_every_key(config: Path) -> None:
    config.write_text(
        """\
hosts:
  - spartan
  - name: cedar
    login_hosts: [cedar1, cedar2]
    user: me
    transport: openssh
    clusters: [c1, c2]
interval: 5
theme: paper
agents: [~/agents]
read_only: true
keys: {quit: ctrl+q}
flash: false
ascii: true
start_stagger: 0.5
watch: {mode: poll, poll_interval: 5}
"""
    )
    found = load_settings()
    assert [one.name for one in found.hosts] == ["spartan", "cedar"]
    cedar = found.host("cedar")
    assert (cedar.addresses, cedar.user, cedar.transport) == (("cedar1", "cedar2"), "me", "openssh")
    assert cedar.clusters == ["c1", "c2"]
    assert (found.interval, found.theme, found.agents, found.read_only) == (5, "paper", ["~/agents"], True)
    assert (found.keys, found.flash, found.ascii, found.start_stagger) == (
        {"quit": "ctrl+q"},
        False,
        True,
        0.5,
    )
    assert (found.watch.mode, found.watch.poll_interval) == ("poll", 5)
    assert load_settings(config) == found


def test_every_key_is_documented() -> None:
    for block in (Settings, *(type(Settings().host("x")), type(Settings().watch))):
        assert set(descriptions(block)) == set(block.model_fields)


@pytest.mark.parametrize(
    ("text", "where", "says", "remedy"),
    [
        ("intervall: 3\n", "1:1", "unknown key intervall", "did you mean interval?"),
        ("interval: 1\n", "1:11", "must be at least 2", ""),
        ('interval: "5"\n', "1:11", "must be a number", "without quotes"),
        ("read_only: 1\n", "1:12", "must be true or false", ""),
        ("hosts: spartan\n", "1:8", "must be a list", "- "),
        ("hosts: [{name: a, transport: telnet}]\n", "1:30", "must be auto, ssh, openssh or local", ""),
        ("hosts: [{login_hosts: [a]}]\n", "1:9", "hosts[0].name is missing", ""),
        ("hosts: [{name: a, nmae: b}]\n", "1:19", "unknown key hosts[0].nmae", "did you mean name?"),
        ("hosts: [a, {name: a}]\n", "1:12", "has the name of hosts[0]", "login_hosts"),
        ("hosts: [a b]\n", "1:9", "must be one word", ""),
        ("keys: {quit: 1}\n", "1:14", "must be text", '"1"'),
        ("- a\n", "1:1", "must be a mapping", ""),
        ("theme: [a\n", "2:1", "expected", "closed"),
        ("start_stagger: 1:30\n", "1:16", "base 60", "quotes"),
        ("watch: {mode: never}\n", "1:15", "must be auto, events, poll or off", ""),
    ],
)
def test_mistakes_have_a_place_and_a_remedy(
    config: Path, text: str, where: str, says: str, remedy: str
) -> None:
    error = wrong(config, text)
    assert error.message.startswith(f"{config}:{where}: ")
    assert says in error.message
    assert remedy in error.remedy


def test_all_mistakes_are_told_at_once(config: Path) -> None:
    error = wrong(config, "interval: x\nthem: a\nread_only: 3\n")
    assert [line.split(": ")[0] for line in error.message.splitlines()] == [
        f"{config}:1:11",
        f"{config}:2:1",
        f"{config}:3:12",
    ]


def test_a_file_that_somebody_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load_settings(tmp_path / "nowhere.yaml")


def test_places_follow_the_xdg_variables_unless_they_are_relative(tmp_path: Path) -> None:
    assert config_path({"XDG_CONFIG_HOME": "/c"}) == Path("/c/sactui/config.yaml")
    assert config_path({"XDG_CONFIG_HOME": "relative"}) == tmp_path / ".config/sactui/config.yaml"
    assert config_path({}) == tmp_path / ".config/sactui/config.yaml"
    assert state_path({}) == tmp_path / ".local/state/sactui"
    assert state_path({"XDG_STATE_HOME": "/s"}) == Path("/s/sactui")


def test_the_state_directory_is_the_users_alone(tmp_path: Path) -> None:
    path = state_dir()
    assert path == tmp_path / "state" / "sactui"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    path.chmod(0o755)
    assert stat.S_IMODE(state_dir().stat().st_mode) == 0o700


def test_a_state_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="cannot be used for state"):
        state_dir({"XDG_STATE_HOME": str(tmp_path / "file")})


def test_saving_keeps_comments_and_explains_new_keys(config: Path) -> None:
    config.write_text("# mine\ntheme: dark  # at night\n")
    assert save_settings({"theme": "light", "interval": 20.0}) == config
    assert config.read_text() == (
        "# mine\ntheme: light  # at night\n\n"
        "# Seconds between two looks at one's own jobs; shorter for a while after an action.\n"
        "interval: 20.0\n"
    )
    assert load_settings().interval == 20.0


def test_saving_what_would_not_load_changes_nothing(config: Path) -> None:
    config.write_text("theme: dark\n")
    for changes in ({"interval": 0.1}, {"them": "light"}, {"notices": {"quiet": "late"}}):
        with pytest.raises(SettingsError, match="was not changed"):
            save_settings(changes)
    assert config.read_text() == "theme: dark\n"
    assert [file.name for file in config.parent.iterdir()] == ["config.yaml"]


def test_saving_makes_the_file_and_follows_a_link(config: Path, tmp_path: Path) -> None:
    config.parent.rmdir()
    save_settings({"notices": {"events": ["asking"], "quiet": "22:00-07:00"}})
    assert load_settings().notices.quiet == "22:00-07:00"
    real = tmp_path / "dotfiles.yaml"
    config.replace(real)
    config.symlink_to(real)
    save_settings({"ascii": True})
    assert config.is_symlink()
    assert load_settings().ascii
