"""A program on a pseudo-terminal of its own: its screen, the time until it shows something, its cost."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sactui.terminal.engine import Engine

_TICKS = os.sysconf("SC_CLK_TCK")


class Program:
    """Runs ``argv`` on a pseudo-terminal; the terminal engine of the live pane reads its screen."""

    def __init__(
        self, argv: Sequence[str], *, size: tuple[int, int] = (180, 50), env: Mapping[str, str] | None = None
    ) -> None:
        self.began = time.perf_counter()
        self.first_bytes: float | None = None
        self.columns, self.rows = size
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        # Without its compiled modules a Python program starts half a second later than it does for users.
        for name in ("NO_COLOR", "TMUX", "TMUX_PANE", "PYTHONDONTWRITEBYTECODE"):
            environment.pop(name, None)
        self.engine = Engine(*size)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
            try:
                os.execvpe(argv[0], list(argv), environment)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        os.set_blocking(self.fd, False)

    # -- the screen -------------------------------------------------------------------

    def pump(self, seconds: float) -> bool:
        """Read what comes within ``seconds``, at most; True as soon as something came."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        if not data:
            return False
        if self.first_bytes is None:
            self.first_bytes = time.perf_counter() - self.began
        self.engine.feed(data)
        if answer := self.engine.replies():
            os.write(self.fd, answer)
        return True

    @property
    def text(self) -> str:
        """The screen's lines."""
        return "\n".join(self.engine.text())

    def until(self, seen: Callable[[str], object], seconds: float = 60.0) -> float | None:
        """Seconds since the start of this call until the screen is so; None when it never was."""
        began = time.perf_counter()
        while True:
            if seen(self.text):
                return time.perf_counter() - began
            left = seconds - (time.perf_counter() - began)
            if left <= 0 or not self.alive:
                return None
            self.pump(min(left, 0.25))

    def settle(self, quiet: float = 0.5, seconds: float = 10.0) -> None:
        """Read until nothing has come for ``quiet`` seconds."""
        end = time.perf_counter() + seconds
        while self.pump(quiet) and time.perf_counter() < end:
            pass

    def idle(self, seconds: float) -> None:
        """Let it run for so long, reading what it prints as a terminal would."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.pump(left)

    # -- keys -------------------------------------------------------------------------

    def press(self, keys: str) -> None:
        """Type it."""
        os.write(self.fd, keys.encode())

    def answer(self, keys: str, seconds: float = 5.0) -> float | None:
        """Seconds from a key until the first byte comes back; None without any."""
        while self.pump(0):
            pass
        began = time.perf_counter()
        self.press(keys)
        return time.perf_counter() - began if self.pump(seconds) else None

    def painted(self, keys: str, seconds: float = 5.0) -> float | None:
        """Seconds from a key until the screen's text or its colours are others; None when they stay."""
        while self.pump(0):
            pass
        before = self.engine.screen()
        began = time.perf_counter()
        self.press(keys)
        while (left := began + seconds - time.perf_counter()) > 0:
            if self.pump(left):
                at = time.perf_counter()
                if self.engine.screen() != before:
                    return at - began
        return None

    # -- what it costs -----------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def cpu(self) -> tuple[float, float]:
        """CPU seconds so far: its own (all threads), and of children that have ended."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        return own / _TICKS, children / _TICKS

    def memory(self) -> float:
        """Resident memory in MB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def close(self) -> None:
        """End it and everything in its session."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive:
                break
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                break
            end = time.perf_counter() + 5
            while self.alive and time.perf_counter() < end:
                self.pump(0.1)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
