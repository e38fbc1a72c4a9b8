"""What the console says while something is broken, and that it recovers by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sactui import clock
from sactui.core.booking import BookRequest
from sactui.core.controller import Configuration, Controller
from sactui.core.plan import Result
from sactui.domain.fleet import Agent, Fleet, HostView, Reservation
from sactui.domain.state import AgentState, Link, Phase
from sactui.lab import Lab
from sactui.lab.faults import wait_until
from sactui.runtimes.hold import HoldOptions
from tests.lab.test_slice import configuration, define, driven, release, until

pytestmark = pytest.mark.lab

#: Prints for ever, so that a screen that is looked at differs from one that is remembered.
_TICKING = ["sh", "-c", "while :; do date +%s.%N; sleep 0.5; done"]


@pytest.fixture
def broken(mended: Lab) -> Iterator[Lab]:
    """The lab for a test that breaks it; whole and without jobs afterwards."""
    try:
        yield mended
    finally:
        mended.proxy.normal()
        mended.faults.restore()
        _cancel_all(mended)


def _cancel_all(lab: Lab) -> None:
    jobs = lab.slurm("squeue", "-h", "-o", "%A").split()
    if jobs:
        lab.slurm("scancel", *jobs)
    wait_until(lambda: not lab.slurm("squeue", "-h", "-o", "%A").split(), "jobs are left", 30)


def _our_steps(lab: Lab) -> list[str]:
    """The steps in the queue that are not a job's own batch script."""
    steps = lab.slurm("squeue", "-s", "-h", "-o", "%i %j").splitlines()
    return [step for step in steps if not step.split()[0].endswith((".batch", ".extern"))]


def _our_sruns(lab: Lab) -> list[bytes]:
    found = []
    for pid in lab.processes():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if Path(words.split(b"\0")[0].decode(errors="replace")).name == "srun":
            found.append(words)
    return found


class Witness:
    """Follows every fleet from its making on, and keeps what the agent and its home were called."""

    def __init__(self, controller: Controller, host: str) -> None:
        self.controller, self.host = controller, host
        self.states: list[AgentState] = []
        self.homes: list[str] = []
        self.gone = False
        controller.listen(self._heard)

    def _heard(self, fleet: Fleet) -> None:
        agent = next((agent for agent in fleet.agents if agent.name == "ref1"), None)
        home = next((home for home in fleet.reservations if home.name == "pool"), None)
        if agent is None or home is None:
            self.gone = True
            return
        if not self.states or self.states[-1] is not agent.state:
            self.states.append(agent.state)
        if not self.homes or self.homes[-1] != home.state:
            self.homes.append(home.state)

    @property
    def agent(self) -> Agent:
        return self.controller.agent("ref1")

    @property
    def home(self) -> Reservation:
        return self.controller.reservation("pool")

    @property
    def view(self) -> HostView:
        return next(view for view in self.controller.fleet.hosts if view.name == self.host)

    @property
    def looked_into(self) -> float:
        """When the agent's pane was last seen."""
        return self.agent.observed_at or 0.0

    @property
    def jobs_at(self) -> float:
        return self.controller.fleet.jobs_at[self.host]

    @property
    def layers(self) -> list[str]:
        return [trouble.layer for trouble in self.view.troubles]

    def rows_stay(self) -> None:
        """The agent was never called stopped, and neither row was ever missing."""
        assert not self.gone, "a row vanished"
        assert AgentState.STOPPED not in self.states, self.states

    def ran_on(self) -> None:
        """As :meth:`rows_stay`; and nothing that runs was ever called ended."""
        self.rows_stay()
        assert not {AgentState.DEAD, AgentState.LOST, AgentState.EXITED} & set(self.states), self.states
        assert set(self.homes) == {"running"}, self.homes

    async def trouble(self, seconds: float = 20) -> None:
        await until(lambda: bool(self.view.troubles), "a trouble that names the layer", seconds)

    async def recovered(self, seconds: float = 40) -> None:
        """Wait for fresh data of both layers and no trouble, without any key."""
        mark = clock.now()
        await until(
            lambda: self.view.link is Link.UP and not self.view.troubles, "the end of the trouble", seconds
        )
        await until(lambda: self.jobs_at > mark, "a fresh look at the queue")
        await until(lambda: self.looked_into > mark, "a fresh look into the allocation")
        assert self.agent.pane is not None
        assert self.agent.state.alive, self.agent.verdict
        assert not self.agent.verdict.stale


