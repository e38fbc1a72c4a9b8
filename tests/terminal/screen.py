"""The program in a real tmux: keys in, screen out, nothing waits without a limit."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

#: Labs of these tests stand apart from others of this user, so that runs side by side
#: do not end each other's. Short: it becomes part of socket paths.
LABS = Path(f"/tmp/sactui-t{os.getpid()}")


class Screen:
    """A tmux server of its own with one window of a fixed size."""

    def __init__(self, directory: Path, columns: int = 150, rows: int = 42) -> None:
        self.socket = directory / "tmux"
        self._size = ("-x", str(columns), "-y", str(rows))
        # tmux resizes nothing by itself: no client is attached.
        self._tmux = ["tmux", "-u", "-f", "/dev/null", "-S", str(self.socket)]

    def start(self, argv: list[str], environment: Mapping[str, str]) -> None:
        """Run a program; its exit status is printed as ``[ended N]`` when it ends."""
        words = [f"{key}={value}" for key, value in environment.items()]
        command = shlex.join(
            [
                "env",
                "-u",
                "TMUX",
                "-u",
                "TMUX_PANE",
                "-u",
                "COLUMNS",
                "-u",
                "LINES",
                "TERM=xterm-256color",
                *words,
                *argv,
            ]
        )
        echo = "stty -a | tr ' ' '\\n' | grep -x -e echo -e -echo"
        shell = f"{command}; printf '[ended %s]' $?; {echo}; exec sleep 3600"
        subprocess.run([*self._tmux, "new-session", "-d", *self._size, shell], check=True, timeout=10)

    def text(self) -> str:
        """What is on the screen now."""
        done = subprocess.run(
            [*self._tmux, "capture-pane", "-p"], capture_output=True, text=True, timeout=10, check=False
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True, timeout=10)

    def until(self, *wanted: str, seconds: float = 30, absent: str = "") -> str:
        """Wait until every text is on the screen (and ``absent`` is not); returns the screen."""

        def there() -> bool:
            shown = self.text()
            return all(text in shown for text in wanted) and (not absent or absent not in shown)

        wait_for(there, lambda: f"{wanted} (absent: {absent!r}) on:\n{self.text()}", seconds)
        return self.text()

    def child(self) -> int:
        """The process id of the program under the window's shell."""
        pane = subprocess.run(
            [*self._tmux, "display-message", "-p", "#{pane_pid}"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
        found = subprocess.run(
            ["pgrep", "-P", pane], capture_output=True, text=True, timeout=10, check=True
        ).stdout
        return int(found.split()[0])

    def modes(self) -> str:
        """Whether a program left the terminal in alternate screen, mouse mode or without a cursor."""
        done = subprocess.run(
            [*self._tmux, "display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout.strip()

    def kill(self) -> None:
        """End the server: the terminal disappears under the program."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=10)


def wait_for(condition: Callable[[], bool], what: Callable[[], str], seconds: float) -> None:
    """Poll a condition until a deadline; the failure shows what was there instead."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what()}")
        select_pause()


def select_pause() -> None:
    """A short breath between two looks."""
    import select

    select.select([], [], [], 0.05)


def program(*arguments: str) -> list[str]:
    """The program under test, as this interpreter runs it."""
    return [sys.executable, "-m", "sactui", *arguments]


def clean_environment(home: Path) -> dict[str, str]:
    """An environment in which nothing of the person who runs the tests shows."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "COLORTERM": "truecolor",
        "SACTUI_LAB_DIR": str(LABS),
        "SCITEX_AGENT_CONTAINER_YAML_DIRS": "",
        "SCITEX_HPC_LEASE_DIR": str(home / "leases"),
    }
