from __future__ import annotations

import pytest

from sactui.errors import Refused
from sactui.tmux import commands
from sactui.tmux.version import capabilities, missing, parse_version


def test_names_and_exact_targets() -> None:
    assert commands.session_name("ref-1") == "sac-ref-1"
    assert commands.session_target("ref1") == "=sac-ref1"
    assert commands.pane_target("ref1") == "=sac-ref1:"
    assert commands.pane_target("%14") == "%14"


@pytest.mark.parametrize("name", ["v1.2", "a:b", "a b", "", "-x", "a\nb", "ü", "a" * 200, "%x"])
def test_names_that_tmux_would_change_are_refused(name: str) -> None:
    with pytest.raises(Refused):
        commands.session_name(name)


@pytest.mark.parametrize("socket", ["a b", "../x", "", "-L", "a;b"])
def test_sockets(socket: str) -> None:
    with pytest.raises(Refused):
        commands.base(socket)


def test_commands() -> None:
    base = ["tmux", "-u", "-L", "sac-5"]
    assert commands.base("sac-5") == base
    assert commands.has_session("sac-5", "a") == [*base, "has-session", "-t", "=sac-a"]
    assert commands.kill_session("sac-5", "a") == [*base, "kill-session", "-t", "=sac-a"]
    assert commands.send_text("sac-5", "%4", "Enter;") == [
        *base,
        "send-keys",
        "-t",
        "%4",
        "-l",
        "--",
        "Enter\\;",
    ]
    assert commands.send_keys("sac-5", "a", ["C-c", "Enter"]) == [
        *base,
        "send-keys",
        "-t",
        "=sac-a:",
        "C-c",
        "Enter",
    ]
    assert commands.capture("sac-5", "%4", history=50, colours=True)[4:] == [
        "capture-pane",
        "-p",
        "-e",
        "-t",
        "%4",
        "-S",
        "-50",
    ]
    assert commands.capture("sac-5", "%4")[4:] == ["capture-pane", "-p", "-t", "%4"]
    assert commands.set_pane_option("sac-5", "%4", "@sactui_agent", "a")[4:] == [
        "set-option",
        "-p",
        "-t",
        "%4",
        "@sactui_agent",
        "a",
    ]
    assert commands.set_pane_option("sac-5", "%4", "@sactui_state", "")[-2:] == ["-u", "@sactui_state"]
    assert commands.respawn("sac-5", "%4", ["claude", "-c"], kill=True)[4:] == [
        "respawn-pane",
        "-k",
        "-t",
        "%4",
        "--",
        "claude",
        "-c",
    ]
    assert commands.attach("sac-5", "a")[4:] == ["attach-session", "-t", "=sac-a"]
    assert commands.attach("sac-5", "a", read_only=True)[-2:] == ["-f", "read-only,ignore-size"]
    assert commands.attach("sac-5", "a", read_only=True, able=capabilities((3, 1, "")))[-1] == "-r"


def test_a_new_session() -> None:
    argv = commands.new_session("sac-5", "a", ["claude", "x;"], directory="/w", environment={"K": "v w"})
    assert argv[4:] == [
        "new-session",
        "-d",
        "-P",
        "-F",
        "#{pane_id}",
        "-s",
        "sac-a",
        "-x",
        "160",
        "-y",
        "48",
        "-c",
        "/w",
        "-e",
        "K=v w",
        "--",
        "claude",
        "x\\;",
    ]
    old = commands.new_session(
        "sac-5", "a", ["claude"], environment={"K": "v"}, able=capabilities((2, 9, ""))
    )
    assert old[-4:] == ["--", "env", "K=v", "claude"]
    # A single word would be given to a shell.
    assert commands.new_session("sac-5", "a", ["rm -rf /"])[-2:] == ["env", "rm -rf /"]


def test_refusals() -> None:
    with pytest.raises(Refused):
        commands.new_session("sac-5", "a", [])
    with pytest.raises(Refused):
        commands.new_session("sac-5", "a", ["x"], environment={"A B": "1"})
    with pytest.raises(Refused):
        commands.respawn("sac-5", "%4", [])
    with pytest.raises(Refused):
        commands.send_keys("sac-5", "a", ["rm -rf"])
    with pytest.raises(Refused):
        commands.send_text("sac-5", "a", "")
    with pytest.raises(Refused):
        commands.set_pane_option("sac-5", "a", "remain-on-exit", "on")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("tmux 3.3a\n", (3, 3, "a")),
        ("tmux 2.6", (2, 6, "")),
        ("tmux next-3.5", (3, 5, "")),
        ("tmux master", None),
        ("tmux openbsd-7.5", None),
        ("", None),
    ],
)
def test_versions(text: str, version: tuple[int, int, str] | None) -> None:
    assert parse_version(text) == version


def test_capabilities() -> None:
    assert "pane_options" in missing(capabilities((2, 9, "a")))
    assert missing(capabilities((2, 5, "")))["usable"]
    assert "ignore_size" not in missing(capabilities((3, 2, "")))
    assert missing(capabilities((3, 6, ""))) == {}
    assert missing(capabilities(None)) == {}
