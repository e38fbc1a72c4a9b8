"""sactui killed in the middle of booking and releasing: nothing is lost, doubled or left over."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from sactui.core.booking import BookRequest
from sactui.core.controller import Controller, once
from sactui.core.plan import Outcome, Result
from sactui.domain.fleet import Reservation
from sactui.domain.state import Phase
from sactui.lab import Lab
from sactui.runtimes.hold import HoldOptions

from .test_cli import Cli
from .test_reservations import files, live, until
from .test_slice import configuration

pytestmark = pytest.mark.lab

#: Where the kill comes, as shell text around the command of Slurm that is running then.
_KILL = "while [ ! -s {pid} ]; do sleep 0.02; done; kill -9 $(cat {pid})"
_BEFORE = f"{_KILL}; exit 1"
_WITHIN = f'{_KILL}; exec "$real" "$@"'
_AFTER = f'"$real" "$@"; {_KILL}; exit 0'
#: The estimate submits nothing.
_REAL = '[ "$1" = --test-only ] && exec "$real" "$@"; '
#: The same for a command that has another use before: only once the other one has run.
_LATER = f'[ -e {{done}} ] || exec "$real" "$@"; {_WITHIN}'
_NOTE = '"$real" "$@"; status=$?; : >{done}; exit $status'


@pytest.fixture
def cli(mended: Lab, tmp_path: Path) -> Iterator[Cli]:
    yield Cli(mended, tmp_path)
    for job in mended.slurm("squeue", "-h", "-o", "%A").split():
        mended.slurm("scancel", job)


def killed(cli: Cli, words: tuple[str, ...], faults: dict[str, str], tmp_path: Path) -> None:
    """Run the command line until one of the faults kills it."""
    pid, done = tmp_path / "pid", tmp_path / "done"
    pid.unlink(missing_ok=True)
    done.unlink(missing_ok=True)
    for command, body in faults.items():
        cli.lab.faults.replace(command, body.format(pid=pid, done=done))
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "sactui", *words],
            env=cli.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        pid.write_text(str(process.pid))
        said, _ = process.communicate(timeout=90)
        assert process.returncode == -9, f"{faults}: it was not killed\n{said}"
    finally:
        cli.lab.faults.quick()


def restarted(cli: Cli, tmp_path: Path, work: Callable[[Controller], Awaitable[None]]) -> None:
    """``work`` with a program that has just been started."""

    async def run() -> None:
        async with once(configuration(cli.lab, tmp_path)) as controller:
            await work(controller)

    asyncio.run(run())


def _request(lab: Lab) -> BookRequest:
    return BookRequest("mortal", lab.alias, HoldOptions(cpus=1, memory="500M", time="3:00:00"))


_BOOK = ("reservations", "book", "mortal", "--cpus", "1", "--mem", "500M", "--time", "3:00:00", "--no-wait")


@pytest.mark.parametrize(
    ("faults", "jobs"),
    [
        ({"sinfo": _WITHIN}, 0),  # before there is a lease
        ({"sbatch": _REAL + _BEFORE}, 0),  # a lease, no job
        ({"sbatch": _REAL + _WITHIN}, 1),  # the job comes later
        ({"sbatch": _REAL + _AFTER}, 1),  # the answer is lost
        # after the lease was bound
        ({"sbatch": _REAL + _NOTE, "squeue": _LATER}, 1),
    ],
    ids=["before the lease", "before sbatch", "in sbatch", "after sbatch", "after binding"],
)
def test_a_booking_that_is_killed(cli: Cli, tmp_path: Path, faults: dict[str, str], jobs: int) -> None:
    lab = cli.lab
    killed(cli, (*_BOOK, "--host", lab.alias, "--yes"), faults, tmp_path)

    async def again(controller: Controller) -> None:
        await until(lambda: len(live(lab, "mortal")) == jobs, f"{jobs} jobs")
        await controller.refresh()
        known = [home for home in controller.fleet.reservations if home.name == "mortal"]
        if jobs:
            assert [home.job_id for home in known] == live(lab, "mortal"), "bound from Slurm alone"
        else:
            assert all(home.job_id is None for home in known)
            outcome: Outcome = await controller.run(controller.plan_book(_request(lab)))
            assert outcome.result is Result.DONE, outcome
        assert len(live(lab, "mortal")) == 1
        await controller.refresh()
        (home,) = controller.fleet.reservations
        assert [home.job_id] == live(lab, "mortal")
        done = await controller.run(controller.plan_release(home))
        assert done.result is Result.DONE, done

    restarted(cli, tmp_path, again)
    assert live(lab, "mortal") == []
    assert not list((tmp_path / "leases").glob("*.json"))
    assert not [name for name in files(lab) if "mortal" in name]


@pytest.mark.parametrize(
    "faults",
    [
        {"scancel": _BEFORE},
        {"scancel": _WITHIN},
        {"scancel": _AFTER},
        {"scancel": _NOTE, "squeue": _LATER},
    ],
    ids=["before scancel", "in scancel", "after scancel", "while it ends"],
)
def test_a_release_that_is_killed(cli: Cli, tmp_path: Path, faults: dict[str, str]) -> None:
    lab = cli.lab

    async def first(controller: Controller) -> None:
        outcome = await controller.run(controller.plan_book(_request(lab)))
        assert outcome.result is Result.DONE, outcome

    restarted(cli, tmp_path, first)
    killed(cli, ("reservations", "release", "mortal", "--yes"), faults, tmp_path)
    assert list((tmp_path / "leases").glob("*-mortal.json")), "the lease stays until the end was seen"

    async def again(controller: Controller) -> None:
        home: Reservation = controller.reservation("mortal")
        assert home.phase is not Phase.UNKNOWN or home.job_id is not None
        assert "release did not finish" in home.why
        done = await controller.run(controller.plan_release(home))
        assert done.result is Result.DONE, done

    restarted(cli, tmp_path, again)
    assert live(lab, "mortal") == []
    assert not list((tmp_path / "leases").glob("*.json"))
    assert not [name for name in files(lab) if "mortal" in name]
