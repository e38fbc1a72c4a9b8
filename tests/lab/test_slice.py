"""The whole slice over real sshd, slurmctld, slurmd and tmux, without a screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sactui.core.booking import BookRequest
from sactui.core.controller import Configuration, Controller
from sactui.core.plan import Result
from sactui.domain.state import AgentState, Link, Phase
from sactui.errors import Refused
from sactui.lab import Lab
from sactui.runtimes.hold import HoldOptions

pytestmark = pytest.mark.lab

_AGENT = """\
apiVersion: scitex-agent-container/v3
kind: Agent
spec:
  runtime: slurm-tenant
  slurm:
    reservation: {reservation}
  extensions:
    sactui:
      command: {command}
"""


def configuration(lab: Lab, tmp_path: Path, **changes: object) -> Configuration:
    for name in ("agents", "leases", "state"):
        (tmp_path / name).mkdir(exist_ok=True)
    values: dict[str, object] = {
        "hosts": (lab.alias,),
        "agent_directories": (tmp_path / "agents",),
        "lease_directory": tmp_path / "leases",
        "state_directory": tmp_path / "state",
        "ssh_config": lab.ssh_config,
        "interval": 0.5,
        "follow_files": False,
    }
    return Configuration(**{**values, **changes})  # type: ignore[arg-type]


def define(tmp_path: Path, name: str, command: list[str], reservation: str = "pool") -> None:
    directory = tmp_path / "agents" / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.yaml").write_text(
        _AGENT.format(reservation=reservation, command=json.dumps(command))
    )


async def until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait for a condition that nothing announces; the failure says which."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - states of a cluster have no event to wait for
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"never came: {what}")


def driven(config: Configuration, work: Callable[[Controller], Awaitable[None]]) -> None:
    """Run ``work`` with a live controller and take everything down after it."""

    async def run() -> None:
        async with Controller(config) as controller:
            await work(controller)

    asyncio.run(run())


async def book(controller: Controller, lab: Lab, name: str = "pool", host: str = "") -> None:
    request = BookRequest(name, host or lab.alias, HoldOptions(cpus=2, memory="2G", time="1:00:00"))
    outcome = await controller.run(controller.plan_book(request), wait=True)
    assert outcome.result is Result.DONE, outcome


async def release(controller: Controller, name: str = "pool") -> None:
    outcome = await controller.run(controller.plan_release(controller.reservation(name)))
    assert outcome.result is Result.DONE, outcome


def test_book_start_look_log_stop_release(lab: Lab, tmp_path: Path) -> None:
    define(tmp_path, "ref1", ["sh", "-c", "echo hello from $CLAUDE_AGENT_ID; exec sleep 600"])
    define(tmp_path, "ref10", ["sh", "-c", "echo ten; exec sleep 600"])

    async def work(controller: Controller) -> None:
        await book(controller, lab)
        lease = json.loads(next((tmp_path / "leases").glob("*.json")).read_text())
        home = controller.reservation("pool")
        assert lease["job_id"] == str(home.job_id)
        assert lease["extras"]["tmux_server"] == f"sac-{home.job_id}"
        assert home.phase is Phase.RUNNING

        for plan in controller.plan_start(["ref1", "ref10"]):
            outcome = await controller.run(plan)
            assert outcome.result is Result.DONE, outcome
        await until(lambda: controller.agent("ref1").pane is not None, "the pane of ref1")
        assert "hello from ref1" in await controller.logs("ref1", 10)

        again = await controller.run(controller.plan_start(["ref1"])[0])
        assert again.message == "ref1 was already running"

        stopped = await controller.run(controller.plan_stop(["ref1"])[0])
        assert stopped.result is Result.DONE
        await until(lambda: controller.agent("ref1").state is AgentState.STOPPED, "ref1 stopped")
        assert controller.agent("ref10").pane is not None, "the name that shares a prefix is untouched"

        plan = controller.plan_release(controller.reservation("pool"))
        assert "ref10" in " ".join(plan.impact)
        assert (await controller.run(plan)).result is Result.DONE
        assert not list((tmp_path / "leases").glob("*.json"))

    driven(configuration(lab, tmp_path), work)
    audit = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    assert [entry["action"] for entry in audit] == ["book", "start", "start", "stop", "release"]
    assert {entry["result"] for entry in audit} == {"done"}


def test_a_program_that_ends_at_once_is_a_failed_start_with_its_last_screen(lab: Lab, tmp_path: Path) -> None:
    define(tmp_path, "broken", ["no-such-program-here"])

    async def work(controller: Controller) -> None:
        await book(controller, lab)
        outcome = await controller.run(controller.plan_start(["broken"])[0])
        assert outcome.result is Result.FAILED
        assert "exit 127" in outcome.message
        assert "no-such-program-here" in outcome.evidence
        await release(controller)

    driven(configuration(lab, tmp_path), work)


def test_an_exit_status_is_shown(lab: Lab, tmp_path: Path) -> None:
    define(tmp_path, "crash", ["sh", "-c", "sleep 2; exit 3"])

    async def work(controller: Controller) -> None:
        await book(controller, lab)
        await controller.run(controller.plan_start(["crash"])[0])
        await until(lambda: controller.agent("crash").state is AgentState.EXITED, "crash exited")
        assert "3" in controller.agent("crash").verdict.why
        await release(controller)

    driven(configuration(lab, tmp_path), work)


def test_start_is_refused_before_the_reservation_exists(lab: Lab, tmp_path: Path) -> None:
    define(tmp_path, "ref1", ["sleep", "600"])

    async def work(controller: Controller) -> None:
        await until(lambda: lab.alias in controller.fleet.jobs_at, "the first look")
        with pytest.raises(Refused, match="there is no reservation 'pool'"):
            controller.plan_start(["ref1"])

    driven(configuration(lab, tmp_path), work)


def test_read_only_is_enforced_below_the_screen(lab: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller) -> None:
        request = BookRequest("pool", lab.alias, HoldOptions())
        with pytest.raises(Refused, match="read-only"):
            await controller.run(controller.plan_book(request))

    driven(configuration(lab, tmp_path, read_only=True), work)
    assert "pool" not in lab.slurm("squeue", "-h", "-o", "%j")


def test_a_refused_booking_says_what_slurm_said_and_leaves_no_lease(lab: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller) -> None:
        request = BookRequest(
            "pool", lab.alias, HoldOptions(partition="nosuch", cpus=1, memory="1G", time="1:00")
        )
        outcome = await controller.run(controller.plan_book(request))
        assert outcome.result is Result.FAILED
        assert "partition" in outcome.message.lower()

    driven(configuration(lab, tmp_path), work)
    assert not list((tmp_path / "leases").glob("*.json"))


def test_an_unreachable_host_keeps_its_rows_and_recovers_without_a_key(lab: Lab, tmp_path: Path) -> None:
    define(tmp_path, "ref1", ["sleep", "600"])

    async def work(controller: Controller) -> None:
        await book(controller, lab, host=lab.proxy_alias)
        await controller.run(controller.plan_start(["ref1"])[0])
        await until(lambda: controller.agent("ref1").pane is not None, "the agent")
        before = controller.reservation("pool").observed_at
        lab.proxy.cut()
        await until(lambda: controller.fleet.hosts[0].link is not Link.UP, "the lost link")
        host = controller.fleet.hosts[0]
        assert host.troubles
        assert host.troubles[0].layer == "ssh"
        assert controller.reservation("pool").state == "running", "the row stays"
        assert controller.agent("ref1").state is not AgentState.STOPPED, "a failed look is not a stop"
        lab.proxy.normal()
        await until(lambda: controller.fleet.hosts[0].link is Link.UP, "the link again", 40)
        await until(
            lambda: (controller.reservation("pool").observed_at or 0) > (before or 0) + 1, "fresh data"
        )
        await release(controller)

    lab.proxy.normal()
    driven(configuration(lab, tmp_path, hosts=(lab.proxy_alias,)), work)


def test_yaml_edits_appear_by_themselves_and_a_broken_file_keeps_its_last_good_version(
    lab: Lab, tmp_path: Path
) -> None:
    define(tmp_path, "one", ["sleep", "1"])

    async def work(controller: Controller) -> None:
        await until(lambda: "one" in controller.files.definitions, "the first definition")
        define(tmp_path, "two", ["sleep", "1"])
        await until(lambda: "two" in controller.files.definitions, "the new definition")
        broken = tmp_path / "agents" / "one" / "one.yaml"
        broken.write_text("apiVersion: [\n")
        await until(lambda: any(str(broken) in p.where for p in controller.fleet.problems), "the problem")
        assert any(":2:" in p.where or ":1:" in p.where for p in controller.fleet.problems), "file:line"
        assert {"one", "two"} <= set(controller.files.definitions), (
            "others are unaffected, the last good one stays"
        )

    driven(configuration(lab, tmp_path, follow_files=True), work)
