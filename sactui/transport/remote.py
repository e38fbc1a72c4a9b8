"""An exec on an asyncssh connection as an endpoint."""

from __future__ import annotations

import asyncio

import asyncssh

from ..errors import ChannelRefused, ConnectionLost
from .dial import Line
from .endpoint import Size

#: Bytes the host may send ahead on a terminal: little, so that a flood of output can be
#: interrupted. Elsewhere asyncssh's own (2 MiB) keeps a long answer flowing.
_TERMINAL_WINDOW = 65536
#: Seconds until a refused channel is asked for again: sshd frees a closed one's place a
#: moment after it has said that it is closed.
_AGAIN = (0.05, 0.2)


async def open_endpoint(line: Line, host: str, command: str, size: Size | None) -> RemoteEndpoint:
    """Start an exec. Raises ConnectionLost and ChannelRefused."""
    for delay in (*_AGAIN, None):
        try:
            return RemoteEndpoint(line, host, await _start(line, command, size))
        except asyncssh.ChannelOpenError as error:
            if line.lost or line.connection.is_closed():
                raise lost(line, host) from error
            if delay is None:
                raise ChannelRefused(
                    f"{host}: the server opens no further channel on this connection ({error.reason})",
                    "Its sshd allows fewer (MaxSessions). Close a terminal or a console that is not needed.",
                ) from error
            await asyncio.sleep(delay)
        except (asyncssh.Error, OSError) as error:
            raise lost(line, host) from error
    raise AssertionError("the last delay is None")


async def _start(line: Line, command: str, size: Size | None) -> asyncssh.SSHClientProcess[bytes]:
    if size is None:
        return await line.connection.create_process(
            command, encoding=None, request_pty=False, x11_forwarding=False
        )
    return await line.connection.create_process(
        command,
        encoding=None,
        request_pty="force",
        term_type=size.term,
        term_size=(size.columns, size.rows),
        window=_TERMINAL_WINDOW,
        x11_forwarding=False,
    )


def lost(line: Line, host: str) -> ConnectionLost:
    """The error for a connection that broke."""
    line.lost = True
    why = f": {line.reason}" if line.reason else ""
    return ConnectionLost(
        f"{host}: the SSH connection broke{why}",
        "Whether what was under way took effect is not known: look again.",
    )


class RemoteEndpoint:
    """See :class:`.endpoint.Endpoint`."""

    def __init__(self, line: Line, host: str, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._line = line
        self._host = host
        self._process = process
        self._closed = False

    async def read(self, limit: int) -> bytes:
        return await self._read(self._process.stdout, limit)

    async def read_error(self, limit: int) -> bytes:
        return await self._read(self._process.stderr, limit)

    async def _read(self, stream: asyncssh.SSHReader[bytes], limit: int) -> bytes:
        while True:
            try:
                return await stream.read(limit)
            except (asyncssh.TerminalSizeChanged, asyncssh.SignalReceived, asyncssh.BreakReceived):
                continue
            except (asyncssh.Error, OSError):
                return b""

    async def write(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (asyncssh.Error, OSError) as error:
            if self._line.lost:
                raise lost(self._line, self._host) from error
            raise ConnectionLost(f"{self._host}: the program takes no input any more") from error

    def write_eof(self) -> None:
        try:
            self._process.stdin.write_eof()
        except (asyncssh.Error, OSError):
            # The channel closed meanwhile: that is an end of input as well.
            return

    @property
    def ended(self) -> bool:
        # Not is_closing(): that is also true once our end of input was sent.
        process = self._process
        return (
            self._closed
            or self._line.lost
            or process.exit_status is not None
            or process.exit_signal is not None
        )

    async def exited(self) -> int | None:
        await self._process.wait_closed()
        self._closed = True
        if self._process.exit_signal is not None:
            return None
        if self._process.exit_status is None:
            if self._line.lost or self._line.connection.is_closed():
                raise lost(self._line, self._host)
            raise ConnectionLost(f"{self._host}: the server closed the channel and told no exit status")
        return self._process.exit_status

    def signal(self, name: str) -> None:
        try:
            self._process.send_signal(name)
        except OSError:
            # Closed meanwhile: nothing is left to be signalled.
            return

    async def shut(self) -> None:
        self._process.close()
        try:
            async with asyncio.timeout(2.0):
                await self._process.wait_closed()
        except TimeoutError:
            # The link is half open, or a process of the program's holds the channel.
            return

    def resize(self, columns: int, rows: int) -> None:
        try:
            self._process.change_terminal_size(columns, rows)
        except OSError:
            return
