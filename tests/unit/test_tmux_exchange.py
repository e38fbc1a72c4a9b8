from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.pane import Server
from sactui.errors import ProtocolError, Refused, TmuxError
from sactui.tmux import commands, exchange

TOKEN = "zTabcdef"
QUESTION = exchange.build("sac-5", token=TOKEN)
FIELDS = "{id}|0|17378|0|||80|24|0|1795240450|1795240440|0|0|999|3.3a|working|1795240449|a|sac-a|claude|title"


def pane(pane_id: str) -> str:
    return f"{TOKEN}p " + FIELDS.format(id=pane_id).replace("|", f"{TOKEN}f") + f"{TOKEN}e\n"


def shot(pane_id: str, screen: str) -> str:
    return f"{TOKEN}c {pane_id}\n{screen}\n{TOKEN}d\n"


def answer(listed: str = "", shots: str = "", env: str = "SLURM_JOB_ID=5") -> bytes:
    return f"{TOKEN}b 1795240451\n{TOKEN}l\n{listed}{env}\n{TOKEN}m\n{shots}{TOKEN}z\n".encode(
        "utf-8", "surrogateescape"
    )


def test_a_server_with_panes_and_screens() -> None:
    server = exchange.parse(
        answer(pane("%4") + pane("%5"), shot("%4", "$ hi\n\n") + shot("%5", "")), QUESTION
    )
    assert (server.socket, server.job_id, server.pid, server.version, server.now) == (
        "sac-5",
        5,
        999,
        "3.3a",
        1795240451.0,
    )
    assert [each.pane_id for each in server.panes] == ["%4", "%5"]
    assert server.screens == {"%4": "$ hi\n\n", "%5": ""}


def test_a_screen_that_was_cut_when_its_pane_vanished_is_no_empty_screen() -> None:
    cut = f"{TOKEN}c %4\n" + shot("%5", "there")
    assert exchange.parse(answer(pane("%4") + pane("%5"), cut), QUESTION).screens == {"%5": "there"}


def test_what_a_screen_shows_is_no_frame() -> None:
    screen = f"ps: sh -c {TOKEN}d\n {TOKEN}c %5\nzT000000c %5\n{TOKEN}z x"
    server = exchange.parse(answer(pane("%4") + pane("%5"), shot("%4", screen)), QUESTION)
    assert server.screens == {"%4": screen}


def test_a_server_that_does_not_know_its_job() -> None:
    assert exchange.parse(answer(pane("%4"), env="unknown variable: SLURM_JOB_ID"), QUESTION).job_id is None
    assert exchange.parse(answer(pane("%4"), env="-SLURM_JOB_ID"), QUESTION).job_id is None


def test_a_server_without_sessions() -> None:
    server = exchange.parse(answer("no current target\n"), QUESTION)
    assert (server.job_id, server.panes) == (5, ())


def test_no_server_no_tmux_other_errors() -> None:
    with pytest.raises(TmuxError, match="there is no tmux server sac-5"):
        exchange.parse(answer(env="error connecting to /tmp/x (No such file or directory)"), QUESTION)
    with pytest.raises(TmuxError, match="no tmux on the node"):
        exchange.parse(f"{TOKEN}b 1795240451\n{TOKEN}x\n{TOKEN}z\n".encode(), QUESTION)
    with pytest.raises(TmuxError, match="another version"):
        exchange.parse(answer(env="protocol version mismatch (client 8, server 7)"), QUESTION)
    with pytest.raises(TmuxError, match=r"said: \\e\[31mlost server"):
        exchange.parse(answer(env="\x1b[31mlost server"), QUESTION)


def test_a_pane_that_cannot_be_read_spoils_the_answer() -> None:
    with pytest.raises(ProtocolError, match="could not be read"):
        exchange.parse(answer(pane("4")), QUESTION)


WHOLE = answer(pane("%4") + pane("%5"), shot("%4", "one\n") + shot("%5", "two"))


@given(st.integers(0, len(WHOLE) - 2))
def test_cut_anywhere_it_is_an_error(at: int) -> None:
    with pytest.raises(ProtocolError):
        exchange.parse(WHOLE[:at], QUESTION)


@given(
    st.binary()
    | st.lists(st.sampled_from([f"{TOKEN}{c}" for c in "bplfemcdzx"] + [" ", "\n", "%4", "1795240451"])).map(
        lambda parts: "".join(parts).encode()
    )
)
def test_any_answer_is_a_server_or_an_error(data: bytes) -> None:
    try:
        server = exchange.parse(data, QUESTION)
    except (ProtocolError, TmuxError):
        return
    assert server.now > 0


