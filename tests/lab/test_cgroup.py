"""What only real cgroups and a private /tmp can show: steps take their tmux servers along, ours stay.

Where this machine does not let a lab have them, the lab says why, and that is what is tested.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sactui.core.booking import BookRequest
from sactui.core.controller import Controller
from sactui.core.plan import Result
from sactui.errors import LabError
from sactui.lab import Lab, LabOptions, cgroups
from sactui.lab.faults import wait_until
from sactui.runtimes.hold import HoldOptions

from .test_slice import configuration, define, driven, release, until

pytestmark = pytest.mark.lab


def options() -> LabOptions:
    return LabOptions(name=f"g{os.getpid()}", nodes=2, node_prefix="cg", cgroup=True, owner=os.getpid())


@pytest.fixture(scope="module")
def contained() -> Iterator[Lab | None]:
    """A cluster with cgroups; ``None`` where there can be none, after the lab has said so itself."""
    problem = cgroups.problem()
    if problem:
        with pytest.raises(LabError, match="a lab with cgroups cannot run here") as refused:
            Lab(options()).up()
        assert problem in refused.value.message
        assert refused.value.remedy
        yield None
        return
    lab = Lab(options())
    try:
        lab.up()
        yield lab
    finally:
        lab.down()
    assert not lab.directory.exists()
    assert str(lab.directory) not in Path("/proc/self/mountinfo").read_text()
    assert not list(cgroups.ROOT.glob("*/slurm_cg*"))


def test_a_server_of_a_step_dies_with_it_and_sockets_are_private(contained: Lab | None) -> None:
    if contained is None:
        return  # the fixture has shown the refusal and its reason
    lab = contained
    job = lab.slurm(
        *("sbatch", "--parsable", "-t10", "-c1", "--mem=100M", "-o", "/dev/null", "--wrap"),
        "tmux -L batch new-session -d sleep 600; sleep 600",
    ).strip()

    def step(command: str) -> str:
        return lab.slurm("srun", f"--jobid={job}", "--overlap", "-N1", "-n1", "--mem=0", "sh", "-c", command)

    try:
        wait_until(
            lambda: lab.slurm("squeue", "-h", "-j", job, "-o", "%T").strip() == "RUNNING", "the job", 60
        )
        wait_until(
            lambda: "1 windows" in step("tmux -L batch ls 2>&1 || true"), "the server of the script", 60
        )
        assert "1 windows" in step("tmux -L step new-session -d sleep 600; tmux -L step ls")
        wait_until(
            lambda: "1 windows" not in step("tmux -L step ls 2>&1 || true"), "the step's server to die", 60
        )
        assert "1 windows" in step("tmux -L batch ls")
        # Nobody outside the job sees its sockets, or the job the machine's /tmp.
        assert not Path(f"/tmp/tmux-{os.getuid()}/batch").exists()
        assert step("ls /tmp").split() == [f"tmux-{os.getuid()}"]
    finally:
        lab.slurm("scancel", job)


def test_book_start_look_attach_and_release_live_in_it(contained: Lab | None, tmp_path: Path) -> None:
    if contained is None:
        return  # the fixture has shown the refusal and its reason
    lab = contained
    define(tmp_path, "ref1", ["sh", "-c", 'echo contained; while read line; do echo "got $line"; done'])

    async def work(controller: Controller) -> None:
        request = BookRequest("pool", lab.alias, HoldOptions(cpus=1, memory="1G", time="1:00:00"))
        outcome = await controller.run(controller.plan_book(request), wait=True)
        assert outcome.result is Result.DONE, outcome
        outcome = await controller.run(controller.plan_start(["ref1"])[0])
        assert outcome.result is Result.DONE, outcome
        await until(lambda: "contained" in controller.agent("ref1").screen, "its screen through the channel")
        terminal = await controller.open_terminal("ref1", 80, 24)
        try:
            await terminal.write(b"hello\r")
            seen = b""
            while b"got hello" not in seen:
                chunk = await terminal.read()
                assert chunk, seen
                seen += chunk
        finally:
            await terminal.close()
        # The step of the terminal has ended; the agent has not.
        await until(lambda: "got hello" in controller.agent("ref1").screen, "the answer on its screen")
        assert controller.agent("ref1").state.alive
        await release(controller)

    driven(configuration(lab, tmp_path), work)
    wait_until(lambda: not lab.slurm("squeue", "-h", "-o", "%A").split(), "jobs are left", 60)
