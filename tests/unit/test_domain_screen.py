"""The screen rules that come with sactui, on screens; and the engine, on rules of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sactui.domain.screen import COLUMNS, LINES, judge, program_of
from sactui.domain.state import AgentState
from sactui.errors import DefinitionError
from sactui.spec.rules import load_rules, read_rules, rules_from_bytes

SCREENS = Path(__file__).parent.parent / "fixtures" / "agent-screens"
RULES = load_rules()
RULE = "─" * 60


def composer(typed: str = "", footer: str = "  ? for shortcuts") -> str:
    return f"{RULE}\n❯ {typed}\n{RULE}\n{footer}\n"


def claude(text: str) -> AgentState:
    return judge(text, RULES, "claude").state


@pytest.mark.parametrize("path", sorted(SCREENS.glob("*.txt")), ids=lambda path: path.name)
def test_every_recorded_screen_is_judged_as_its_name_says(path: Path) -> None:
    first = path.name.split("-", 1)[0]
    program = first if first in ("codex", "gemini") else "claude"
    verdict = judge(path.read_text(encoding="utf-8"), RULES, program)
    assert verdict.state == path.name.split(".")[-2]
    if verdict.state is AgentState.UNKNOWN:
        assert verdict.rule == ""
    else:
        assert verdict.line is not None
        assert verdict.evidence == path.read_text(encoding="utf-8").splitlines()[verdict.line - 1].strip()
        assert verdict.why
        assert verdict.tried[-1].rule == verdict.rule


def test_there_are_screens_to_judge() -> None:
    assert len(list(SCREENS.glob("*.txt"))) >= 25


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("permission-22-col-wrap.asking.txt", "may I run: rm -rf build/"),
        ("usage-limit-banner.limited.txt", "resets 7:30pm (Europe/Amsterdam)"),
        ("stand-in-limited-22-columns.limited.txt", "(UTC)"),
        ("codex-approval.asking.txt", "may I run: rm -rf build"),
        ("api-error-retrying.retrying.txt", "API Error (529 overloaded), attempt 6/10"),
        ("question-widget-1-question.asking.txt", "Which store should I use?"),
        ("resume-prompt.asking.txt", "21h 28m"),
        ("work-spinner-hint.working.txt", "Noodling… 12s"),
        ("gemini-working.working.txt", "Thinking… 6s"),
        ("srun-step-killed-time-limit.dead.txt", "killed by Slurm: time limit"),
    ],
)
def test_the_reason_names_what_a_person_wants_to_know(name: str, why: str) -> None:
    program = name.split("-", 1)[0] if name.startswith(("codex", "gemini")) else "claude"
    assert why in judge((SCREENS / name).read_text(encoding="utf-8"), RULES, program).why


DIALOG = " Bash command\n\n   rm -rf build/\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. No (esc)\n"


def test_a_dialog_above_a_composer_is_a_quotation() -> None:
    assert claude(DIALOG) is AgentState.ASKING
    assert claude(f"⏺ It showed this:\n\n{DIALOG}\n✻ Brewed for 4s\n\n{composer()}") is AgentState.IDLE


def test_a_dialog_below_an_old_composer_asks() -> None:
    assert claude(composer("hello") + "\n" + DIALOG) is AgentState.ASKING


def test_a_composer_alone_is_no_proof_of_being_idle() -> None:
    assert claude(f"⏺ Reading\n\n{composer(footer='')}") is AgentState.UNKNOWN
    assert claude(f"⏺ Reading\n\n{composer()}") is AgentState.IDLE


def test_typed_text_hides_the_hint_but_not_the_spinner() -> None:
    text = f"⏺ Reading\n\n✶ Zigzagging…\n\n{composer('and then', '  ⏵⏵ accept edits on')}"
    verdict = judge(text, RULES, "claude")
    assert (verdict.state, verdict.why) == (AgentState.WORKING, "Zigzagging…")


def test_a_numbered_line_in_the_composer_is_not_an_option() -> None:
    assert claude(f"✻ Brewed for 4s\n\n{composer('1. first do this')}") is AgentState.IDLE


def test_a_limit_further_up_is_over() -> None:
    banner = "  ⎿  You've hit your session limit · resets 7:30pm (UTC)\n\n"
    assert claude(banner + composer()) is AgentState.LIMITED
    assert claude(f"{banner}❯ go on\n\n⏺ Done.\n\n✻ Brewed for 4s\n\n{composer()}") is AgentState.IDLE
    assert claude(f"{banner}❯ go on\n\n✻ Brewing… (3s)\n\n{composer()}") is AgentState.WORKING


def test_background_work_is_not_idle() -> None:
    text = f"✻ Brewed for 4s\n\n{composer(footer='  ⏵⏵ accept edits on · 1 shell · ? for shortcuts')}"
    verdict = judge(text, RULES, "claude")
    assert (verdict.state, verdict.why) == (AgentState.BACKGROUND, "1 shell still running")


@pytest.mark.parametrize(
    ("dialog", "why"),
    [
        (
            " Do you want to make this edit to loader.py?\n ❯ 1. Yes\n   2. No (esc)\n",
            "may I edit: loader.py",
        ),
        (" Would you like to proceed?\n ❯ 1. Yes, and auto-accept edits\n   2. No\n", "has a plan"),
        (
            " Do you trust the files in this folder?\n\n ❯ 1. Yes, proceed\n   2. No, exit\n",
            "trust the files",
        ),
        (" Allow the browser to open it?\n ❯ 1. Allow\n   2. Deny (esc)\n", "permission"),
        (" Which\n colour do you\n like?\n ❯ 1. Red\n   2. Blue\n", "Which colour do you like?"),
    ],
)
def test_dialogs_of_claude_code(dialog: str, why: str) -> None:
    verdict = judge(f"{RULE}\n{dialog}", RULES, "claude")
    assert verdict.state is AgentState.ASKING
    assert why in verdict.why


def test_the_menu_of_a_limit_is_a_limit_not_a_question() -> None:
    text = " ❯ 1. Stop and wait for limit to reset\n   2. Upgrade your plan\n"
    assert claude(text) is AgentState.LIMITED


def test_a_viewer_says_nothing() -> None:
    verdict = judge(f"{DIALOG}\n  Showing detailed transcript · ctrl+o to toggle\n", RULES, "claude")
    assert verdict.hold
    assert verdict.state is AgentState.UNKNOWN


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("slurmstepd-n1: error: *** STEP 7.0 ON n1 CANCELLED AT x DUE TO PREEMPTION ***", "preempted"),
        ("slurmstepd-n1: error: *** JOB 7 ON n1 CANCELLED AT x DUE TO NODE FAILURE ***", "node failed"),
        ("slurmstepd-n1: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-11-21T02:30:32 ***", "cancelled"),
        (
            "slurmstepd-n1: error: Detected 1 oom_kill event in StepId=7.0. Some of the step tasks",
            "out of memory",
        ),
        ("srun: error: n1: task 0: Out Of Memory", "out of memory"),
        ("srun: error: n1: task 0: Killed", "its step was killed"),
        ("salloc: Job allocation 4711 has been revoked.", "revoked"),
    ],
)
@pytest.mark.parametrize("program", ["claude", "codex", "", "some-other-agent"])
def test_what_slurm_prints_at_the_end_counts_for_every_program(line: str, why: str, program: str) -> None:
    verdict = judge(f"⏺ All tests pass now.\n\n{composer()}{line}\n", RULES, program)
    assert verdict.state is AgentState.DEAD
    assert why in verdict.why
    assert verdict.evidence == line


def test_what_slurm_prints_inside_a_transcript_does_not_count() -> None:
    line = "srun: error: n1: task 0: Killed"
    assert claude(f"⏺ Bash(srun x)\n  ⎿  {line}\n\n✻ Brewed for 4s\n\n{composer()}") is AgentState.IDLE
    assert claude(f"{line}\n\n✻ Brewed for 4s\n\n{composer()}") is AgentState.IDLE


def test_codex_is_idle_only_when_quiet() -> None:
    verdict = judge("• Ran ls\n\n› Ask Codex to do anything\n\n  gpt high · ~/work\n", RULES, "codex")
    assert verdict.state is AgentState.IDLE
    assert verdict.quiet == 10


def test_codex_question_is_not_work_though_it_names_interrupting() -> None:
    text = "  Which one?\n\n  › 1. A\n    2. B\n\n  enter to submit answer | esc to interrupt\n"
    assert judge(text, RULES, "codex").state is AgentState.ASKING


def test_codex_works() -> None:
    verdict = judge(
        "› do it\n\n• Working (12s • esc to interrupt)\n\n› \n\n  gpt high · ~/work\n", RULES, "codex"
    )
    assert (verdict.state, verdict.why) == (AgentState.WORKING, "Working 12s")


def test_gemini_asks_and_rests() -> None:
    asks = "│ Allow execution of: 'rm -rf build'?  │\n│ ● 1. Yes, allow once │\n"
    assert judge(asks, RULES, "gemini").why == "may I run: rm -rf build"
    bar = "▄" * 12 + "\n > Type your message or @path/to/file\n" + "▀" * 12 + "\n ~/p\n"
    assert judge("✦ Done.\n\n" + bar, RULES, "gemini").state is AgentState.IDLE


def test_without_rules_nothing_is_guessed() -> None:
    verdict = judge("$ make\nok\n", RULES, "my-agent")
    assert verdict.state is AgentState.UNKNOWN
    assert not verdict.covered
    assert "my-agent" in verdict.why


def test_lines_are_counted_in_the_whole_text_and_only_its_end_is_judged() -> None:
    above = "Do you want to proceed?\n" * (LINES + 50)
    text = f"{above}\n✶ Brewing… (3s)\n\n{composer()}"
    verdict = judge(text, RULES, "claude")
    assert verdict.state is AgentState.WORKING
    assert verdict.line == LINES + 50 + 2


def test_an_unkind_screen_comes_to_an_end() -> None:
    """With a pattern that backtracks without bound, this would not return."""
    unkind = (
        (" " * 600 + "\n") * 300,
        ("❯ 1. " * 200 + "\n") * 300,
        ("✶ " + "a" * 700 + "\n") * 300,
        ("slurmstepd-n: error: *** " * 60 + "\n") * 300,
        ("Do you want to create " * 30 + "\n") * 300,
        ("⎿ API Error resets " + "1" * 600 + "\n") * 300,
        ("─" * 600 + "\n❯ x\n") * 300,
    )
    for text in unkind:
        for program in ("claude", "codex", "gemini"):
            assert judge(text, RULES, program).state is not AgentState.IDLE
    # Nothing beyond the bound is looked at.
    assert claude("x" * (COLUMNS + 10) + "\n✶ Brewing…") is AgentState.WORKING
    assert claude(" " * COLUMNS + "slurmstepd-n1: error: *** STEP 7.0 ON n1 CANCELLED") is AgentState.UNKNOWN


def test_control_bytes_reach_no_reason() -> None:
    text = " Bash command\n\n   rm \x1b[31m-rf\x07 x\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. No\n"
    why = judge(text, RULES, "claude").why
    assert why.isprintable()


def test_the_program_is_known_by_its_command_line() -> None:
    assert program_of(("/opt/bin/claude", "--model", "opus"), RULES) == "claude"
    assert program_of(("python3", "/x/stand_in.py", "--play", "asks"), RULES) == "claude"
    assert program_of(("codex",), RULES) == "codex"
    assert program_of(("vim",), RULES) == ""
    assert program_of((), RULES) == ""


def test_a_rule_that_fails_says_which_condition() -> None:
    verdict = judge("hello\n", RULES, "claude")
    notes = {tried.rule: tried.note for tried in verdict.tried}
    assert "dialog" in notes["claude/plan"]
    assert all(notes.values())


# -- the files ------------------------------------------------------------------------------

GOOD = """\
program: toy
composer: {prompt: '^>'}
rules:
  - {id: busy, state: working, priority: 5, when: {line: '^busy (\\w+)'}, why: "{what}",
     capture: {what: {line: 'busy (\\w+)'}}}
  - {id: rest, state: idle, priority: 1, when: {all: [{composer: true}, {not: {contains: busy}}]}}
