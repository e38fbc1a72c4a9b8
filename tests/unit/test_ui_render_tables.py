"""Reservations, agents and jobs as rows: sentences, glyphs, ages, nothing guessed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sactui.domain.fleet import Agent, Fleet, HostView, Reservation, Trouble, Verdict
from sactui.domain.job import UNLIMITED, Job
from sactui.domain.pane import Pane
from sactui.domain.state import AgentState, Link, Phase
from sactui.ui.render import agents, jobs, reservations, words
from sactui.ui.table.row import Bar, Cell, Row, text_of
from sactui.ui.table.widths import Column

NOW = 1_795_286_940.0  # Sat 2026-11-21 18:49 UTC
HOUR, DAY = 3600, 86400

UP = HostView("spartan", Link.UP, interval=2, user="me", data_at=NOW - 1)
DOWN = HostView("cedar", Link.RETRYING, interval=2, user="me", data_at=NOW - 34)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def job(number: int, phase: Phase = Phase.RUNNING, **known: object) -> Job:
    return replace(Job(number, "build", "me", "RUNNING", phase), **known)  # type: ignore[arg-type]


def reservation(**known: object) -> Reservation:
    held = job(4711, cpus=16, memory_mib=65536, time_limit=4 * HOUR)
    plain = Reservation(
        "gpu-pool", "spartan", "lease", 4711, "sac-4711", False, held, Phase.RUNNING, "running", "", "gpu07",
        NOW + 42 * 60, 14, 60 * 1024, NOW - 1,
    )  # fmt: skip
    return replace(plain, **known)  # type: ignore[arg-type]


def agent(name: str, state: AgentState, why: str = "", **known: object) -> Agent:
    plain = Agent(
        name, "claude", "spartan", "gpu-pool", "opus", Verdict(state, why, NOW - 720), observed_at=NOW - 1
    )
    return replace(plain, **known)  # type: ignore[arg-type]


def columns_of(row: Row, columns: tuple[Column, ...]) -> dict[str, Cell]:
    assert len(row.cells) == len(columns)
    return {column.key: value for column, value in zip(columns, row.cells, strict=True)}


def texts(row: Row, columns: tuple[Column, ...]) -> dict[str, str]:
    return {key: text_of(value) for key, value in columns_of(row, columns).items()}


# --- reservations ------------------------------------------------------------


def test_a_running_reservation() -> None:
    fleet = Fleet(
        hosts=(UP,),
        reservations=(reservation(),),
        agents=(
            agent("a", AgentState.WORKING),
            agent("b", AgentState.ASKING),
            agent("c", AgentState.WORKING),
            agent("d", AgentState.IDLE, reservation="dev-pool"),
        ),
    )
    row = reservations.rows(fleet, NOW)[0]
    assert row.key == ("spartan", "gpu-pool")
    assert not row.dim
    assert texts(row, reservations.COLUMNS) == {
        "name": "gpu-pool", "host": "", "glyph": "●", "state": "running", "node": "gpu07", "bar": "",
        "left": "42m", "cpus": "14/16", "cpubar": "", "memory": "60/64G", "memorybar": "",
        "tenants": "? 1  ● 2", "next": "ends 19:31, nothing follows", "seen": "",
    }  # fmt: skip
    cells = columns_of(row, reservations.COLUMNS)
    assert cells["bar"] == Bar(42 / 240, "bar-amber")
    assert cells["left"] == (("42m", "bar-amber+bold"),)
    assert cells["cpubar"] == Bar(14 / 16, "bar-calm")
    assert cells["memorybar"] == Bar(60 / 64, "bar-amber")


def test_a_pending_reservation_says_when_it_may_start() -> None:
    waiting = job(881, Phase.PENDING, cpus=32, memory_mib=131072, expected_start=NOW + 3.35 * HOUR)
    pending = reservation(
        phase=Phase.PENDING, state="pending", job=waiting, node="", ends_at=None, cpus_used=0,
        memory_used_mib=0, why="waits for 32 free CPUs in long",
    )  # fmt: skip
    shown = texts(
        reservations.rows(Fleet(hosts=(UP,), reservations=(pending,)), NOW)[0], reservations.COLUMNS
    )
    assert shown["bar"] == "starts about 22:10 (estimate)"
    assert (shown["left"], shown["node"], shown["cpus"], shown["memory"]) == ("", "-", "0/32", "0/128G")
    assert (shown["tenants"], shown["next"]) == ("-", "waits for 32 free CPUs in long")
    unknown = replace(pending, job=replace(waiting, expected_start=None))
    shown = texts(
        reservations.rows(Fleet(hosts=(UP,), reservations=(unknown,)), NOW)[0], reservations.COLUMNS
    )
    assert shown["bar"] == "start not known yet"


def test_what_is_not_known_is_not_shown_as_nothing() -> None:
    lost = reservation(
        phase=Phase.UNKNOWN, state="lost", job=None, cpus_used=None, memory_used_mib=None, ends_at=None
    )
    shown = texts(reservations.rows(Fleet(hosts=(UP,), reservations=(lost,)), NOW)[0], reservations.COLUMNS)
    assert (shown["glyph"], shown["state"], shown["left"], shown["cpus"], shown["memory"]) == (
        "⌁",
        "lost",
        "-",
        "-",
        "-",
    )
    unseen = reservation(cpus_used=None, memory_used_mib=None)
    shown = texts(reservations.rows(Fleet(hosts=(UP,), reservations=(unseen,)), NOW)[0], reservations.COLUMNS)
    assert (shown["cpus"], shown["memory"]) == ("16", "64G")


def test_endless_and_persistent_reservations() -> None:
    endless = reservation(ends_at=None, job=job(1, time_limit=UNLIMITED))
    row = reservations.rows(Fleet(hosts=(UP,), reservations=(endless,)), NOW)[0]
    assert texts(row, reservations.COLUMNS)["bar"] == "no time limit"
    assert reservations.next_sentence(reservation(persistent=True), NOW) == "ends 19:31, a successor follows"


def test_trouble_is_the_sentence() -> None:
    troubled = reservation(trouble=Trouble("tmux", "no tmux server of this job"), why="fine")
    assert reservations.next_sentence(troubled, NOW) == "no tmux server of this job"


def test_an_unreachable_hosts_rows_keep_their_text_and_show_their_age() -> None:
    stale = reservation(host="cedar", observed_at=NOW - 34)
    row = reservations.rows(Fleet(hosts=(UP, DOWN), reservations=(stale,)), NOW)[0]
    shown = texts(row, reservations.COLUMNS)
    assert row.dim
    assert (shown["host"], shown["state"], shown["seen"]) == ("cedar", "running", "34s old")


def test_an_old_observation_is_stale_though_the_link_is_up() -> None:
    old = reservation(observed_at=NOW - 21)
    row = reservations.rows(Fleet(hosts=(UP,), reservations=(old,)), NOW)[0]
    assert row.dim
    slow = replace(UP, interval=10)
    assert not reservations.rows(Fleet(hosts=(slow,), reservations=(old,)), NOW)[0].dim


# --- agents ------------------------------------------------------------------


def test_agents_most_urgent_first() -> None:
    fleet = Fleet(
        hosts=(UP,),
        agents=(
            agent("z", AgentState.IDLE, "turn finished"),
            agent("b", AgentState.WORKING, "Embellishing… 1m 37s"),
            agent("a", AgentState.WORKING),
            agent("y", AgentState.ASKING, "may I run: rm -rf build/"),
        ),
    )
    rows = agents.rows(fleet, NOW)
    assert [row.key for row in rows] == [("spartan", name) for name in "yabz"]
    assert texts(rows[0], agents.COLUMNS) == {
        "glyph": "?", "name": "y", "state": "asking", "since": "12m", "why": "may I run: rm -rf build/",
        "model": "opus", "reservation": "gpu-pool", "host": "", "seen": "",
    }  # fmt: skip
    assert columns_of(rows[0], agents.COLUMNS)["name"] == (("y", "strong+bold"),)
    assert columns_of(rows[1], agents.COLUMNS)["why"] == ()


def test_agents_of_one_reservation() -> None:
    fleet = Fleet(agents=(agent("a", AgentState.IDLE), agent("b", AgentState.IDLE, reservation="dev-pool")))
    rows = agents.rows(fleet, NOW, reservation=("spartan", "dev-pool"))
    assert [row.key for row in rows] == [("spartan", "b")]


def test_an_exit_status_is_part_of_the_word() -> None:
    ended = agent("a", AgentState.EXITED, pane=Pane("a", "%1", dead=True, exit_status=3))
    assert agents.state_word(ended) == "exited 3"
    assert agents.state_word(agent("a", AgentState.EXITED)) == "exited"


def test_a_never_seen_agent_has_no_age() -> None:
    unseen = agent("a", AgentState.UNKNOWN, observed_at=None, verdict=Verdict(AgentState.UNKNOWN))
    row = agents.rows(Fleet(hosts=(UP,), agents=(unseen,)), NOW)[0]
    shown = texts(row, agents.COLUMNS)
    assert (row.dim, shown["since"], shown["seen"]) == (False, "", "")
    assert agents.rows(Fleet(hosts=(replace(UP, link=Link.CONNECTING),), agents=(unseen,)), NOW)[0].dim


@pytest.mark.parametrize("state", list(AgentState))
def test_ascii_rows_are_ascii(state: AgentState) -> None:
    row = agents.rows(Fleet(hosts=(UP,), agents=(agent("a", state, "why"),)), NOW, glyphs=words.ASCII)[0]
    assert all(text_of(value).isascii() for value in row.cells)


def test_hostile_text_is_made_visible() -> None:
    evil = agent("a\x1b]0;x\x07", AgentState.IDLE, "line\nbreak \u202e", model="m\r")
    row = agents.rows(Fleet(hosts=(UP,), agents=(evil,)), NOW)[0]
    assert all(text_of(value).isprintable() for value in row.cells)


# --- jobs --------------------------------------------------------------------


def shown_job(item: Job, **options: object) -> dict[str, str]:
    fleet = Fleet(hosts=(UP,), jobs=(("spartan", item),), jobs_at={"spartan": NOW - 5})
    return texts(jobs.rows(fleet, NOW, **options)[0], jobs.COLUMNS)  # type: ignore[arg-type]


def test_a_running_job() -> None:
    running = job(
        4711, partition="gpu", batch_host="gpu07", cpus=14, memory_mib=61440, gpus=2,
        elapsed=3 * HOUR + 18 * 60, time_limit=4 * HOUR, ends_at=NOW + 42 * 60,
    )  # fmt: skip
    assert shown_job(running) == {
        "id": "4711", "name": "build", "user": "", "glyph": "●", "state": "running", "partition": "gpu",
        "node": "gpu07", "cpus": "14c", "memory": "60G", "gpus": "2g", "elapsed": "3h 18m", "limit": "/ 4h",
        "tasks": "", "why": "ends 19:31", "host": "", "seen": "",
    }  # fmt: skip


def test_a_pending_array_says_why_it_waits() -> None:
    array = job(
        4790, Phase.PENDING, array_job=4790, array_tasks="[0-99]", cpus=4, time_limit=HOUR, reason="Priority"
    )
    shown = shown_job(array, explain=lambda item: f"waits for priority, {item.id}")
    assert (shown["id"], shown["tasks"], shown["elapsed"]) == ("4790_[0-99]", "× 100", "-")
    assert (shown["limit"], shown["memory"], shown["node"]) == ("/ 1h", "-", "-")
    assert shown["why"] == "waits for priority, 4790"
    assert shown_job(array)["why"] == "Priority"
    assert shown_job(array, glyphs=words.ASCII)["tasks"] == "x 100"


def test_ended_and_endless_jobs() -> None:
    failed = job(1, Phase.ERROR, elapsed=660, time_limit=HOUR)
    shown = shown_job(failed, explain=lambda _: "exit 2, 9 m ago")
    assert (shown["glyph"], shown["state"], shown["limit"], shown["why"]) == (
        "✖",
        "failed",
        "",
        "exit 2, 9 m ago",
    )
    assert shown_job(job(1, time_limit=UNLIMITED))["limit"] == "/ no limit"
    assert shown_job(job(1, Phase.PENDING, reason="None"))["why"] == ""


def test_run_time_goes_on_while_fresh_and_stands_still_when_stale() -> None:
    running = job(1, elapsed=55)
    assert shown_job(running)["elapsed"] == "1m"
    fleet = Fleet(hosts=(DOWN,), jobs=(("cedar", running),), jobs_at={"cedar": NOW - 34})
    row = jobs.rows(fleet, NOW)[0]
    assert row.dim
    assert texts(row, jobs.COLUMNS)["elapsed"] == "55s"
    assert texts(row, jobs.COLUMNS)["seen"] == "34s old"


def test_other_peoples_jobs_show_their_owner() -> None:
    assert shown_job(job(1, user="somebody"))["user"] == "somebody"


def test_job_names_cannot_act() -> None:
    shown = shown_job(job(1, name="\x1b[2J[red]x[/]\n", partition="p\t", reason="a\x00b"))
    assert all(value.isprintable() for value in shown.values())
    assert "[red]x[/]" in shown["name"]


def test_jobs_are_found_again_by_host_and_id() -> None:
    fleet = Fleet(hosts=(UP, DOWN), jobs=(("spartan", job(1)), ("cedar", job(1))))
    rows = jobs.rows(fleet, NOW)
    assert (
        rows.keys
        == [("spartan", 1), ("cedar", 1)]
        == [jobs.key("spartan", job(1)), jobs.key("cedar", job(1))]
    )
    chosen = jobs.rows(fleet, NOW, jobs=[fleet.jobs[1]])
    assert chosen.keys == [("cedar", 1)]


@pytest.mark.parametrize("sort", sorted(jobs.SORTS))
def test_every_sort_orders_jobs_with_unknown_values(sort: str) -> None:
    items = [("a", job(2)), ("a", job(1, ends_at=NOW, elapsed=5))]
    assert len(sorted(items, key=jobs.SORTS[sort])) == 2


def test_timezone_is_the_readers() -> None:
    os.environ["TZ"] = "Europe/Amsterdam"
    time.tzset()
    assert shown_job(job(1, ends_at=NOW + 42 * 60))["why"] == "ends 20:31"
