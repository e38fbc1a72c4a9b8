"""How reservations end and go on when others decide: preemption, requeue, node failure, the site's rules."""

from __future__ import annotations

import asyncio
import os
import signal as signals
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sactui.core.booking import BookRequest
from sactui.core.controller import Controller
from sactui.core.plan import Result
from sactui.domain.fleet import Reservation
from sactui.domain.state import AgentState, Phase
from sactui.errors import Refused
from sactui.lab import Lab, Partition
from sactui.lab.conditions import configured
from sactui.lab.faults import wait_until
from sactui.runtimes.hold import HoldOptions

from .test_cli import Cli
from .test_reservations import book, live, options, release, until
from .test_slice import configuration, define, driven

pytestmark = pytest.mark.lab


@pytest.fixture
def emptied(mended: Lab) -> Iterator[Lab]:
    """The lab for a test that breaks it; mended and without jobs afterwards."""
    try:
        yield mended
    finally:
        mended.faults.restore()
        for job in mended.slurm("squeue", "-h", "-o", "%A").split():
            mended.slurm("scancel", job)


def plain(lab: Lab, **changes: object) -> HoldOptions:
    return options(lab, **{"persistent": False, **changes})


def test_preempted_by_others(emptied: Lab, tmp_path: Path) -> None:
    lab = emptied
    define(tmp_path, "soft", ["sleep", "600"], "back")
    define(tmp_path, "hard", ["sleep", "600"], "away")
    half = {"cpus": lab.options.cpus // 2, "memory": "1G"}

    async def work(controller: Controller) -> None:
        def home(name: str) -> Reservation:
            return controller.reservation(name)

        await asyncio.gather(
            book(controller, lab, "back", plain(lab, **half, options=(("requeue", ""),))),
            book(controller, lab, "away", plain(lab, **half)),
        )
        for plan in controller.plan_start(["soft", "hard"]):
            assert (await controller.run(plan)).result is Result.DONE
        await until(lambda: controller.agent("soft").state.alive, "soft")
        await until(lambda: controller.agent("hard").state.alive, "hard")
        first = home("back").job_id
        await asyncio.to_thread(
            lab.slurm,
            *("sbatch", "--parsable", "-p", "high", "-w", lab.node_names[0], "--exclusive", "-J", "urgent"),
            *("--output=/dev/null", "--wrap", "sleep 600"),
        )
        # One may be requeued and keeps its lease; the other one is over.
        await until(lambda: "requeued, 1 tenant lost" in home("back").why, "that it was requeued")
        assert home("back").job_id == first
        await until(lambda: home("back").phase is Phase.PENDING, "that it waits")
        assert home("back").lost == ("soft",)
        await until(lambda: home("away").state == "preempted", "the end of the other one")
        await until(lambda: controller.agent("hard").state is AgentState.DEAD, "its agent")
        for name in lab.slurm("squeue", "-h", "-n", "urgent", "-o", "%A").split():
            await asyncio.to_thread(lab.slurm, "scancel", name)
        await asyncio.gather(release(controller, "back"), release(controller, "away"))

    with configured(lab, partitions=[Partition("high", tier=10)]):
        driven(configuration(lab, tmp_path), work)


def test_a_node_that_fails(emptied: Lab, tmp_path: Path) -> None:
    lab = emptied
    define(tmp_path, "onnode", ["sleep", "600"], "fragile")

    async def work(controller: Controller) -> None:
        def home() -> Reservation:
            return controller.reservation("fragile")

        await book(controller, lab, "fragile", options(lab, options=(("requeue", ""),)))
        assert (await controller.run(controller.plan_start(["onnode"])[0])).result is Result.DONE
        await until(lambda: controller.agent("onnode").state.alive, "the agent")
        job, node = home().job_id, home().node
        await asyncio.to_thread(lab.faults.crash, node)
        await asyncio.to_thread(lab.faults.down, node)
        await until(lambda: "requeued, 1 tenant lost" in home().why, "that it was requeued")
        assert home().job_id == job
        await until(
            lambda: controller.agent("onnode").state in (AgentState.DEAD, AgentState.LOST), "its agent"
        )
        await release(controller, "fragile")
        assert live(lab, "fragile") == []

    driven(configuration(lab, tmp_path), work)


def test_where_nodes_may_not_submit_the_console_does(emptied: Lab, tmp_path: Path) -> None:
    lab = emptied

    async def work(controller: Controller) -> None:
        def home() -> Reservation:
            return controller.reservation("ward")

        request = BookRequest("ward", lab.alias, options(lab))
        plan = await controller.prepare_book(request)
        assert "submitted from here" in " ".join(plan.impact)
        done = await controller.run(plan, wait=True)
        assert done.result is Result.DONE, done
        assert home().submits == "console"
        heir = await controller.run(controller.plan_successor(home()))
        assert heir.result is Result.DONE, heir
        await until(lambda: home().successor is not None, "the successor")
        assert home().successor.comment.endswith(":2")  # type: ignore[union-attr]
        with pytest.raises(Refused, match="has a successor"):
            controller.plan_successor(home())
        await release(controller, "ward")
        assert live(lab, "ward") == []

    # All of the lab is one machine: its own AllocNodes could not tell a node from the login.
    lab.faults.replace("scontrol", '"$real" "$@" | sed "s/AllocNodes=[^ ]*/AllocNodes=login9/"')
    driven(configuration(lab, tmp_path), work)


def test_what_the_site_refuses_is_said_before_anything_is_submitted(lab: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller) -> None:
        for held, word in (
            (plain(lab, partition="short", time="9:00:00"), "short allows 04:00:00"),
            (plain(lab, cpus=lab.options.cpus + 1), "CPUs"),
            (plain(lab, node_list="", gpus="9"), "GPUs"),
            (plain(lab, partition="nowhere"), "no partition 'nowhere'"),
        ):
            with pytest.raises(Refused, match=word):
                await controller.prepare_book(BookRequest("never", lab.alias, held))
        outcome = await controller.run(controller.plan_book(BookRequest("never", lab.alias, held)))
        assert outcome.result is Result.FAILED
        assert "no partition 'nowhere'" in outcome.message

    driven(configuration(lab, tmp_path), work)
    assert not list((tmp_path / "leases").glob("*.json"))
    assert live(lab, "never") == []


def test_booked_followed_left_extended_and_adopted_from_the_command_line(
    emptied: Lab, tmp_path: Path
) -> None:
    lab = emptied
    cli = Cli(lab, tmp_path)
    secret = "pass-1d2c3b4a"
    setup = tmp_path / "setup.sh"
    setup.write_text(f"export MODULE_TOKEN={secret}\nPATH=/opt/of/setup:$PATH\n")
    small = ("--cpus", "1", "--mem", "500M", "--setup", str(setup))
    said = cli(
        *("reservations", "book", "byhand", "--host", lab.alias, *small, "--time", "2:00:00", "--yes"),
    )
    assert "byhand runs on" in said.stdout
    assert "claude is not on the PATH" in said.stderr, "what an agent would stumble over is said at once"
    (shown,) = cli.json("reservations", "show", "byhand")
    assert shown["report"]["tmux_version"].startswith("tmux")
    assert shown["observed_at"]
    assert shown["source"] == "squeue"
    told = cli("reservations", "show", "byhand").stdout
    assert "node offers" in told
    for pid in lab.processes():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        assert secret.encode() not in words, "what a setup holds is in no argument list"

    # Lowering is every user's right, raising is not; then the next job is offered.
    assert "01:00:00 now" in cli("reservations", "extend", "byhand", "--time", "1:00:00", "--yes").stdout
    lab.faults.replace(
        "scontrol",
        '[ "$1" = update ] || exec "$real" "$@"; echo "Access/permission denied for job" >&2; exit 1',
    )
    refused = cli("reservations", "extend", "byhand", "--time", "9:00:00", "--yes", expect=1)
    assert "--successor" in refused.stderr
    lab.faults.mend("scontrol")

    # A site that gives something else than was asked for.
    lab.faults.replace(
        "sbatch",
        'case "$*" in *test-only*) exec "$real" "$@";; esac; '
        'id=$("$real" "$@") && scontrol update JobId="$id" TimeLimit=30 && echo "$id"',
    )
    other = cli(
        *("reservations", "book", "less", "--host", lab.alias, *small, "--time", "2:00:00"),
        *("--no-wait", "--yes"),
    )
    assert "the site gave 00:30:00 instead of 02:00:00" in other.stdout
    lab.faults.mend("sbatch")
    cli("reservations", "release", "less", "--yes")

    # Leaving a booking that waits loses nothing.
    for node in lab.node_names:
        lab.faults.drain(node, "a test")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sactui", "reservations", "book", "patient", "--host", lab.alias),
            *("--cpus", "1", "--mem", "500M", "--time", "2:00:00", "--yes"),
        ],
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "patient: pending" in line:
            break
    os.kill(process.pid, signals.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "waits without you" in out
    assert len(live(lab, "patient")) == 1
    (waiting,) = cli.json("reservations", "show", "patient")
    assert waiting["state"] == "pending"
    assert waiting["why"]
    cli("reservations", "release", "patient", "--yes")
    lab.faults.restore()

    # A job that was made without sactui.
    up = cli.home / "mine.up"
    job = lab.slurm(
        *("sbatch", "--parsable", "-J", "foreign", "--mem=500M", "--output=/dev/null"),
        *("--wrap", f"tmux -L mine new-session -d -s _root 'sleep 600'; touch {up}; sleep 600"),
    ).strip()
    wait_until(up.exists, "its tmux server", 60)
    cli("reservations", "adopt", job, "taken", "--host", lab.alias, "--tmux-server", "mine", "--yes")
    (taken,) = cli.json("reservations", "show", "taken")
    assert (taken["job_id"], taken["tmux_server"]) == (int(job), "mine")
    again = cli("reservations", "adopt", job, "twice", "--host", lab.alias, "--yes", expect=1)
    assert "is the reservation 'taken' already" in again.stderr
    cli("reservations", "release", "taken", "--yes")
    assert live(lab, "foreign") == []
    cli("reservations", "release", "byhand", "--yes")
    assert cli.json("reservations") == []


def test_a_batch_shell_that_dies_unannounced_takes_its_server_along(emptied: Lab, tmp_path: Path) -> None:
    lab = emptied

    async def work(controller: Controller) -> None:
        await book(controller, lab, "sudden", plain(lab))
        socket = controller.reservation("sudden").tmux_server
        servers = [pid for pid in lab.processes() if _words(pid)[:4] == ["tmux", "-u", "-L", socket]]
        assert servers
        (shell,) = {variables["SACTUI_BATCH_PID"] for pid in servers if (variables := _environment(pid))}
        os.kill(int(shell), signals.SIGKILL)
        await until(lambda: not set(servers) & lab.processes(), "the end of its tmux server")
        await until(lambda: controller.reservation("sudden").phase.ended, "the end of its job")
        await release(controller, "sudden")

    driven(configuration(lab, tmp_path), work)


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _environment(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(line.partition("=")[::2] for line in text.split("\0") if "=" in line)