"""


def test_rules_are_sorted_by_priority_and_know_their_line() -> None:
    toy = rules_from_bytes(GOOD.encode(), "toy.yaml")
    assert [rule.id for rule in toy.rules] == ["busy", "rest"]
    assert toy.rules[0].source == "toy.yaml:4"
    assert judge("busy baking\n", {"toy": toy}, "toy").why == "baking"
    assert judge("> x\n", {"toy": toy}, "toy").state is AgentState.IDLE


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("state: working", "state: wroking", 4, "did you mean working"),
        ("priority: 5", "priorty: 5", 4, "did you mean priority"),
        ("'^busy (\\w+)'", "'^busy (\\w+'", 4, "not valid"),
        ("'^busy (\\w+)'", "'^(busy+)+'", 4, "repeats a repetition"),
        ('why: "{what}"', 'why: "{who}"', 4, "capture does not define"),
        ("{composer: true}", "{composer: true, line: x}", 6, "one thing"),
        ("when: {all", "region: middle, when: {all", 6, "no region"),
        ("id: rest", "id: busy", 6, "second rule"),
        ("program: toy\n", "", 1, "program is missing"),
        ("{prompt: '^>'}", "{prompt: '^>', top: '-'}", 2, "half a frame"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, message: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(DefinitionError) as caught:
        rules_from_bytes(text.encode(), "/x/toy.yaml")
    assert message in str(caught.value)
    if old != "program: toy\n":
        assert f"/x/toy.yaml:{line}:" in str(caught.value)


def test_own_rules_replace_and_extend_those_that_come_along(tmp_path: Path) -> None:
    (tmp_path / "claude.yaml").write_text(
        "program: claude\nrules:\n"
        "  - {id: turn-finished, state: idle, priority: 640, when: {contains: Fertig}, why: fertig}\n"
        "  - {id: mine, state: asking, priority: 2000, when: {contains: 'Darf ich'}}\n",
        encoding="utf-8",
    )
    rules = load_rules([tmp_path, tmp_path / "not-there"])
    assert judge("Darf ich?\n", rules, "claude").rule == "claude/mine"
    assert judge("Fertig\n", rules, "claude").why == "fertig"
    assert judge(DIALOG, rules, "claude").rule == "claude/permission"
    assert len(rules["claude"].rules) == len(RULES["claude"].rules) + 1


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"none\.yaml"):
        read_rules(tmp_path / "none.yaml")
