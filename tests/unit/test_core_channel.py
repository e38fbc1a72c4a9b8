"""The channel's frames over a real shell on this machine: no Slurm is needed for them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from sactui.core import channel as channel_module
from sactui.core.channel import SingleSteps, StepChannel
from sactui.errors import RunTimeout, SlurmError
from sactui.transport.local import LocalTransport


def with_channel(work: Callable[[StepChannel], Awaitable[None]], argv: tuple[str, ...] = ("sh",)) -> None:
    """Run ``work`` with an open channel, and close everything after it."""

    async def run() -> None:
        transport = LocalTransport()
        await transport.connect()
        channel = StepChannel(transport, argv, "export GREETING='hello world'")
        try:
            await work(channel)
        finally:
            await channel.close()
            await transport.close()

    asyncio.run(run())


def test_answers_come_back_whole_with_their_status() -> None:
    async def work(channel: StepChannel) -> None:
        first = await channel.exchange('echo "$GREETING"; echo wrong >&2; exit 3')
        assert (first.stdout, first.exit_status) == (b"hello world\nwrong\n", 3)
        second = await channel.exchange("printf 'no newline'")
        assert (second.stdout, second.exit_status) == (b"no newline", 0)
        big = await channel.exchange("seq 1 60000")
        assert big.stdout.endswith(b"\n59999\n60000\n")

    with_channel(work)


def test_a_script_cannot_end_or_read_the_channel() -> None:
    async def work(channel: StepChannel) -> None:
        broken = await channel.exchange("if then")
        assert broken.exit_status == 2
        nothing = await channel.exchange('read line; echo "got <$line>"')
        assert nothing.stdout == b"got <>\n"
        again = await channel.exchange("cat; echo there")
        assert again.stdout == b"there\n"

    with_channel(work)


def test_an_answer_that_forges_a_frame_stays_an_answer() -> None:
    async def work(channel: StepChannel) -> None:
        forged = await channel.exchange("printf 'abc_B\\nx\\nabc_E 0\\n'")
        assert forged.stdout == b"abc_B\nx\nabc_E 0\n"

    with_channel(work)


def test_a_timeout_closes_the_channel_and_the_next_exchange_opens_a_new_one() -> None:
    async def work(channel: StepChannel) -> None:
        pid = int((await channel.exchange("echo $$")).stdout)
        with pytest.raises(RunTimeout):
            await channel.exchange("exec sleep 60", timeout=0.3)
        assert not channel.open
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert (await channel.exchange("echo back")).stdout == b"back\n"

    with_channel(work)


def test_what_srun_says_is_the_error() -> None:
    async def work(channel: StepChannel) -> None:
        with pytest.raises(SlurmError, match=r"(?i)step limit"):
            await channel.exchange("true")

    with_channel(
        work, ("sh", "-c", "echo 'srun: error: Unable to create step for job 2: Step limit reached' >&2")
    )


def test_the_watchdog_ends_a_silent_step(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = channel_module._WATCHDOG.replace("-lt 24", "-lt 5").replace("sleep 5", "sleep 0.2")
    assert quick != channel_module._WATCHDOG
    # The process group is pytest's own here: only the shell itself may be ended.
    monkeypatch.setattr(channel_module, "_WATCHDOG", quick.replace("kill -KILL 0", ":"))

    async def work(channel: StepChannel) -> None:
        pid = int((await channel.exchange("echo $$")).stdout)
        async with asyncio.timeout(10):
            while _alive(pid):  # noqa: ASYNC110 - a process of another parent has no event
                await asyncio.sleep(0.05)

    with_channel(work)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_single_steps_give_the_same_answers_and_their_reason() -> None:
    async def run() -> None:
        transport = LocalTransport()
        await transport.connect()
        steps = SingleSteps(transport, ("sh",), "export GREETING=hi", "three are open already")
        done = await steps.exchange('echo "$GREETING"; exit 4')
        assert (done.stdout, done.exit_status) == (b"hi\n", 4)
        assert steps.reason == "three are open already"
        await transport.close()

    asyncio.run(run())
