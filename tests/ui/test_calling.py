from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App

from sactui.core.notices import Rules
from sactui.domain.fleet import Fleet
from sactui.domain.state import AgentState
from sactui.settings import NoticeSettings
from sactui.ui.calling import Caller, rules_of

from .fleets import HEALTHY, NOW, agent


def picture(version: int, state: AgentState) -> Fleet:
    one = agent("docs", state)
    return replace(
        HEALTHY, version=version, agents=(replace(one, verdict=replace(one.verdict, seen_at=NOW)),)
    )


class Bells(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.rung = 0

    def bell(self) -> None:
        self.rung += 1


def test_settings_become_rules() -> None:
    settings = NoticeSettings.model_validate({"events": ["idle"], "quiet": "22:00-07:00", "command": ["x"]})
    assert rules_of(settings) == Rules(frozenset({"idle"}), True, True, ("x",), (1320, 420))
    assert rules_of(NoticeSettings()) == Rules()


def test_the_first_fleet_is_silent_and_a_question_rings_once() -> None:
    async def run() -> None:
        app = Bells()
        async with app.run_test():
            caller = Caller(Rules(), lambda: False, lambda why: None)
            assert caller.seen(app, picture(1, AgentState.ASKING)) == ()
            assert caller.seen(app, picture(2, AgentState.WORKING)) == ()
            assert [n.event for n in caller.seen(app, picture(3, AgentState.ASKING))] == ["asking"]
            assert caller.seen(app, picture(4, AgentState.ASKING)) == ()
            assert app.rung == 1

    asyncio.run(run())


def test_while_another_program_has_the_terminal_only_the_command_runs(tmp_path: Path) -> None:
    out = tmp_path / "out"

    async def run() -> None:
        app = Bells()
        async with app.run_test():
            command = (sys.executable, "-c", f"open({str(out)!r}, 'w').write('{{name}}')")
            caller = Caller(Rules(command=command), lambda: True, lambda why: None)
            caller.seen(app, picture(1, AgentState.WORKING))
            caller.seen(app, picture(2, AgentState.ASKING))
            await caller.settled()
            assert app.rung == 0

    asyncio.run(run())
    assert out.read_text() == "docs"


@pytest.mark.parametrize("times", [1, 2])
def test_a_command_that_fails_is_told_once(times: int) -> None:
    told: list[str] = []

    async def run() -> None:
        app = Bells()
        async with app.run_test():
            caller = Caller(Rules(command=("/nowhere/hook",)), lambda: True, told.append)
            for turn in range(times):
                caller.seen(app, picture(2 * turn + 1, AgentState.WORKING))
                caller.seen(app, picture(2 * turn + 2, AgentState.ASKING))
            await caller.settled()

    asyncio.run(run())
    assert len(told) == 1
    assert "/nowhere/hook" in told[0]
