"""The test double keeps the transports' promises."""

from __future__ import annotations

import asyncio

import pytest

from sactui.errors import AuthenticationFailed, ChannelRefused, ConnectionLost, RunTimeout
from sactui.transport.base import Completed, Terminal, Transport
from sactui.transport.fake import FakeTransport


def test_it_answers_fails_and_keeps_a_record() -> None:
    async def go() -> None:
        fake = FakeTransport(
            "spartan",
            {"squeue": "1 R\n", "sinfo": Completed(b"", b"down", 1), "die": ConnectionLost("gone")},
            delays={"sinfo": 100.0},
            dial_failures=[AuthenticationFailed("no"), None],
        )
        transport: Transport = fake
        with pytest.raises(AuthenticationFailed):
            await transport.connect()
        with pytest.raises(ConnectionLost):
            await transport.run("squeue")
        await transport.connect()
        assert (fake.dials, transport.connected, transport.login_host) == (2, True, "spartan")
        assert (await transport.run("squeue --me")).stdout == b"1 R\n"
        with pytest.raises(RunTimeout):
            await transport.run("sinfo", timeout=5)
        fake.delays.clear()
        assert (await transport.run("sinfo")).exit_status == 1
        with pytest.raises(AssertionError, match="no reply"):
            await transport.run("unheard of")
        with pytest.raises(ConnectionLost):
            await transport.run("die")
        assert not transport.connected
        assert fake.scripts == ["squeue --me", "sinfo", "sinfo", "unheard of", "die"]
        await transport.close()

    asyncio.run(go())


def test_replies_may_be_a_function() -> None:
    async def answer(script: str) -> str:
        return script.upper()

    async def go() -> None:
        for replies in (str.upper, answer):
            fake = FakeTransport(replies=replies)
            await fake.connect()
            assert (await fake.run("abc")).stdout == b"ABC"

    asyncio.run(go())


def test_its_channels_are_played_by_the_test() -> None:
    async def go() -> None:
        fake = FakeTransport(respond=lambda data: data.upper(), max_channels=2)
        await fake.connect()
        channel = await fake.open_channel("srun sh")
        await channel.write(b"hello")
        assert [await channel.read(3), await channel.read()] == [b"HEL", b"LO"]
        terminal: Terminal = await fake.open_terminal("tmux attach", 80, 24)
        terminal.resize(100, 30)
        assert fake.channels[1].size == (100, 30)
        with pytest.raises(ChannelRefused):
            await fake.open_channel("third")
        channel.end(3, b"words")
        assert (await channel.read(), await channel.read(), await channel.wait()) == (b"", b"", 3)
        assert channel.stderr == b"words"
        with pytest.raises(ConnectionLost):
            await channel.write(b"more")
        fake.lose()
        assert await terminal.read() == b""
        assert await terminal.wait() is None
        await fake.close()
        assert all(each.closed for each in fake.channels)

    asyncio.run(go())
