"""Agents from the command line: exact names, restart, typing, logs as they were printed, no secret in ps.

Defects of the reference that are shown not to be here, by number (its own list): 1 prefixes of
names, 13 a start that is believed, 14 logs that lose or count wrongly, 6 a stop that is believed
while SSH is down, 26 two starts at once.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sactui.lab import Lab
from sactui.lab.faults import wait_until

from .test_cli import Cli, booked
from .test_slice import define

pytestmark = pytest.mark.lab

_ECHO = ["sh", "-c", 'echo "[info] ready [/tmp/x]"; while read -r line; do echo "got <$line>"; done']


@pytest.fixture
def cli(mended: Lab, tmp_path: Path) -> Iterator[Cli]:
    one = Cli(mended, tmp_path)
    one.environment["SCITEX_AGENT_CONTAINER_REGISTRY_DIR"] = str(tmp_path / "registry")
    yield one
    mended.faults.restore()
    for job in mended.slurm("squeue", "-h", "-o", "%A").split():
        mended.slurm("scancel", job)


def states(cli: Cli, *agents: str) -> dict[str, str]:
    return {agent["name"]: agent["state"] for agent in cli.json("agents", *agents)}


def test_names_are_exact_and_agents_are_restarted_and_typed_into(cli: Cli) -> None:
    for name in ("ref1", "ref10"):
        define(cli.home, name, _ECHO)
    agents = ("--agents", str(cli.home / "agents"))
    booked(cli)

    cli("start", "ref10", "--yes", *agents)
    assert states(cli, *agents)["ref1"] == "stopped"
    cli("logs", "ref1", *agents, expect=1)
    (started,) = cli.json("start", "ref1", "--yes", *agents)
    assert started["message"] == "ref1 is running", "ref10 was not taken for it"
    assert {path.stem for path in (cli.home / "registry").glob("*.json")} == {"ref1", "ref10"}

    # What is typed arrives as it is, and only on the screen that was meant.
    text = "a 'b' \"c\" $HOME `id` \\ é; [red]x[/red]"
    sent = cli.json("send", "ref10", text, *agents)
    assert (sent["result"], sent["hash"]) == ("done", sent["evidence"])
    wait_until(lambda: f"got <{text}>" in cli("logs", "ref10", *agents).stdout, "what was typed", 60)
    assert text not in cli("logs", "ref1", *agents).stdout
    other = cli.json("send", "ref10", "never", "--expect-hash", "1-1", *agents, expect=1)
    assert "nothing was typed" in other["message"]
    assert cli.json("send", "ref10", "again", "--expect-hash", other["hash"], *agents)["result"] == "done"
    assert "never" not in cli("logs", "ref10", *agents).stdout
    audit = (cli.home / "state" / "sactui" / "audit.jsonl").read_text()
    assert "`id`" not in audit
    assert '"action": "send"' in audit

    lines = cli("logs", "ref1", *agents).stdout
    assert "[info] ready [/tmp/x]" in lines

    before = {a["name"]: a["pane"] for a in cli.json("agents", *agents)}
    assert "Restart ref1" in cli("restart", "ref1", "--dry-run", *agents).stderr
    (again,) = cli.json("restart", "ref1", "--yes", *agents)
    assert again["result"] == "done"
    after = {a["name"]: a["pane"] for a in cli.json("agents", *agents)}
    assert after["ref1"] != before["ref1"]
    assert after["ref10"] == before["ref10"]

    cli("stop", "ref1", "--yes", *agents)
    assert {a["name"]: a["pane"] for a in cli.json("agents", *agents)} == {
        "ref1": None,
        "ref10": before["ref10"],
    }
    assert {path.stem for path in (cli.home / "registry").glob("*.json")} == {"ref10"}
    assert cli.json("reservations")[0]["state"] == "running"

    # Two consoles start the same agent at once: one session, and both are told the truth.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        both = [pool.submit(cli.json, "start", "ref1", "--yes", *agents) for _ in range(2)]
        messages = sorted(future.result()[0]["message"] for future in both)
    assert all(message.startswith("ref1 ") for message in messages)
    sessions = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert sessions.count("sac-ref1 ") <= 1

    # SSH is down: nothing is claimed.
    cli.lab.faults.kill("login1")
    done = cli("stop", "ref1", "--yes", *agents, expect=4)
    assert "stopped" not in done.stdout
    cli.lab.faults.restore()
    wait_until(
        lambda: any(a["name"] == "ref1" and a["pane"] for a in cli.json("agents", *agents)), "ref1", 60
    )


def test_an_agent_is_told_its_first_words_once_it_is_ready(cli: Cli) -> None:
    program = 'echo one; sleep 1; echo ready 7; while read -r l; do echo "got <$l>"; done'
    define(cli.home, "told", ["sh", "-c", program])
    path = cli.home / "agents" / "told" / "told.yaml"
    words = ['do `id` "now"', "and [red]then[/red]"]
    path.write_text(
        path.read_text()
        + "  startup:\n    ready_patterns: ['ready [0-9]']\n    ready_poll_interval_seconds: 0.1\n"
        + f"    commands: {json.dumps(words)}\n"
    )
    agents = ("--agents", str(cli.home / "agents"))
    booked(cli)
    assert "no effect" not in cli("validate", str(cli.home / "agents")).stdout
    cli("start", "told", "--yes", *agents)
    for text in words:
        wait_until(lambda text=text: f"got <{text}>" in cli("logs", "told", *agents).stdout, text, 60)  # type: ignore[misc]
    shown = cli("logs", "told", *agents).stdout.splitlines()
    assert shown.index("ready 7") < shown.index(f"got <{words[0]}>") < shown.index(f"got <{words[1]}>")
    run = cli.lab.layout.home / ".sactui" / "run"
    assert not list(run.glob("*.say")), "its file is gone"


def test_a_log_is_followed_until_it_is_left(cli: Cli) -> None:
    define(cli.home, "ticker", ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done"])
    agents = ("--agents", str(cli.home / "agents"))
    booked(cli)
    cli("start", "ticker", "--yes", *agents)
    process = subprocess.Popen(
        [sys.executable, "-m", "sactui", "logs", "ticker", "-f", "-n", "2", *agents],
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    seen = [int(process.stdout.readline().split()[1]) for _ in range(20)]
    process.terminate()
    process.stdout.close()
    process.wait(timeout=60)
    assert seen == list(range(seen[0], seen[0] + 20)), "no line is lost or shown twice"


def test_a_program_that_is_not_there_is_no_success_and_a_secret_is_in_no_argument_list(cli: Cli) -> None:
    secret = "s3cr3t-0f-the-agent"
    define(cli.home, "nowhere", ["/nowhere/claude"])
    path = cli.home / "agents" / "nowhere" / "nowhere.yaml"
    path.write_text(
        path.read_text().replace("spec:\n", f"spec:\n  env: {{TOKEN: {json.dumps(secret)}}}\n", 1)
    )
    agents = ("--agents", str(cli.home / "agents"))
    booked(cli)
    leaks: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    words = Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:
                    continue
                if secret.encode() in words:
                    leaks.append(words[:120].decode(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        done = cli("start", "nowhere", "--yes", *agents, expect=1)
    finally:
        over.set()
        watcher.join()
    assert leaks == []
    assert "exit 127" in done.stderr
    assert "/nowhere/claude" in done.stderr
    assert not (cli.home / "registry").exists()
