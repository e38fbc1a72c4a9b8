"""The fleet screen: what keys do, what footers show, and that no text of a cluster can act."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from sactui.core.plan import Outcome, Plan, Result
from sactui.domain.details import Details
from sactui.domain.fleet import Fleet
from sactui.errors import SlurmError
from sactui.ui.app import SactuiApp
from sactui.ui.screens.dialog import ConfirmDialog, MessageDialog
from sactui.ui.screens.help import HelpDialog
from sactui.ui.screens.job import JobScreen
from sactui.ui.widgets.chrome import Banner, Footer
from sactui.ui.widgets.live_table import LiveTable

from . import fleets
from .drive import driven, fleet_screen, make


def text_of(app: SactuiApp) -> str:
    """What the screen shows, as lines of text."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    assert len(strips) == height
    return "\n".join("".join(segment.text for segment in strip)[:width] for strip in strips)


async def until(pilot: Pilot[int], app: SactuiApp, text: str) -> None:
    """Wait until the screen shows a text: workers answer when they do."""
    deadline = time.monotonic() + 60
    while text not in text_of(app):
        assert time.monotonic() < deadline, text_of(app)
        await pilot.pause()


def test_the_cursor_begins_on_who_needs_you(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        assert fleet_screen(app).query_one("#agents", LiveTable).cursor_key == ("", "trainer-1")
        assert "rm -rf build/" in text_of(app)

    driven(app, work)


def test_the_cursor_stays_with_its_agent_when_the_order_changes(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("j", "j")
        table = fleet_screen(app).query_one("#agents", LiveTable)
        before = table.cursor_key
        assert before != ("", "trainer-1")
        fleet_screen(app).show(replace(fleets.HEALTHY, agents=tuple(reversed(fleets.HEALTHY.agents))))
        await pilot.pause()
        assert table.cursor_key == before

    driven(app, work)


def test_n_goes_round_the_agents_that_need_you(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        table = fleet_screen(app).query_one("#agents", LiveTable)
        seen = []
        for _ in range(3):
            await pilot.press("n")
            seen.append(table.cursor_key)
        assert set(seen) == {("", "trainer-1"), ("", "bench")}

    driven(app, work)


def test_the_footer_shows_only_keys_that_work_now(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        footer = fleet_screen(app).query_one(Footer)
        assert "a attach" in str(footer.content)
        await pilot.press("1")
        assert "attach" not in str(footer.content)
        assert "R release" in str(footer.content)

    driven(app, work)


def test_read_only_keys_disappear_and_do_nothing(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path, read_only=True)

    async def work(pilot: Pilot[int]) -> None:
        footer = str(fleet_screen(app).query_one(Footer).content)
        assert "stop" not in footer
        assert "book" not in footer
        await pilot.press("X")
        assert app.screen is fleet_screen(app)
        assert "read-only" in text_of(app).lower()

    driven(app, work)


def test_stop_shows_the_command_and_escape_keeps_everything(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)
    ran: list[Plan] = []

    async def run(plan: Plan, **_: object) -> Outcome:
        ran.append(plan)
        return Outcome(Result.DONE, "stopped")

    app.controller.run = run  # type: ignore[method-assign]

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("X")
        assert isinstance(app.screen, ConfirmDialog)
        assert "kill-session -t =sac-trainer-1" in text_of(app)
        await pilot.press("escape")
        assert ran == []
        await pilot.press("X", "enter")
        await app.workers.wait_for_complete()
        assert [plan.target for plan in ran] == ["trainer-1"]

    driven(app, work)


def test_releasing_with_live_agents_wants_the_name_typed(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)
    ran: list[Plan] = []

    async def run(plan: Plan, **_: object) -> Outcome:
        ran.append(plan)
        return Outcome(Result.DONE, "released")

    app.controller.run = run  # type: ignore[method-assign]

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("1", "R")
        assert "scancel 4711" in text_of(app)
        assert "trainer-1 (asking)" in text_of(app).replace("\n", " ")
        await pilot.press("enter")
        assert isinstance(app.screen, ConfirmDialog), "enter alone does not release"
        await pilot.press(*"dev", "enter")
        assert isinstance(app.screen, ConfirmDialog), "half a name does not release"
        app.screen.query_one(Input).value = "dev-pool"
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        assert [plan.target for plan in ran] == ["dev-pool"]

    driven(app, work)


def test_a_failed_action_says_what_happened_and_what_to_do(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def run(plan: Plan, **_: object) -> Outcome:
        return Outcome(Result.FAILED, "trainer-1 is still there", "", "attach (a) and look")

    app.controller.run = run  # type: ignore[method-assign]

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("X", "enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert isinstance(app.screen, MessageDialog)
        assert "attach (a) and look" in text_of(app)

    driven(app, work)


def test_start_without_a_live_reservation_is_refused_with_the_remedy(tmp_path: Path) -> None:
    app = make(replace(fleets.HEALTHY, reservations=()), tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("G", "s")
        await pilot.pause()
        assert isinstance(app.screen, MessageDialog)
        assert "there is no definition of agent 'polyglot'" in text_of(app)

    driven(app, work)


def test_the_booking_form_refuses_at_the_field(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("b")
        await pilot.pause()
        app.screen.query_one("#field-name", Input).value = "pool2"
        app.screen.query_one("#field-memory", Input).value = "16"
        await pilot.press("enter")
        await pilot.pause()
        assert "needs a unit" in text_of(app)
        assert app.screen.query_one("#field-memory", Input).has_focus
        app.screen.query_one("#field-memory", Input).value = "16G"
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmDialog)
        assert "sbatch" in text_of(app)

    driven(app, work)


@pytest.mark.parametrize("fleet", [fleets.DEGRADED, fleets.UNREACHABLE], ids=["controller", "link"])
def test_rows_stay_under_a_banner_that_names_the_layer(tmp_path: Path, fleet: Fleet) -> None:
    app = make(fleet, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        shown = text_of(app)
        assert fleet.hosts[0].troubles[0].what[:30] in shown
        assert "trainer-1" in shown
        assert "dev-pool" in shown
        assert fleet_screen(app).query_one(Banner).has_class("shown")

    driven(app, work)


def test_an_empty_queue_is_claimed_only_when_the_controller_said_so(tmp_path: Path) -> None:
    async def empty(pilot: Pilot[int]) -> None:
        assert "the controller answered: no jobs of yours" in text_of(pilot.app)  # type: ignore[arg-type]

    async def loading(pilot: Pilot[int]) -> None:
        assert "not looked yet" in text_of(pilot.app)  # type: ignore[arg-type]

    driven(make(fleets.EMPTY, tmp_path), empty)
    driven(make(fleets.LOADING, tmp_path), loading)


def test_a_broken_definition_is_a_row_with_file_and_line(tmp_path: Path) -> None:
    app = make(fleets.BROKEN_FILE, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        assert "/agents/docs/docs.yaml:7:3" in text_of(app)
        await pilot.press("4")
        assert fleet_screen(app).query_one("#problems", LiveTable).cursor_key is not None
        assert "did you mean 'model'?" in text_of(app)

    driven(app, work)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (150, 42), (200, 60)])
def test_hostile_text_neither_colours_nor_moves_nor_breaks_anything(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app = make(fleets.HOSTILE, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        for key in ("1", "2", "3"):
            await pilot.press(key)
            shown = text_of(app)
            assert "\x1b" not in shown
            assert "\x07" not in shown
            assert "\u202e" not in shown
        assert "[red]x[/red]" in shown
        await pilot.press("d")
        await pilot.pause()
        assert "[red]x[/red]" in text_of(app)

    driven(app, work, size)


def test_help_lists_every_key_once(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpDialog)
        text = app.screen._text().plain
        for action in app.keys:
            assert text.count(action.help + "\n") == 1
        await pilot.press("escape")
        assert app.screen is fleet_screen(app)

    driven(app, work)


def test_ctrl_c_never_quits(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("ctrl+c", "ctrl+q", "ctrl+p")
        assert app.is_running
        assert app.screen is fleet_screen(app)

    driven(app, work)


def test_keys_pressed_in_one_burst_act_on_the_row_they_moved_to(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("1", "j", "R")
        assert isinstance(app.screen, ConfirmDialog)
        assert "scancel 4802" in text_of(app)

    driven(app, work)


def test_what_is_done_to_a_job_is_planned_shown_and_refused_with_the_reason(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)
    ran: list[Plan] = []

    async def run(plan: Plan, **_: object) -> Outcome:
        ran.append(plan)
        return Outcome(Result.DONE, "done")

    app.controller.run = run  # type: ignore[method-assign]

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        jobs = fleet_screen(app).query_one("#jobs", LiveTable)
        footer = fleet_screen(app).query_one(Footer)
        jobs.move_to(("spartan", 4802))
        await pilot.pause()
        assert "h hold" in str(footer.content)
        await pilot.press("h")
        await pilot.pause()
        # Nothing is lost by a hold: it is done at once.
        assert [plan.commands for plan in ran] == [("scontrol uhold 4802",)]

        jobs.move_to(("spartan", 4711))
        await pilot.pause()
        assert "h hold" not in str(footer.content)
        await pilot.press("h")
        await pilot.pause()
        assert len(ran) == 1
        assert any("does not wait" in each.message for each in app._notifications)

        # A reservation with agents in it: the name is typed.
        await pilot.press("C")
        assert isinstance(app.screen, ConfirmDialog)
        assert "scancel 4711" in text_of(app)
        await pilot.press("enter")
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("escape")

        await pilot.press("t")
        field = app.screen.query_one(Input)
        field.value = "soon"
        await pilot.press("enter")
        await pilot.pause()
        assert "'soon' is not a time limit" in text_of(app)
        field.value = "7-0"
        await pilot.press("enter")
        await pilot.pause()
        assert "TimeLimit=7-00:00:00" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert [plan.kind for plan in ran] == ["job-hold", "job-time"]

    driven(app, work)


def test_marked_jobs_are_acted_on_together(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("3", "g", "space", "j", "space")
        assert "2 marked" in text_of(app)
        await pilot.press("C")
        await until(pilot, app, "Left out: job 4655 has ended")

    driven(app, work)


def test_a_job_shows_what_the_queue_knew_when_nothing_else_answers(tmp_path: Path) -> None:
    app = make(fleets.HEALTHY, tmp_path)

    async def silent(*_: object) -> Details:
        raise SlurmError("Slurm's controller does not answer", "nothing to do: sactui asks again")

    async def work(pilot: Pilot[int]) -> None:
        await pilot.press("3", "g", "enter")
        await pilot.pause()
        assert isinstance(app.screen, JobScreen)
        await until(pilot, app, "runs on node7 since 3 h")
        assert "accounting does not answer" in text_of(app)
        app.controller.job_details = silent  # type: ignore[method-assign]
        await pilot.press("r")
        await until(pilot, app, "Slurm's controller does not answer")
        assert "runs on node7 since 3 h" in text_of(app)  # the last answer stays
        await pilot.press("escape")
        await pilot.press("enter")
        await until(pilot, app, "Slurm's controller does not answer")
        assert "cascade" in text_of(app)
        await pilot.press("escape")
        assert app.screen is fleet_screen(app)

    driven(app, work)