def test_only_wanted_panes() -> None:
    assert "%4|%5) ;;" in exchange.build("s", ["%4", "%5"]).script
    assert "capture-pane" not in exchange.build("s", []).script
    assert "capture-pane -p -e -S -30 " in exchange.build("s", history=30, colours=True).script
    with pytest.raises(Refused):
        exchange.build("s", ["%4) rm"])
    with pytest.raises(Refused):
        exchange.build("s; rm")
    assert exchange.build("s").token != exchange.build("s").token


# -- with a real tmux ---------------------------------------------------------------------


def ask(question: exchange.Question, environment: dict[str, str], shell: str = "/bin/sh") -> bytes:
    done = subprocess.run(
        [shell, "-c", question.script],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=True,
    )
    return done.stdout


@pytest.fixture
def node(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a node with its own tmux directory; its server is ended behind."""
    environment = {
        "PATH": os.environ["PATH"],
        "TMUX_TMPDIR": str(tmp_path),
        "SLURM_JOB_ID": "77",
        "LC_ALL": "C.UTF-8",
    }
    yield environment
    subprocess.run([*commands.base("t"), "kill-server"], env=environment, capture_output=True, check=False)


def run(argv: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, check=True, timeout=30
    ).stdout.strip()


@pytest.mark.lab
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_real_server(node: dict[str, str], shell: str) -> None:
    with pytest.raises(TmuxError, match="there is no tmux server"):
        _asked("t", node, shell)
    script = (
        "printf 'h\\303\\251llo \\342\\227\\217\\n\\377\\n'; printf '\\033]2;evil title\\007'; exec sleep 600"
    )
    run([*commands.base("t"), "-f", "/dev/null", "new-session", "-d", "-s", "_root", "sleep 600"], node)
    first = run(commands.new_session("t", "a", ["sh", "-c", script], columns=60, rows=5), node)
    second = run(commands.new_session("t", "a1", ["sleep", "600"], columns=60, rows=5), node)
    hostile = "wor\nking\x1f#{pane_id}|" + "x" * 100
    run(commands.set_pane_option("t", second, "@sactui_state", hostile), node)
    run(commands.set_pane_option("t", second, "@sactui_agent", "a1"), node)
    deadline = time.monotonic() + 20
    while True:
        server = _asked("t", node, shell)
        if "llo" in server.screens.get(first, "") or time.monotonic() > deadline:
            break
    panes = {each.pane_id: each for each in server.panes}
    assert server.job_id == 77
    assert server.screens[first].startswith("héllo ●\n")
    assert server.screens[first].count("\n") == 4
    assert panes[first].session == "sac-a"
    assert panes[first].title == "evil title"
    assert panes[second].label == "a1"
    assert panes[second].report == ("wor_king__" + "_pane_id__" + "x" * 100)[:60]
    # Exact names: ending a does not end a1.
    run(commands.kill_session("t", "a"), node)
    assert {each.session for each in _asked("t", node, shell).panes} == {"_root", "sac-a1"}
    assert set(_asked("t", node, shell, [second]).screens) == {second}


def _asked(socket: str, node: dict[str, str], shell: str, pane_ids: list[str] | None = None) -> Server:
    question = exchange.build(socket, pane_ids)
    return exchange.parse(ask(question, node, shell), question)


@pytest.mark.lab
def test_a_screen_that_stands_still_is_not_sent_again(node: dict[str, str]) -> None:
    program = "while read -r l; do echo got $l; done"
    run([*commands.base("t"), "-f", "/dev/null", "new-session", "-d", "-s", "_root", "sleep 600"], node)
    quiet = run(commands.new_session("t", "a", ["sh", "-c", program], columns=60, rows=5), node)
    run(commands.send_text("t", quiet, "one"), node)
    run(commands.send_keys("t", quiet, ["Enter"]), node)

    def look(known: Server | None) -> tuple[Server, bytes]:
        question = exchange.build("t", known=known)
        answer = ask(question, node)
        return exchange.parse(answer, question), answer

    deadline = time.monotonic() + 60
    known, answer = look(None)
    while (b"got one" in answer or "got one" not in known.screens[quiet]) and time.monotonic() < deadline:
        known, answer = look(known)
    assert b"got one" not in answer, "it stands still: nothing of it was sent"
    assert "got one" in known.screens[quiet]
    # It moves: what is new is there with the next look, as on a fresh one.
    run(commands.send_text("t", quiet, "two"), node)
    run(commands.send_keys("t", quiet, ["Enter"]), node)
    while "got two" not in known.screens[quiet] and time.monotonic() < deadline:
        known, answer = look(known)
    assert known.screens[quiet] == look(None)[0].screens[quiet]
    assert b"got two" in answer
    # A session that is gone takes its screen along.
    run(commands.kill_session("t", "a"), node)
    assert quiet not in look(known)[0].screens
