"""Which job a lease belongs to, without a cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sactui.core import adoption, heirs, succession
from sactui.core.observation import HostPicture, Seen
from sactui.domain.fleet import Trouble
from sactui.domain.job import Job
from sactui.domain.pane import Pane, Server
from sactui.domain.state import Phase
from sactui.leases.lease import Lease
from sactui.runtimes import hold

UUID = "ab12ab12"


def job(number: int, generation: int = 1, phase: Phase = Phase.RUNNING, **changes: object) -> Job:
    mark = hold.mark("reservation", "spartan", "pool", UUID, generation)
    made = Job(number, "pool", "ada", phase.value.upper(), phase, comment=mark, batch_host=f"n{number}")
    return replace(made, **changes)  # type: ignore[arg-type]


def lease(number: int | None = None, **ours: object) -> Lease:
    return Lease(
        "spartan-pool",
        "pool",
        "spartan",
        "" if number is None else str(number),
        persistent=True,
        extras={"tmux_server": "sac"},
    ).with_ours(uuid=UUID, tmux_prefix="sac", **ours)


def server(*names: str, dead: tuple[str, ...] = ()) -> Seen[Server]:
    panes = [Pane(f"sac-{name}", f"%{i}", dead=name in dead) for i, name in enumerate((*names, *dead))]
    return Seen(Server("sac-1", 1, 7, "3.3a", 0.0, (Pane("_root", "%99"), *panes), {}), 100.0)


def test_the_job_with_the_tenants_is_kept_while_it_runs() -> None:
    found = succession.chain(lease(1), [job(1), job(2, 2)])
    assert found.current is not None
    assert found.successor is not None
    assert (found.current.id, found.successor.id, found.duplicates) == (1, 2, ())


def test_one_that_runs_goes_before_one_that_waits() -> None:
    jobs = [job(1, phase=Phase.DONE), job(2, 2, Phase.PENDING), job(3, 3)]
    found = succession.chain(lease(1), jobs)
    assert found.current is not None
    assert found.current.id == 3


def test_a_second_job_of_a_generation_is_a_duplicate_and_the_next_generation_is_not() -> None:
    found = succession.chain(lease(1), [job(1), job(2, 1), job(3, 2)])
    assert [each.id for each in found.duplicates] == [2]
    assert found.successor is not None
    assert found.successor.id == 3


def test_a_job_that_another_program_moved_the_lease_to_waits_until_the_first_has_ended() -> None:
    moved = lease(2, life="1.0")
    jobs = [job(1), job(2, 2)]
    assert succession.follow(moved, jobs, {}).job == 1
    after = succession.follow(moved, [job(1, phase=Phase.DONE), job(2, 2)], {})
    assert (after.job, after.tmux_server) == (2, "sac-2")


def test_tenants_are_remembered_lost_and_found_again() -> None:
    first = succession.follow(lease(), [job(1)], {1: server("a", "b", dead=("c",))})
    assert first.ours["tenants"] == ["a", "b"]
    assert first.tmux_server == "sac-1"
    second = succession.follow(first, [job(1, phase=Phase.DONE), job(2, 2)], {})
    assert succession.lost(second) == (1, "ended", ("a", "b"))
    assert second.ours["generation"] == 2
    third = succession.follow(second, [job(2, 2)], {2: server("a")})
    assert succession.lost(third) == (1, "ended", ("b",))
    assert succession.lost(succession.follow(third, [job(2, 2)], {2: server("a", "b")}))[2] == ()


def test_a_requeued_job_is_another_life_of_the_same_id() -> None:
    first = succession.follow(lease(), [job(1)], {1: server("a")})
    clearing = job(1, restarts=1, state="COMPLETING")
    assert succession.follow(first, [clearing], {1: server("a")}) is first, "it is still being cleared away"
    second = succession.follow(first, [job(1, phase=Phase.PENDING, restarts=1)], {})
    assert succession.lost(second) == (1, "requeued", ("a",))


def test_a_look_that_failed_changes_nothing() -> None:
    first = succession.follow(lease(), [job(1)], {1: server("a")})
    failed = server().failed(Trouble("node", "no step"))
    assert succession.follow(first, [job(1)], {1: failed}) is first
    assert succession.follow(first, [], {}) is first
    assert succession.follow(first, [job(1)], {1: server("a")}) is first, "the same is not written again"


def test_leases_of_scitex_hpc_follow_the_name_and_keep_their_socket() -> None:
    theirs = Lease("spartan-pool", "pool", "spartan", "1", persistent=True, extras={"tmux_server": "sac"})
    jobs = [job(1, phase=Phase.DONE, comment=""), job(2, comment=""), job(3, comment="", name="other")]
    after = succession.follow(theirs, jobs, {})
    assert (after.job, after.tmux_server) == (2, "sac")
    assert succession.uuid_of(after) == ""


def test_a_mark_is_found_in_a_rewritten_comment_and_never_in_a_longer_word() -> None:
    mark = hold.mark("reservation", "spartan", "pool", UUID, 12)
    assert hold.read_mark(f"project 7, {mark} by site") == hold.Mark("reservation", "spartan-pool", UUID, 12)
    assert hold.read_mark(f"x{mark}") is None
    assert hold.read_mark("sactui:reservation:spartan-pool::1") is None


def test_jobs_without_a_lease_are_adopted_after_two_looks() -> None:
    known = adoption.Strays()
    found = adoption.strays("spartan", (), (job(1), job(2, 2), job(3, phase=Phase.DONE)))
    assert {uuid: [each.id for each in jobs] for uuid, jobs in found.items()} == {UUID: [1, 2]}
    assert adoption.strays("spartan", (lease(1),), (job(1),)) == {}
    assert adoption.strays("other", (), (job(1),)) == {}, "booked through another host entry"
    assert known.again("spartan", {UUID}, 10.0) == set()
    assert known.again("spartan", {UUID}, 10.0) == set(), "the same look"
    assert known.again("spartan", set(), 12.0) == set()
    assert known.again("spartan", {UUID}, 14.0) == set(), "it was gone meanwhile"
    assert known.again("spartan", {UUID}, 16.0) == {UUID}


@pytest.mark.parametrize(
    ("changes", "ours", "now", "due"),
    [
        ({}, {}, 8000, True),
        ({}, {}, 7000, False),  # not yet in its lead
        ({}, {"submits": "job"}, 8000, False),
        ({}, {"intent": "release"}, 8000, False),
        ({}, {"generations": 1}, 8000, False),
        ({}, {"until": 10000}, 8000, False),  # the end date comes first
        ({"time_limit": 7200}, {}, 8000, False),  # the lead is not below half
        ({"time_limit": 7300, "started_at": 7500.0}, {}, 8000, False),  # too young, and not due
        ({"phase": Phase.ERROR, "state": "TIMEOUT"}, {}, 99999, True),  # MaxSubmit 1: when it is over
        ({"phase": Phase.CANCELED, "state": "CANCELLED"}, {}, 99999, False),
    ],
)
def test_when_the_console_owes_a_successor(
    changes: dict[str, object], ours: dict[str, object], now: int, due: bool
) -> None:
    held = lease(1, **{"submits": "console", "generation": 1, "lead": 3600, **ours})
    one = job(1, **{"time_limit": 10800, "started_at": 600.0, **changes})  # type: ignore[arg-type]
    picture = HostPicture("spartan", jobs=Seen((one,), 1.0))
    assert heirs.due(held, picture, now) is due


def test_the_next_generation_is_the_same_command_with_another_mark() -> None:
    options = hold.HoldOptions(partition="p", time="3:00:00")
    first = hold.submit_argv("spartan", "pool", UUID, options)
    second = hold.next_argv(first, UUID)
    assert first[-1] == "1"
    assert second[-1] == "2"
    changed = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    assert len(changed) == 2
    assert changed[0][1] == f"--comment=sactui:reservation:spartan-pool:{UUID}:2"
