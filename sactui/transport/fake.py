"""A transport for tests: scripted answers, failures and delays, and a record of what ran."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from ..errors import ChannelRefused, ConnectFailed, ConnectionLost, RunTimeout, TransportError
from .base import Completed
from .budget import ChannelUse

#: What a script is answered with. Bytes and text are standard output with status 0.
Reply = Completed | bytes | str | TransportError
#: Answers by substring of the script (the first that occurs in it), or a function of it.
Replies = Mapping[str, Reply] | Callable[[str], Reply | Awaitable[Reply]]


class FakeChannel:
    """A channel or terminal: the test feeds its output and reads what was written."""

    def __init__(self, command: str, respond: Callable[[bytes], bytes] | None = None) -> None:
        self.command = command
        self.written = bytearray()
        self.size: tuple[int, int] | None = None
        self.closed = False
        self.stderr = b""
        self._respond = respond
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self._ahead = b""
        self._status: int | None = None
        self._ended = asyncio.Event()

    def feed(self, data: bytes) -> None:
        """The program prints ``data``."""
        self._output.put_nowait(data)

    def end(self, status: int | None = 0, stderr: bytes = b"") -> None:
        """The program ends."""
        self._status, self.stderr = status, self.stderr + stderr
        self._output.put_nowait(b"")
        self._ended.set()

    async def write(self, data: bytes) -> None:
        if self._ended.is_set():
            raise ConnectionLost("the fake program has ended")
        self.written += data
        if self._respond is not None:
            answer = self._respond(data)
            if answer:
                self.feed(answer)

    async def read(self, limit: int = 65536) -> bytes:
        if not self._ahead:
            self._ahead = await self._output.get()
            if not self._ahead:
                self._output.put_nowait(b"")
        data, self._ahead = self._ahead[:limit], self._ahead[limit:]
        return data

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self._status

    def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    async def close(self, grace: float = 2.0) -> None:
        self.closed = True
        if not self._ended.is_set():
            self.end(None)


class FakeTransport:
    """A host that answers as told.

    ``replies`` answers scripts; one that matches nothing fails the test with
    AssertionError. ``delays`` are seconds by substring of the script: a delay beyond the
    timeout of ``run`` raises RunTimeout without waiting for it. ``dial_failures`` are
    raised by the next calls of :meth:`connect`, one each; None lets one pass.
    """

    kind = "ssh"

    def __init__(
        self,
        host: str = "fake",
        replies: Replies | None = None,
        *,
        delays: Mapping[str, float] | None = None,
        dial_failures: Iterable[TransportError | None] = (),
        interactive_login: bool = False,
        respond: Callable[[bytes], bytes] | None = None,
        max_channels: int = 8,
    ) -> None:
        self.host = host
        self.login_host = ""
        self.interactive_login = interactive_login
        self.replies: Replies = replies if replies is not None else {}
        self.delays = dict(delays or {})
        self.respond = respond
        self.max_channels = max_channels
        #: every script that ran, every dial, every channel, in order
        self.scripts: list[str] = []
        self.dials = 0
        self.channels: list[FakeChannel] = []
        self.closed = False
        self._dial_failures = list(dial_failures)
        self._connected = False

    async def connect(self) -> None:
        if self._connected:
            return
        self.dials += 1
        failure = self._dial_failures.pop(0) if self._dial_failures else None
        if failure is not None:
            raise failure
        self._connected = True
        self.login_host = self.host

    @property
    def connected(self) -> bool:
        return self._connected

    async def reject(self, why: str) -> None:
        """The next dial fails with ``why``, as when there is no other login host."""
        self.lose()
        self._dial_failures.insert(0, ConnectFailed(why))

    @property
    def use(self) -> ChannelUse:
        return ChannelUse(0, len([each for each in self.channels if not each.closed]), 0, self.max_channels)

    def limit_channels(self, most: int, reason: str) -> None:
        """Carry at most ``most`` channels from now on."""
        self.max_channels = min(self.max_channels, most)

    def lose(self) -> None:
        """The connection breaks: channels end, scripts fail until the next dial."""
        self._connected = False
        for channel in self.channels:
            if not channel.closed:
                channel.end(None)

    async def run(self, script: str, timeout: float = 30.0) -> Completed:
        if not self._connected:
            raise ConnectionLost(f"{self.host}: the SSH connection broke")
        self.scripts.append(script)
        delay = next((seconds for part, seconds in self.delays.items() if part in script), 0.0)
        if delay > timeout:
            raise RunTimeout(f"{self.host}: the command did not finish within {timeout:g} s and was ended")
        if delay:
            await asyncio.sleep(delay)
        reply = await self._reply(script)
        if isinstance(reply, TransportError):
            if isinstance(reply, ConnectionLost):
                self.lose()
            raise reply
        if isinstance(reply, Completed):
            return reply
        return Completed(reply.encode() if isinstance(reply, str) else reply, b"", 0, delay)

    async def _reply(self, script: str) -> Reply:
        if callable(self.replies):
            answer = self.replies(script)
            return await answer if isinstance(answer, Awaitable) else answer
        for part, reply in self.replies.items():
            if part in script:
                return reply
        raise AssertionError(f"no reply for this script:\n{script}")

    async def open_channel(self, command: str) -> FakeChannel:
        return self._channel(command)

    async def open_terminal(
        self, command: str, columns: int, rows: int, term: str = "xterm-256color"
    ) -> FakeChannel:
        channel = self._channel(command)
        channel.resize(columns, rows)
        return channel

    def _channel(self, command: str) -> FakeChannel:
        if not self._connected:
            raise ConnectionLost(f"{self.host}: the SSH connection broke")
        if sum(not channel.closed for channel in self.channels) >= self.max_channels:
            raise ChannelRefused(f"{self.host}: the connection has no further channel")
        channel = FakeChannel(command, self.respond)
        self.channels.append(channel)
        return channel

    def foreground(self, command: str) -> Sequence[str]:
        return ["true", command]

    async def close(self) -> None:
        for channel in self.channels:
            await channel.close()
        self._connected = False
        self.closed = True
