"""What is remembered: shown at once with its age, never mistaken for a look, never a secret."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sactui.core.snapshot import Memory, overlay, read
from sactui.domain.fleet import Fleet
from sactui.domain.state import AgentState, Link

from ..ui import fleets
from ..ui.fleets import HEALTHY, HOST

SECRET = "hunter2"


def saved(directory: Path, fleet: Fleet = HEALTHY) -> Memory:
    Memory(directory).save(fleet, now=True)
    return Memory(directory, ["spartan"])


#: The links are dialled, the files are read, nothing was looked at.
DIALLING = replace(
    HEALTHY,
    hosts=(replace(HOST, link=Link.CONNECTING, data_at=None, latency=None),),
    jobs=(),
    jobs_at={},
    reservations=tuple(
        replace(home, state="unknown", job=None, observed_at=None, panes_at=None)
        for home in HEALTHY.reservations
    ),
    agents=tuple(
        replace(agent, observed_at=None, pane=None, verdict=replace(agent.verdict, state=AgentState.UNKNOWN))
        for agent in HEALTHY.agents
    ),
)


def test_before_anything_is_known_the_memory_stands_with_its_age(tmp_path: Path) -> None:
    shown = saved(tmp_path).over(Fleet())
    assert [job.id for _, job in shown.jobs] == [job.id for _, job in HEALTHY.jobs]
    assert {agent.key for agent in shown.agents} == {agent.key for agent in HEALTHY.agents}
    assert [home.key for home in shown.reservations] == [home.key for home in HEALTHY.reservations]
    (host,) = shown.hosts
    assert (host.link, host.data_at) == (Link.IDLE, HEALTHY.jobs_at["spartan"])
    assert all(agent.verdict.stale and agent.pane is None for agent in shown.agents)


def test_while_dialling_rows_stay_and_the_link_is_the_real_one(tmp_path: Path) -> None:
    memory = saved(tmp_path)
    shown = memory.over(DIALLING)
    assert shown.hosts[0].link is Link.CONNECTING
    assert shown.hosts[0].data_at == HEALTHY.jobs_at["spartan"]
    assert [home.state for home in shown.reservations] == ["running", "pending"]
    assert [agent.state for agent in shown.agents] == [agent.state for agent in HEALTHY.agents]
    assert len(shown.jobs) == 3
    # A definition or a lease that is gone is gone at once: the files are here.
    fewer = replace(DIALLING, agents=DIALLING.agents[:1], reservations=DIALLING.reservations[1:])
    shown = memory.over(fewer)
    assert [agent.name for agent in shown.agents] == ["trainer-1"]
    assert [home.name for home in shown.reservations] == ["night"]


def test_a_reservation_that_was_booked_anew_is_not_the_remembered_one(tmp_path: Path) -> None:
    anew = replace(DIALLING.reservations[0], job_id=9999)
    shown = saved(tmp_path).over(replace(DIALLING, reservations=(anew,)))
    assert shown.reservations == (anew,)


def test_a_look_replaces_the_memory_for_good(tmp_path: Path) -> None:
    memory = saved(tmp_path)
    looked = replace(HEALTHY, jobs=HEALTHY.jobs[:1])
    assert memory.over(looked) is looked
    assert memory.over(DIALLING) is DIALLING


def test_jobs_are_live_before_the_agents_are(tmp_path: Path) -> None:
    asked = replace(
        HEALTHY,
        jobs=HEALTHY.jobs[:1],
        agents=DIALLING.agents,
        reservations=tuple(replace(home, panes_at=None) for home in HEALTHY.reservations),
    )
    shown = saved(tmp_path).over(asked)
    assert shown.jobs == asked.jobs
    assert shown.reservations == asked.reservations
    assert [agent.state for agent in shown.agents] == [agent.state for agent in HEALTHY.agents]


def test_another_hosts_memory_is_not_touched(tmp_path: Path) -> None:
    remembered = read_one(tmp_path)
    other = replace(HOST, name="cedar")
    live = replace(HEALTHY, hosts=(other,), jobs_at={"cedar": 1.0}, jobs=(("cedar", HEALTHY.jobs[0][1]),))
    shown = overlay(live, remembered)
    assert [host.name for host in shown.hosts] == ["cedar", "spartan"]
    assert ("cedar", HEALTHY.jobs[0][1]) in shown.jobs


def read_one(directory: Path) -> Fleet:
    saved(directory)
    fleet = read(directory / "snapshots" / "spartan.json")
    assert fleet is not None
    return fleet


def test_no_secret_is_kept_and_nobody_else_reads_it(tmp_path: Path) -> None:
    agent = fleets.agent("x", AgentState.ASKING, f"may I run {SECRET}", screen=SECRET, last_line=SECRET)
    job = fleets.job(1, "job", comment=SECRET, work_dir=SECRET, dependency=SECRET)
    saved(tmp_path, replace(HEALTHY, agents=(agent,), jobs=(("spartan", job),)))
    place = tmp_path / "snapshots" / "spartan.json"
    assert SECRET not in place.read_text()
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700


def test_it_is_bounded(tmp_path: Path) -> None:
    many = replace(HEALTHY, jobs=tuple(("spartan", fleets.job(n, f"job-{n}")) for n in range(5000)))
    shown = saved(tmp_path, many).over(Fleet())
    assert len(shown.jobs) == 2000


def test_a_host_that_was_never_looked_at_keeps_its_older_snapshot(tmp_path: Path) -> None:
    memory = saved(tmp_path)
    memory.save(DIALLING, now=True)
    assert len(Memory(tmp_path, ["spartan"]).over(Fleet()).jobs) == 3


@pytest.mark.parametrize("host", ["../../etc/passwd", "user@host:22", "\x1b[31m", "a" * 180])
def test_any_name_is_a_file_below_the_directory(tmp_path: Path, host: str) -> None:
    Memory(tmp_path).save(
        replace(HEALTHY, hosts=(replace(HOST, name=host),), jobs=(), jobs_at={host: 1.0}), now=True
    )
    (place,) = (tmp_path / "snapshots").iterdir()
    assert place.parent == tmp_path / "snapshots"
    assert Memory(tmp_path, [host]).over(Fleet()).hosts[0].name == host


def damaged(text: str, key: str, value: object) -> str:
    data = json.loads(text)
    data[key] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 99),
        ("host", 3),
        ("at", None),
        ("columns", []),
        ("jobs", [[1]]),
        ("jobs", "x"),
        ("agents", [{}]),
        ("agents", 7),
        ("reservations", [None]),
    ],
)
def test_a_damaged_file_is_no_snapshot(tmp_path: Path, key: str, value: object) -> None:
    saved(tmp_path)
    place = tmp_path / "snapshots" / "spartan.json"
    place.write_text(damaged(place.read_text(), key, value))
    assert read(place) is None
    place.write_text("[" * 100_000)
    assert read(place) is None