def _running(
    lab: Lab,
    tmp_path: Path,
    work: Callable[[Controller, Witness], Awaitable[None]],
    *,
    host: str = "",
    **changes: object,
) -> None:
    """A booked reservation with one running agent for ``work``; afterwards nothing of ours runs.

    The reservation is left to the fixture, so that a step of ours that stayed has an
    allocation to be seen in.
    """
    host = host or lab.alias
    define(tmp_path, "ref1", _TICKING)

    async def run(controller: Controller) -> None:
        request = BookRequest("pool", host, HoldOptions(cpus=1, memory="1G", time="1:00:00"))
        outcome = await controller.run(controller.plan_book(request), wait=True)
        assert outcome.result is Result.DONE, outcome
        outcome = await controller.run(controller.plan_start(["ref1"])[0])
        assert outcome.result is Result.DONE, outcome
        await until(lambda: controller.agent("ref1").state.alive, "the agent at work")
        await work(controller, Witness(controller, host))

    config: Configuration = configuration(lab, tmp_path, hosts=(host,), **changes)
    driven(config, run)
    lab.proxy.normal()
    lab.faults.restore()
    # Before the watchdog of a step, which would end it after two minutes, could have done it.
    wait_until(lambda: not _our_steps(lab), "a step of ours is left", 60)
    wait_until(lambda: not _our_sruns(lab), "an srun of ours is left", 60)


async def _act(act: Callable[..., object], *arguments: str) -> str:
    """What a person does to the lab, without holding up the console."""
    return str(await asyncio.to_thread(act, *arguments))


# ---- the controller


_CONTROLLER = {
    "stopped": ("slurmctld", "stop", "restart"),
    "hanging": ("slurmctld", "hang", "resume"),
    "without munge": ("munged", "kill", "restart"),
}


@pytest.mark.parametrize("fault", _CONTROLLER)
def test_without_the_controller_the_screens_stay_fresh(broken: Lab, tmp_path: Path, fault: str) -> None:
    daemon, harm, _ = _CONTROLLER[fault]

    async def work(controller: Controller, witness: Witness) -> None:
        await _act(getattr(broken.faults, harm), daemon)
        down = clock.now()
        # A queue that does not answer is no reason to stop looking at the agents.
        await until(lambda: witness.looked_into > down + 3, "a fresh screen without the controller", 8)
        assert witness.agent.state.alive
        assert not witness.agent.verdict.stale
        witness.ran_on()

    _running(broken, tmp_path, work)


@pytest.mark.parametrize("fault", _CONTROLLER)
def test_without_the_controller_the_jobs_keep_their_age(broken: Lab, tmp_path: Path, fault: str) -> None:
    daemon, harm, cure = _CONTROLLER[fault]

    async def work(controller: Controller, witness: Witness) -> None:
        await _act(getattr(broken.faults, harm), daemon)
        down = clock.now()
        await witness.trouble(45)
        assert witness.layers[0] == "controller", witness.view.troubles
        assert witness.view.link is Link.UP
        assert witness.jobs_at <= down + 0.5, "the jobs are as old as the last answer"
        assert witness.home.observed_at == witness.jobs_at
        assert witness.agent.state.alive
        assert witness.agent.pane is not None
        # The allocation is looked into all the same, by the step that is open.
        await until(lambda: witness.looked_into > down + 3, "a screen of after the fault", 8)
        await _act(getattr(broken.faults, cure), daemon)
        await witness.recovered(60)
        witness.ran_on()

    _running(broken, tmp_path, work)


# ---- the login host and the way to it


