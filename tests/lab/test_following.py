"""Following a fleet from the command line: explain, wait and events, on a real cluster."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sactui.lab import Lab

from .test_cli import Cli, booked
from .test_slice import define

pytestmark = pytest.mark.lab

#: Looks like Claude Code while it asks, works on after any line, and ends with "bye".
_ASKER = r"""
ask() { printf ' Bash command\n\n   rm -rf build/\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. No (esc)\n'; }
ask
while read -r line; do
  printf '\033[2J\033[H'
  if [ "$line" = bye ]; then exit 3; fi
  echo working
done
"""


class Follower:
    """A command that runs on, and the JSON lines it prints."""

    def __init__(self, cli: Cli, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sactui", *words],
            env=cli.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next line that is wanted; fails after a minute without it."""
        seen = []
        while True:
            try:
                line = self._lines.get(timeout=60)
            except queue.Empty:
                pytest.fail(f"never came; seen: {seen}")
            if wanted(line):
                return line
            seen.append(line)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=60)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@pytest.fixture
def cli(lab: Lab, tmp_path: Path) -> Iterator[Cli]:
    config = tmp_path / "config" / "sactui"
    config.mkdir(parents=True)
    (config / "config.yaml").write_text("interval: 2\n")
    yield Cli(lab, tmp_path)
    for job in lab.slurm("squeue", "-h", "-o", "%A").split():
        lab.slurm("scancel", job)


def about(name: str, after: str | None) -> Callable[[dict[str, Any]], bool]:
    return lambda line: (line.get("name"), line.get("after", "")) == (name, after)


def test_a_fleet_is_followed_from_its_first_agent_to_the_release(cli: Cli) -> None:
    program = cli.home / "claude"
    program.write_text("#!/bin/sh\n" + _ASKER)
    program.chmod(0o755)
    define(cli.home, "asker", [str(program)])
    agents = ("--agents", str(cli.home / "agents"))
    booked(cli)
    events = Follower(cli, "events", "--json", *agents)
    try:
        begin = events.until(lambda line: line["kind"] == "begin")
        assert begin["hosts"] == [cli.lab.alias]
        assert begin["observed_at"]

        cli("start", "asker", "--yes", *agents)
        asking = events.until(about("asker", "asking"))
        assert (asking["kind"], asking["host"], asking["weight"]) == ("agent", cli.lab.alias, "needs you")
        assert asking["why"] == "may I run: rm -rf build/"
        assert asking["source"] == "look"

        reached = cli.json("wait", "asker", "--until", "idle,asking", *agents)
        assert (reached["reached"], reached["state"]) == (True, "asking")
        late = cli.json("wait", "asker", "--until", "idle", "--timeout", "3", *agents, expect=4)
        assert (late["reached"], late["state"]) == (False, "asking")

        why = cli.json("explain", "asker", *agents)
        assert [item["source"] for item in why["chain"]][:2] == ["slurm", "tmux"]
        assert (why["state"], why["layer"], why["stale"]) == ("asking", "screen", False)
        said = cli("explain", "asker", *agents).stdout
        assert said.startswith("asker is asking")
        assert "rule claude/permission" in said

        cli("stop", "asker", "--yes", *agents)
        assert events.until(about("asker", "stopped"))["before"] == "asking"
        gone = cli.json("wait", "asker", "--until", "working", *agents, expect=1)
        assert (gone["reached"], gone["state"]) == (False, "stopped")
        assert cli.json("wait", "asker", "--until", "ended", *agents)["reached"]

        cli("reservations", "release", "pool", "--yes")
        events.until(lambda line: line["kind"] == "reservation" and line["after"] is None)
    finally:
        status = events.end()
    assert status == 0


def test_what_cannot_be_waited_for_is_said(cli: Cli) -> None:
    define(cli.home, "asker", ["true"])
    agents = ("--agents", str(cli.home / "agents"))
    assert "'busy' is not a state" in cli("wait", "asker", "--until", "busy", *agents, expect=2).stderr
    host = ("--host", cli.lab.alias)
    assert "known agents: asker" in cli("wait", "nobody", "--until", "idle", *host, *agents, expect=1).stderr
    assert "--kind" in cli("events", "--kind", "cat", expect=2).stderr


def test_a_saved_screen_is_judged_without_any_host(cli: Cli) -> None:
    screen = cli.home / "screen.txt"
    screen.write_text(
        " Bash command\n\n   rm -rf build/\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. No (esc)\n"
    )
    judged = cli.json("explain", "--screen", str(screen))
    assert (judged["state"], judged["rule"], judged["why"]) == (
        "asking",
        "claude/permission",
        "may I run: rm -rf build/",
    )
    assert judged["line"] == 5
    assert "asking: may I run" in cli("explain", "--screen", str(screen)).stdout
    assert "cannot be read" in cli("explain", "--screen", str(screen) + "x", expect=2).stderr
    assert "known:" in cli("explain", "--screen", str(screen), "--program", "x", expect=2).stderr
    assert "explain needs" in cli("explain", expect=2).stderr
