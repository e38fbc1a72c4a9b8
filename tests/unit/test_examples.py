"""The examples are loaded, and the stand-in agent is run in a real tmux and judged by the real rules."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sactui.domain.screen import ScreenVerdict, judge, program_of
from sactui.domain.state import AgentState
from sactui.spec.discovery import discover
from sactui.spec.rules import load_rules

AGENTS = Path(__file__).resolve().parents[2] / "examples" / "agents"
STAND_IN = AGENTS / "_stand_in" / "stand_in.py"
RULES = load_rules()
DEADLINE = 30.0  # seconds, for a busy machine; nothing waits that long by plan

CATALOGUE = discover([AGENTS])
NAMES = [one.name for one in CATALOGUE.definitions]


def test_every_example_is_valid_and_has_no_key_without_effect() -> None:
    assert CATALOGUE.problems == ()
    directories = sorted(path.name for path in AGENTS.iterdir() if not path.name.startswith(("_", ".")))
    assert directories == NAMES
    assert {one.name: one.notes for one in CATALOGUE.definitions} == dict.fromkeys(NAMES, ())


def test_the_examples_show_every_form() -> None:
    by_name = {one.name: one for one in CATALOGUE.definitions}
    assert {one.runtime for one in CATALOGUE.definitions} == {"slurm", "slurm-tenant"}
    assert {one.slurm.reservation for one in CATALOGUE.definitions} == {"", "dev-pool", "gpu-pool"}
    assert by_name["claude-plain"].command is None
    assert by_name["claude-plain"].claude.flags
    assert by_name["solo"].slurm.time_limit == "0-04:00:00"


@pytest.mark.parametrize("name", NAMES)
def test_an_example_starts_with_a_comment_that_explains_it(name: str) -> None:
    assert (AGENTS / name / f"{name}.yaml").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize(
    "definition", [one for one in CATALOGUE.definitions if one.command], ids=lambda one: one.name
)
def test_a_command_of_an_example_leads_to_the_stand_in(definition: object) -> None:
    command, path = getattr(definition, "command", ()), getattr(definition, "path", "")
    words = [word.replace("${SACTUI_AGENT_DIR}", str(Path(path).parent)) for word in command]
    assert Path(words[1]).resolve() == STAND_IN
    assert program_of(command, RULES) == "claude"
    shown = subprocess.run([sys.executable, *words[1:], "--help"], capture_output=True, text=True, check=True)
    assert "--play" in shown.stdout
    assert words[words.index("--play") + 1] in shown.stdout


def test_the_stand_in_needs_nothing_newer_than_the_oldest_python_on_a_node() -> None:
    tree = ast.parse(STAND_IN.read_text(encoding="utf-8"), feature_version=(3, 6))
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names)
    assert "__future__" not in imported  # "annotations" came with 3.7


# -- in a real tmux ------------------------------------------------------------------------------


class Tmux:
    """A private tmux server with one stand-in agent."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def run(self, *words: str) -> str:
        environment = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")}
        command = ["tmux", "-u", "-f", "/dev/null", "-S", str(self.socket), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, timeout=20
        )
        return done.stdout

    def start(self, play: str, *, columns: int = 100, speed: float = 4.0, more: str = "") -> None:
        command = f"{sys.executable} {STAND_IN} --play {play} --speed {speed} --seed 3 {more}"
        words = ["new-session", "-d", "-s", "agent", "-x", str(columns), "-y", "30", command]
        self.run("start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";", *words)

    def keys(self, *keys: str) -> None:
        self.run("send-keys", "-t", "=agent:", *keys)

    def screen(self) -> str:
        return self.run("capture-pane", "-p", "-t", "=agent:")

    def show(self, form: str) -> str:
        return self.run("display-message", "-p", "-t", "=agent:", form).strip()

    def judged(self) -> ScreenVerdict:
        return judge(self.screen(), RULES, "claude")

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, f"it did not come to that:\n{self.screen()}"
            time.sleep(0.05)

    def until_state(self, state: AgentState) -> ScreenVerdict:
        self.until(lambda: self.judged().state is state)
        return self.judged()

    def until_exit(self) -> int:
        self.until(lambda: self.show("#{pane_dead}") == "1")
        # tmux 3.3 can miss the end of a program until another child of the server ends.
        self.run("run-shell", "true")
        self.until(lambda: self.show("#{pane_dead_status}") != "")
        return int(self.show("#{pane_dead_status}"))


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    with tempfile.TemporaryDirectory(prefix="stand-in-") as directory:
        server = Tmux(Path(directory) / "socket")
        try:
            yield server
        finally:
            server.run("kill-server")


@pytest.mark.terminal
@pytest.mark.parametrize("columns", [100, 22])
@pytest.mark.parametrize(
    ("play", "states"),
    [
        ("works", [AgentState.WORKING, AgentState.IDLE, AgentState.WORKING]),
        ("asks", [AgentState.ASKING]),
        ("idle", [AgentState.IDLE]),
        ("limited", [AgentState.LIMITED]),
        ("wide", [AgentState.WORKING, AgentState.IDLE]),
        ("retries", [AgentState.WORKING, AgentState.RETRYING]),
    ],
)
def test_each_play_is_judged_as_what_it_plays(
    tmux: Tmux, play: str, states: list[AgentState], columns: int
) -> None:
    tmux.start(play, columns=columns, speed=6)
    for state in states:
        tmux.until_state(state)


@pytest.mark.terminal
def test_the_crash_leaves_a_traceback_and_status_3(tmux: Tmux) -> None:
    tmux.start("crashes", speed=20)
    assert tmux.until_exit() == 3
    assert "AttributeError: 'NoneType'" in tmux.screen()


@pytest.mark.terminal
@pytest.mark.parametrize(
    ("keys", "ran"),
    [
        (("1",), True),
        (("Enter",), True),
        (("Down", "Down", "Enter"), False),
        (("3",), False),
        (("Escape",), False),
    ],
)
def test_it_acts_on_the_answer(tmux: Tmux, keys: tuple[str, ...], ran: bool) -> None:
    tmux.start("asks")
    asked = tmux.until_state(AgentState.ASKING)
    command = asked.fact("command")
    assert asked.why == f"may I run: {command}"
    tmux.keys(*keys)
    tmux.until(lambda: f"⏺ Bash({command})" in tmux.screen())
    if ran:
        tmux.until(lambda: "(No output)" in tmux.screen())
    else:
        tmux.until_state(AgentState.IDLE)
        assert "Interrupted · What should Claude do instead?" in tmux.screen()


@pytest.mark.terminal
def test_it_does_what_it_is_told_and_leaves_on_request(tmux: Tmux) -> None:
    tmux.start("idle")
    tmux.until_state(AgentState.IDLE)
    tmux.keys("-l", "fix the parser")
    tmux.until(lambda: "❯ fix the parser" in tmux.screen())
    tmux.keys("Enter")
    tmux.until_state(AgentState.WORKING)
    tmux.until(lambda: "⏺ Done: fix the parser." in tmux.screen())
    tmux.until_state(AgentState.IDLE)
    tmux.keys("-l", "/exit")
    tmux.keys("Enter")
    assert tmux.until_exit() == 0


@pytest.mark.terminal
def test_ctrl_c_interrupts_and_twice_ends(tmux: Tmux) -> None:
    tmux.start("works", speed=1)
    tmux.until_state(AgentState.WORKING)
    tmux.keys("C-c")
    tmux.until(lambda: "Interrupted" in tmux.screen())
    assert tmux.judged().state is AgentState.IDLE
    tmux.keys("C-c", "C-c")
    assert tmux.until_exit() == 0


@pytest.mark.terminal
def test_pasted_text_is_typed_and_not_submitted(tmux: Tmux) -> None:
    tmux.start("idle")
    tmux.until_state(AgentState.IDLE)
    tmux.run("set-buffer", "one\ntwo", ";", "paste-buffer", "-p", "-t", "=agent:")
    tmux.until(lambda: "❯ one two" in tmux.screen())


@pytest.mark.terminal
def test_it_redraws_in_place_when_its_window_changes(tmux: Tmux) -> None:
    tmux.start("idle", columns=100)
    tmux.until_state(AgentState.IDLE)
    for columns in (60, 140, 24):
        tmux.run("resize-window", "-t", "=agent:", "-x", str(columns), "-y", "20")
        tmux.until(lambda columns=columns: "─" * columns in tmux.screen().split("\n"))
        tmux.until_state(AgentState.IDLE)
        assert sum(line.startswith("❯") and len(line) == 1 for line in tmux.screen().split("\n")) == 1


@pytest.mark.terminal
def test_it_reports_its_state_to_tmux(tmux: Tmux) -> None:
    tmux.start("asks", more="--report")
    tmux.until(lambda: tmux.show("#{@sactui_state}") == "asking")
    assert abs(int(tmux.show("#{@sactui_at}")) - time.time()) < DEADLINE
    tmux.keys("1")
    tmux.until(lambda: tmux.show("#{@sactui_state}") == "working")


@pytest.mark.terminal
def test_it_ends_with_its_terminal(tmux: Tmux) -> None:
    tmux.start("idle")
    tmux.until_state(AgentState.IDLE)
    pid = int(tmux.show("#{pane_pid}"))
    os.kill(pid, signal.SIGHUP)
    tmux.until(lambda: tmux.show("#{pane_dead}") == "1")


def test_it_ends_when_its_input_ends() -> None:
    command = [sys.executable, str(STAND_IN), "--play", "idle"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0
    assert "write the API pages" in done.stdout.decode("utf-8")


def test_the_same_seed_says_the_same() -> None:
    command = [sys.executable, str(STAND_IN), "--play", "idle", "--seed"]
    outputs = [
        subprocess.run(
            [*command, seed], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE, check=True
        ).stdout
        for seed in ("7", "7", "8")
    ]
    assert outputs[0] == outputs[1] != outputs[2]