def test_a_login_host_that_dies_and_comes_back(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        await _act(broken.faults.kill, "login1")
        down = clock.now()
        await witness.trouble()
        assert witness.layers == ["ssh"]
        assert witness.view.link is not Link.UP
        await until(lambda: witness.view.next_try is not None, "the time of the next try")
        assert witness.jobs_at <= down
        assert witness.looked_into <= down
        assert witness.agent.screen, "the last screen stays"
        assert witness.agent.verdict.stale
        await _act(broken.faults.restart, "login1")
        await witness.recovered()
        witness.ran_on()

    _running(broken, tmp_path, work)


def test_a_login_host_that_hangs_is_noticed_and_forgiven(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        await _act(broken.faults.hang, "login1")
        down = clock.now()
        await witness.trouble(30)
        assert witness.layers[0] in ("ssh", "timeout"), witness.view.troubles
        assert witness.jobs_at <= down + 0.5
        assert witness.agent.state.alive
        assert witness.agent.screen
        await _act(broken.faults.resume, "login1")
        await witness.recovered(60)
        witness.ran_on()

    _running(broken, tmp_path, work)


@pytest.mark.parametrize("delay", [0.02, 0.2])
def test_a_connection_cut_in_the_middle_of_an_answer(broken: Lab, tmp_path: Path, delay: float) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        # Slow answers are under way at every moment.
        broken.proxy.delay(delay)
        mark = clock.now()
        await until(lambda: witness.jobs_at > mark, "a slow answer")
        broken.proxy.cut()
        await until(lambda: witness.view.link is not Link.UP, "that the cut link is not called up", 8)
        await witness.trouble()
        assert witness.layers == ["ssh"]
        assert witness.agent.state.alive
        broken.proxy.normal()
        await witness.recovered()
        witness.ran_on()

    broken.proxy.normal()
    _running(broken, tmp_path, work, host=broken.proxy_alias)


def test_answers_that_are_swallowed(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        broken.proxy.swallow()
        down = clock.now()
        await witness.trouble(40)
        assert witness.layers[0] in ("ssh", "timeout"), witness.view.troubles
        assert witness.jobs_at <= down + 0.5
        assert witness.agent.state.alive
        broken.proxy.normal()
        await witness.recovered()
        witness.ran_on()

    broken.proxy.normal()
    _running(broken, tmp_path, work, host=broken.proxy_alias)


# ---- the node


def test_a_node_without_its_slurmd_does_not_stop_its_agents(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        node = witness.home.node
        await _act(broken.faults.kill, node)
        down = clock.now()
        await until(lambda: witness.looked_into > down + 3, "the open step still answers", 10)
        assert witness.agent.state.alive
        assert not witness.agent.verdict.stale
        await _act(broken.faults.restart, node)
        await witness.recovered()
        witness.ran_on()

    _running(broken, tmp_path, work)


def test_a_console_that_starts_while_a_slurmd_is_dead_calls_nothing_stopped(
    broken: Lab, tmp_path: Path
) -> None:
    async def later(controller: Controller) -> None:
        witness = Witness(controller, broken.alias)
        await until(lambda: controller.fleet.jobs_at.get(broken.alias) is not None, "the first look")
        await witness.trouble(40)
        assert witness.layers[0] == "node", witness.view.troubles
        assert witness.agent.state is AgentState.UNKNOWN
        assert witness.home.state == "running"
        await _act(broken.faults.restart, witness.home.node)
        await witness.recovered()
        witness.rows_stay()

    async def first(controller: Controller, witness: Witness) -> None:
        await controller.close()
        await _act(broken.faults.kill, witness.home.node)
        async with Controller(configuration(broken, tmp_path)) as second:
            await later(second)

    _running(broken, tmp_path, first)


# ---- the job, from outside


def test_a_job_cancelled_from_outside_is_the_end_of_its_agents(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        await _act(broken.slurm, "scancel", str(witness.home.job_id))
        await until(lambda: witness.home.phase.ended or witness.home.state == "gone", "the end of the job")
        assert witness.home.state == "cancelled"
        await until(lambda: witness.agent.state in (AgentState.DEAD, AgentState.LOST), "the agent's end")
        mark = clock.now()
        await until(lambda: witness.jobs_at > mark, "a later look")
        assert witness.agent.state in (AgentState.DEAD, AgentState.LOST), "an end stays an end"
        assert "cancel" in witness.agent.verdict.why
        witness.rows_stay()
        assert witness.states[-1] in (AgentState.DEAD, AgentState.LOST)
        assert "running" not in witness.homes[1:], witness.homes

    _running(broken, tmp_path, work)


def test_a_job_requeued_from_outside_is_the_same_lease_and_another_life(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        job = witness.home.job_id
        assert witness.home.job is not None
        before = witness.home.job.identity
        confirmed = controller.plan_release(witness.home)
        mark = clock.now()
        await until(lambda: witness.looked_into > mark, "a good look just before")
        await _act(broken.slurm, "scontrol", "update", f"JobId={job}", "Requeue=1")
        await _act(broken.slurm, "scontrol", "requeue", str(job))
        await until(lambda: witness.agent.state is AgentState.DEAD, "the agent's end")
        assert "requeued" in witness.agent.verdict.why, witness.agent.verdict
        await until(lambda: witness.home.phase is Phase.PENDING, "the waiting job")
        await until(lambda: not witness.view.troubles, "that a waiting job is no trouble", 8)

        outcome = await controller.run(confirmed)
        assert outcome.result is Result.FAILED, outcome
        assert "not what was confirmed" in outcome.message
        assert witness.home.phase is not Phase.CANCELED

        # Slurm lets a requeued job wait two minutes.
        await _act(broken.slurm, "scontrol", "update", f"JobId={job}", "StartTime=now")
        await until(lambda: witness.home.phase is Phase.RUNNING, "the job's second life", 30)
        assert witness.home.job_id == job, "the lease keeps its job"
        assert witness.home.job.identity != before
        mark = clock.now()
        await until(lambda: witness.looked_into > mark and not witness.view.troubles, "a look into it", 30)
        # What was seen in the first life is no evidence in the second, although the job id is the same.
        ended = witness.states[witness.states.index(AgentState.DEAD) :]
        assert ended == [AgentState.DEAD], ended
        witness.rows_stay()

        outcome = await controller.run(controller.plan_start(["ref1"])[0])
        assert outcome.result is Result.DONE, outcome
        await until(lambda: witness.agent.state.alive, "the agent again")

    # Slow enough that the last look before the requeue is a good one.
    _running(broken, tmp_path, work, interval=2.0)


def test_a_suspended_job_keeps_its_agent(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        job = str(witness.home.job_id)
        await _act(broken.slurm, "scontrol", "suspend", job)
        await until(lambda: witness.home.phase is Phase.PAUSED, "the suspended job")
        assert witness.home.state == "suspended"
        assert witness.agent.state not in (AgentState.DEAD, AgentState.LOST, AgentState.EXITED)
        assert witness.agent.verdict.stale
        assert "suspended" in witness.agent.verdict.why
        mark = clock.now()
        await until(lambda: witness.jobs_at > mark, "another look")
        assert "suspended" in witness.agent.verdict.why
        await _act(broken.slurm, "scontrol", "resume", job)
        await witness.recovered()
        assert "suspended" not in witness.agent.verdict.why
        witness.rows_stay()
        assert not {AgentState.DEAD, AgentState.LOST, AgentState.EXITED} & set(witness.states)

    _running(broken, tmp_path, work)


# ---- what the login does to Slurm's commands


@contextmanager
def _login_files(lab: Lab, text: str) -> Iterator[None]:
    """Shell text at the end of what logins read."""
    paths = [lab.layout.home / ".bash_profile", lab.layout.home / ".bashrc", lab.layout.home / ".profile"]
    before = {path: path.read_text() if path.exists() else None for path in paths}
    for path, old in before.items():
        path.write_text((old or "") + text)
    try:
        yield
    finally:
        for path, old in before.items():
            if old is None:
                path.unlink()
            else:
                path.write_text(old)


_BAD_ANSWERS = {
    "a text that nobody has seen": (
        'echo "slurm_load_jobs error: the moon is in the wrong house" >&2; exit 1',
        "the moon is in the wrong house",
    ),
    "an error with status 0": (
        'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 0',
        "controller",
    ),
    "an answer that is cut": ('/usr/bin/squeue "$@" | head -c 60; exit 0', ""),
    "killed without a word": ("kill -9 $$", ""),
    "not there": ("exit 127", ""),
}


@pytest.mark.parametrize("answer", _BAD_ANSWERS)
def test_a_squeue_that_fails_empties_nothing(broken: Lab, tmp_path: Path, answer: str) -> None:
    script, words = _BAD_ANSWERS[answer]
    directory = tmp_path / "bin"
    directory.mkdir()
    sick = tmp_path / "sick"
    fake = directory / "squeue"
    fake.write_text(f'#!/bin/sh\nif [ -e {sick} ]; then {script}; fi\nexec /usr/bin/squeue "$@"\n')
    fake.chmod(0o755)

    async def work(controller: Controller, witness: Witness) -> None:
        sick.touch()
        down = clock.now()
        await witness.trouble()
        trouble = witness.view.troubles[0]
        assert words in trouble.what
        assert trouble.layer not in ("ssh", "tmux", "node")
        assert witness.jobs_at <= down + 0.5
        mark = clock.now()
        await until(lambda: witness.looked_into > mark + 1, "fresh screens all the same", 10)
        sick.unlink()
        await witness.recovered()
        witness.ran_on()

    with _login_files(broken, f"\nexport PATH={directory}:$PATH\n"):
        _running(broken, tmp_path, work)


def test_options_in_the_login_environment_change_nothing(broken: Lab, tmp_path: Path) -> None:
    async def work(controller: Controller, witness: Witness) -> None:
        job = witness.home.job
        assert job is not None
        assert job.partition == "main"
        assert job.time_limit == 3600
        mark = clock.now()
        await until(lambda: witness.jobs_at > mark, "another look")
        assert witness.home.state == "running"
        witness.ran_on()
        await release(controller)
        assert broken.slurm("squeue", "-h", "-t", "RUNNING", "-o", "%A").split() == []

    variables = (
        "SQUEUE_PARTITION=short SQUEUE_STATES=PENDING SQUEUE_FORMAT=%A SQUEUE_USERS=nobody "
        "SCANCEL_STATE=PENDING SCANCEL_INTERACTIVE=1 SCANCEL_PARTITION=short "
        "SBATCH_PARTITION=short SBATCH_TIMELIMIT=1 SBATCH_TEST_ONLY=1 "
        "SLURM_LABELIO=1 SLURM_JOB_ID=1 SLURM_TIME_FORMAT=relative"
    )
    with _login_files(broken, f"\nexport {variables}\n"):
        shown = broken.ssh("bash -lc 'echo $SQUEUE_PARTITION'").stdout.strip()
        assert shown == "short", "the login really has them"
        _running(broken, tmp_path, work)


@pytest.mark.parametrize(
    "name",
    [
        "two\nlines",
        "esc\x1b[31mred\x1b]0;title\x07",
        "a|b|RUNNING|root|main",
        "1\x1f999\x1fpool\x1froot\x1fRUNNING\x1e\n",
        "JobId=999 JobState=RUNNING Name=pool",
        " leading and trailing ",
        "$(touch /tmp/owned) `id` '\"; --",
        "sactui:reservation:x-pool:000000000000:1",
    ],
    ids=["newline", "escape", "bars", "separators", "forged", "blanks", "shell", "mark"],
)
def test_a_hostile_name_shows_exactly_and_shifts_nothing(broken: Lab, tmp_path: Path, name: str) -> None:
    async def work(controller: Controller) -> None:
        await until(lambda: sum(host == broken.alias for host, _ in controller.fleet.jobs) >= 2, "both jobs")
        mark = clock.now()
        await until(lambda: controller.fleet.jobs_at[broken.alias] > mark, "another look")
        assert not controller.fleet.hosts[0].troubles
        jobs = {job.id: job for _, job in controller.fleet.jobs if not job.phase.ended}
        assert set(jobs) == {hostile, plain}
        assert jobs[hostile].name == name
        assert jobs[plain].name == "plain"
        for job in jobs.values():
            assert (job.phase, job.partition, job.cpus, job.time_limit) == (Phase.RUNNING, "main", 1, 600)
            assert job.user == jobs[plain].user
            assert job.batch_host in broken.node_names
        assert controller.fleet.reservations == ()

    def submit(title: str) -> int:
        said = broken.slurm(
            *("sbatch", "--parsable", "-c1", "--mem=100M", "-t10", "-o", "/dev/null"),
            *("--job-name", title, "--wrap", "sleep 300"),
        )
        return int(said.split(";")[0])

    hostile, plain = submit(name), submit("plain")
    wait_until(lambda: broken.slurm("squeue", "-h", "-t", "R", "-o", "%A").count("\n") == 2, "jobs", 20)
    driven(configuration(broken, tmp_path), work)
