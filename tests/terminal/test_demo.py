"""``sactui demo`` in a real tmux, driven by the keys it shows, and ended in every way."""

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
from collections.abc import Iterator
from pathlib import Path

import pytest

from sactui.lab import sweep

from .screen import LABS, Screen, clean_environment, program, wait_for

pytestmark = pytest.mark.terminal


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    made = Screen(tmp_path)
    yield made
    made.kill()
    wait_for(lambda: not labs(), lambda: f"still there: {labs()}", 10)


def start_demo(screen: Screen, tmp_path: Path) -> Path:
    """Start the demo, wait for live data; returns the directory of its lab."""
    assert labs() == set()
    screen.start(program("demo"), clean_environment(tmp_path / "home"))
    screen.until("dev-pool", "trainer", "reviewer", "docs", "calls/min", seconds=60)
    (directory,) = labs()
    return directory


def labs() -> set[Path]:
    return {path for path in LABS.glob("demo*") if path.is_dir()}


def steps(directory: Path) -> str:
    """The steps of all jobs of the lab."""
    environment = {**os.environ, "SLURM_CONF": str(directory / "slurm.conf")}
    done = subprocess.run(
        ["squeue", "-s", "-h", "-o", "%i %j"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout


def gone(directory: Path) -> bool:
    return not sweep.members(directory) and not directory.exists()


def test_the_whole_round_by_keys_only(screen: Screen, tmp_path: Path) -> None:
    lab = start_demo(screen, tmp_path)
    screen.until("? 1 asking")

    screen.press("n")  # the footer says: next asking
    screen.until("Do you want to proceed?")
    screen.press("a")
    screen.until("ctrl+] leaves", "Do you want to proceed?")
    screen.press("1")  # the agent gets the key, and goes on
    screen.until("ctrl+] leaves", absent="Do you want to proceed?")
    screen.press("C-]")
    screen.until("RESERVATIONS")
    # Nothing of the attach stays: no step besides the console's own channel, no client.
    wait_for(lambda: "tmux" not in steps(lab), lambda: steps(lab), 15)

    screen.press("l")
    screen.until("reviewer · log · following")
    screen.press("Escape")
    screen.until("RESERVATIONS")

    screen.press("X")
    screen.until("Stop reviewer", "kill-session -t =sac-reviewer")
    screen.press("Enter")
    screen.until("reviewer is stopped")
    screen.until("□ reviewer")
    screen.press("s")
    screen.until("Start reviewer in dev-pool")
    screen.press("Enter")
    screen.until("reviewer is running")
    screen.until("reviewer", absent="□ reviewer")

    screen.press("A")
    screen.until("ctrl+q leaves", absent="RESERVATIONS")
    # Long enough for a console that went on painting to fill its queue and stand still.
    began = time.monotonic()
    wait_for(lambda: time.monotonic() > began + 45, screen.text, 60)
    screen.press("C-q")
    screen.until("RESERVATIONS", "left reviewer")

    screen.press("b")
    screen.until("Book a reservation", "dev-pool-2")
    # One after the other, as a person does: Textual handles a text key before an editing
    # key that came just ahead of it.
    screen.press("C-u")
    screen.until("Book a reservation", absent="dev-pool-2")
    screen.press("pool2")
    screen.until("name         pool2")
    screen.press("Enter")
    screen.until("Book pool2 on demo", "sbatch")
    screen.press("Enter")
    screen.until("pool2 is job")
    wait_for(lambda: screen.text().count("● running") >= 4, screen.text, 20)

    screen.press("1", "j", "R")
    screen.until("Release pool2", "scancel")
    screen.press("Enter")
    screen.until("pool2 is released", seconds=40)

    screen.press("q")
    screen.until("[ended 0]")
    assert screen.modes() == "0 0 1"
    wait_for(lambda: gone(lab), lambda: f"{sweep.members(lab)} of {lab}", 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal_and_leaves_nothing(
    screen: Screen, tmp_path: Path, number: int
) -> None:
    lab = start_demo(screen, tmp_path)
    os.kill(screen.child(), number)
    shown = screen.until("[ended", seconds=15)
    assert f"[ended {128 + number}]" in shown
    assert screen.modes() == "0 0 1"
    assert "\necho" in shown.replace("]echo", "]\necho")
    wait_for(lambda: gone(lab), lambda: f"{sweep.members(lab)} of {lab}", 5)


def test_a_signal_while_attached_full_screen_restores_the_terminal(screen: Screen, tmp_path: Path) -> None:
    lab = start_demo(screen, tmp_path)
    screen.until("? 1 asking")
    screen.press("n", "A")
    screen.until("ctrl+q leaves", absent="RESERVATIONS")
    os.kill(screen.child(), signal.SIGTERM)
    screen.until(f"[ended {128 + signal.SIGTERM}]", seconds=15)
    assert screen.modes() == "0 0 1"
    wait_for(lambda: gone(lab), lambda: f"{sweep.members(lab)} of {lab}", 5)


def test_a_killed_demo_leaves_nothing_within_five_seconds(screen: Screen, tmp_path: Path) -> None:
    lab = start_demo(screen, tmp_path)
    os.kill(screen.child(), signal.SIGKILL)
    wait_for(lambda: gone(lab), lambda: f"{sweep.members(lab)} of {lab}", 5)


@pytest.mark.parametrize(
    ("key", "shows"),
    [("", ""), ("b", "Book a reservation"), ("a", "ctrl+] leaves"), ("A", "ctrl+q leaves")],
    ids=["fleet", "dialog", "pane", "full-screen"],
)
def test_a_vanished_terminal_leaves_nothing_within_five_seconds(
    screen: Screen, tmp_path: Path, key: str, shows: str
) -> None:
    lab = start_demo(screen, tmp_path)
    if key:
        screen.until("? 1 asking")
        screen.press("n", key)
        screen.until(shows)
    child = screen.child()
    screen.kill()
    wait_for(lambda: gone(lab), lambda: f"{sweep.members(lab)} of {lab}", 5)
    wait_for(lambda: not Path(f"/proc/{child}").exists(), lambda: f"the demo {child} is still there", 5)


def test_a_terminal_that_vanishes_without_a_signal_leaves_nothing_within_five_seconds(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    # A session of its own has no controlling terminal: nobody sends it SIGHUP.
    demo = subprocess.Popen(
        program("demo"),
        env={**os.environ, **clean_environment(tmp_path / "home"), "TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    drawn = bytearray()

    def live() -> bool:
        while select.select([master], [], [], 0)[0]:
            drawn.extend(os.read(master, 65536))
        return b"reviewer" in drawn and b"calls/min" in drawn

    try:
        wait_for(live, lambda: bytes(drawn[-2000:]).decode("utf-8", "replace"), 60)
        (lab,) = labs()
        os.close(master)
        wait_for(lambda: gone(lab), lambda: f"{sweep.members(lab)} of {lab}", 5)
        demo.wait(5)
    finally:
        demo.kill()
        demo.wait()
