"""Reservations over a real controller: successors, lost tenants, and what a release must find."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sactui.core.booking import BookRequest
from sactui.core.controller import Controller
from sactui.core.plan import Outcome, Result
from sactui.domain.fleet import Reservation
from sactui.domain.state import AgentState, Phase
from sactui.lab import Lab
from sactui.runtimes.hold import HoldOptions
from tests.lab.test_slice import configuration, define, driven

pytestmark = pytest.mark.lab

#: States of a cluster come when they come: the machine may be busy.
_PATIENCE = 60


async def until(condition: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            while not condition():  # noqa: ASYNC110 - states of a cluster have no event to wait for
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"never came: {what}")


def options(lab: Lab, **changes: object) -> HoldOptions:
    """A small persistent reservation on the first node, whose script may act at once."""
    values: dict[str, object] = {
        "cpus": 1,
        "memory": "500M",
        "time": "3:00:00",
        "node_list": lab.node_names[0],
        "persistent": True,
        "lead": 60,
        "least_life": 0,
    }
    return HoldOptions(**{**values, **changes})  # type: ignore[arg-type]


async def book(controller: Controller, lab: Lab, name: str, held: HoldOptions) -> Outcome:
    request = BookRequest(name, lab.alias, held)
    outcome = await controller.run(controller.plan_book(request), wait=True)
    assert outcome.result is Result.DONE, outcome
    return outcome


async def release(controller: Controller, name: str) -> Outcome:
    outcome = await controller.run(controller.plan_release(controller.reservation(name)))
    assert outcome.result is Result.DONE, outcome
    return outcome


def live(lab: Lab, name: str) -> list[int]:
    """The ids of the jobs of that name which have not ended, from Slurm itself."""
    lines = lab.slurm("squeue", "-h", "-o", "%A %j").splitlines()
    return [int(line.split()[0]) for line in lines if line.split()[1] == name]


def signal(lab: Lab, job: int | None, *how: str) -> None:
    lab.slurm("scancel", "--signal=USR1", *how, str(job))


def files(lab: Lab) -> list[str]:
    """What is left of reservations on the host."""
    home = lab.layout.home / ".sactui"
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_a_persistent_reservation_is_followed_from_job_to_job(lab: Lab, tmp_path: Path) -> None:
    define(tmp_path, "heir1", ["sleep", "600"], "chain")

    async def work(controller: Controller) -> None:
        def home() -> Reservation:
            return controller.reservation("chain")

        await book(controller, lab, "chain", options(lab))
        first = home()
        assert first.generations == 3
        await until(lambda: home().report is not None, "the report of the batch script")
        report = home().report
        assert report is not None
        assert report.node == first.node
        assert report.tmux_version.startswith("tmux")
        started = await controller.run(controller.plan_start(["heir1"])[0])
        assert started.result is Result.DONE, started
        await until(lambda: home().memory_used_mib is not None, "what its tenants use")

        # By every way of sending it, and more than once: one successor.
        for how in (["--batch"], ["--full"], [], ["--batch"]):
            await asyncio.to_thread(signal, lab, first.job_id, *how)
        await until(lambda: len(live(lab, "chain")) == 2, "the successor")
        await until(lambda: home().successor is not None, "that the successor is shown")
        heir = home().successor
        assert heir is not None
        assert heir.comment.endswith(":2")
        assert home().job_id == first.job_id, "the lease stays where the tenants are"
        await asyncio.to_thread(signal, lab, first.job_id, "--batch")
        await until(lambda: "no second successor" in home().said, "what the script says of a second one")
        assert len(live(lab, "chain")) == 2
        assert controller.agent("heir1").state.alive, "nothing that was sent has harmed an agent"

        # Both are on one node and share its /tmp; only the first one's server goes.
        await asyncio.to_thread(lab.slurm, "scancel", str(first.job_id))
        await until(lambda: home().job_id == heir.id and home().phase is Phase.RUNNING, "the next job")
        assert home().tmux_server == f"sac-{heir.id}"
        await until(lambda: controller.agent("heir1").state is AgentState.LOST, "the lost tenant")
        assert f"lost with job {first.job_id}" in controller.agent("heir1").verdict.why
        assert home().lost == ("heir1",)
        await until(lambda: home().panes_at is not None and home().trouble is None, "its own server")
        again = await controller.run(controller.plan_start(["heir1"])[0])
        assert again.result is Result.DONE, again
        await until(lambda: not home().lost, "that nothing is lost any more")
        assert controller.agent("heir1").state.alive

        # The third generation is the last; a release that never saw it takes it along.
        confirmed = controller.plan_release(home())
        assert "heir1" in " ".join(confirmed.impact)
        await controller.close()
        await asyncio.to_thread(signal, lab, heir.id, "--batch")
        await until(lambda: len(live(lab, "chain")) == 2, "the last successor")
        async with Controller(configuration(lab, tmp_path)) as second:
            assert (await second.run(confirmed)).result is Result.DONE
        assert live(lab, "chain") == []
        assert not list((tmp_path / "leases").glob("*.json"))

    driven(configuration(lab, tmp_path), work)
    assert not [name for name in files(lab) if "chain" in name]


def test_no_successor_where_there_must_be_none(lab: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller) -> None:
        def said(name: str) -> str:
            return controller.reservation(name).said

        # Two leases on one node.
        await asyncio.gather(
            book(controller, lab, "young", options(lab, least_life=600)),
            book(controller, lab, "short", options(lab, lead=3600)),
            book(controller, lab, "last", options(lab, generations=1)),
        )
        short = controller.reservation("short")
        lowered = await controller.run(controller.plan_extend(short, "1:00:00"))
        assert lowered.result is Result.DONE, lowered
        for name in ("young", "short", "last"):
            await asyncio.to_thread(signal, lab, controller.reservation(name).job_id, "--batch")
        await until(lambda: "has lived" in said("young"), "that a young job submits nothing")
        await until(lambda: "not below half" in said("short"), "that a short job submits nothing")
        await until(lambda: "is the last" in said("last"), "that the last one submits nothing")
        for name in ("young", "short", "last"):
            assert len(live(lab, name)) == 1
        await release(controller, "young")
        assert controller.reservation("short").panes_at is not None
        mark = controller.reservation("short").panes_at or 0
        await until(lambda: (controller.reservation("short").panes_at or 0) > mark, "the other server")
        await asyncio.gather(release(controller, "short"), release(controller, "last"))

    driven(configuration(lab, tmp_path), work)


def test_a_lost_lease_file_is_written_again_from_slurm_alone(lab: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller) -> None:
        await book(controller, lab, "astray", options(lab, tmux_prefix="odd", generations=7))
        job = controller.reservation("astray").job_id
        path = next((tmp_path / "leases").glob("*-astray.json"))
        before = json.loads(path.read_text())
        path.unlink()
        await until(path.exists, "the lease again")
        await until(lambda: controller.reservation("astray").phase is Phase.RUNNING, "its row")
        after = json.loads(path.read_text())
        assert after["job_id"] == str(job)
        assert after["extras"]["tmux_server"] == f"odd-{job}"
        assert after["persistent"] is True
        for key in ("uuid", "generations", "lead", "submits", "argv"):
            assert after["extras"]["sactui"][key] == before["extras"]["sactui"][key]
        await release(controller, "astray")
        assert live(lab, "astray") == []

    driven(configuration(lab, tmp_path), work)


def test_two_consoles_that_book_one_name_get_one_job(lab: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller) -> None:
        async with Controller(configuration(lab, tmp_path)) as other:
            request = BookRequest("twice", lab.alias, options(lab))
            plans = [(c, c.plan_book(request)) for c in (controller, other)]
            outcomes = await asyncio.gather(*(c.run(plan) for c, plan in plans))
            results = sorted(outcome.result for outcome in outcomes)
            assert results == [Result.DONE, Result.FAILED], outcomes
            assert len(live(lab, "twice")) == 1
        await release(controller, "twice")

    driven(configuration(lab, tmp_path), work)


def test_a_release_without_the_host_keeps_the_lease(lab: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller) -> None:
        request = BookRequest("kept", lab.proxy_alias, options(lab))
        assert (await controller.run(controller.plan_book(request), wait=True)).result is Result.DONE
        plan = controller.plan_release(controller.reservation("kept"))
        lab.proxy.cut()
        try:
            outcome = await controller.run(plan)
        finally:
            lab.proxy.normal()
        assert outcome.result is Result.UNKNOWN, outcome
        assert outcome.exit_code == 4
        assert list((tmp_path / "leases").glob("*-kept.json"))
        assert len(live(lab, "kept")) == 1
        done = await controller.run(controller.plan_release(controller.reservation("kept")))
        assert done.result is Result.DONE, done
        assert live(lab, "kept") == []

    lab.proxy.normal()
    driven(configuration(lab, tmp_path, hosts=(lab.proxy_alias,)), work)
