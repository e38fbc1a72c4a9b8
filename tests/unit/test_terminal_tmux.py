"""The engine against tmux itself: a real client on a pseudo-terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sactui.terminal.engine import Engine
from sactui.terminal.keys import Action, Button, Encoder, chord
from sactui.terminal.snapshot import styled

pytestmark = pytest.mark.terminal

COLUMNS, ROWS = 100, 30


class Client:
    """A tmux server with one client, whose screen is an engine."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.engine = Engine(COLUMNS, ROWS)
        self.encoder = Encoder(self.engine)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(socket.parent),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "PS1": "$ ",
        }
        leader, follower = pty.openpty()
        self.fd = leader
        self.size(COLUMNS, ROWS)
        self.process = subprocess.Popen(
            [
                "tmux",
                "-S",
                str(socket),
                "-u",
                "-f",
                "/dev/null",
                "new-session",
                "-s",
                "t",
                "bash --norc --noprofile",
            ],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=environment,
            start_new_session=True,
        )
        os.close(follower)

    def size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.engine.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        self.size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)  # the pseudo-terminal is not its controlling one

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self.socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, (what, self.engine.text())
            if select.select([self.fd], [], [], 0.02)[0]:
                self.engine.feed(os.read(self.fd, 65536))
                os.write(self.fd, self.engine.replies())

    def types(self, text: str) -> None:
        for character in text:
            os.write(self.fd, self.encoder.key(chord(character), character))

    def presses(self, *names: str) -> None:
        for name in names:
            os.write(self.fd, self.encoder.key(name))

    def same(self) -> bool:
        """Whether the engine shows what tmux says the pane holds: text, styles and cursor."""
        height = self.engine.lines - 1  # the last row is tmux's status line
        captured = self.tmux("capture-pane", "-ep")
        ours = self.engine.screen()[:height]
        theirs = styled(captured, self.engine.columns, height)
        texts = [
            [(run.text.rstrip(), run.style) for run in row if run.text.strip()] for row in (*ours, *theirs)
        ]
        place = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        self.engine.rows()
        cursor = self.engine.cursor
        return texts[:height] == texts[height:] and place == [str(cursor.x), str(cursor.y)]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    client = Client(tmp_path / "s")
    try:
        client.until(lambda: client.engine.modes.alternate_screen and client.same(), "the first screen")
        yield client
    finally:
        client.tmux("kill-server")
        client.process.wait(timeout=10)
        os.close(client.fd)
        client.encoder.close()
        client.engine.close()


def test_what_tmux_shows_is_what_we_show(client: Client) -> None:
    client.types(
        r"clear; printf '\033[1;31mred\033[0m 中文 e\u0301 \033[48;2;9;9;90mblue\033[K\n\033[0m'; seq 1 200"
    )
    client.presses("enter")
    client.until(lambda: "200" in client.engine.text() and client.same(), "coloured text")
    client.types("clear; less -R /etc/services")
    client.presses("enter")
    client.until(lambda: client.engine.modes.application_cursor and client.same(), "less")
    client.presses("pagedown", "down", "down", "up", "end")
    client.until(client.same, "less after keys")
    client.presses("q")
    client.resize(80, 24)
    client.until(
        lambda: len(client.tmux("capture-pane", "-p").splitlines()) == 23 and client.same(), "a new size"
    )


def test_keys_arrive_as_what_they_are(client: Client) -> None:
    client.types("clear; echo ready; exec cat -v")
    client.presses("enter")
    client.until(lambda: client.engine.text()[0] == "ready", "cat")
    expected = {
        "up": "^[[A", "ctrl+up": "^[[1;5A", "alt+a": "^[a", "f5": "^[[15~", "shift+tab": "^[[Z",
        "ctrl+right_square_bracket": "^]", "delete": "^[[3~", "ctrl+space": "^@",
    }  # fmt: skip
    for name in expected:
        client.presses(name, "space")
    client.presses("enter")
    line = " ".join(expected.values())
    client.until(lambda: line in client.engine.text(), "the keys as cat shows them")


def test_a_click_selects_the_pane_under_it(client: Client) -> None:
    client.tmux("set-option", "-g", "mouse", "on")
    client.tmux("split-window", "-h")
    client.until(lambda: client.engine.modes.mouse_sgr, "tmux wants the mouse")
    client.until(lambda: client.tmux("display-message", "-p", "#{pane_index}") == "1\n", "the new pane")
    for action in (Action.PRESS, Action.RELEASE):
        os.write(client.fd, client.encoder.mouse(action, Button.LEFT, 2, 3))
    client.until(
        lambda: client.tmux("display-message", "-p", "#{pane_index}") == "0\n", "the pane that was clicked"
    )


def test_a_paste_is_one_piece(client: Client) -> None:
    client.until(lambda: client.engine.modes.bracketed_paste, "tmux marks pastes")
    os.write(client.fd, client.encoder.paste("echo one\necho two"))
    client.until(lambda: any("echo two" in line for line in client.engine.text()), "the paste")
    assert "one" not in client.engine.text()  # nothing ran
