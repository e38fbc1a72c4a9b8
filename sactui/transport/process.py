"""Programs of this machine as endpoints: with pipes, or on a pseudo-terminal of their own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Mapping, Sequence

from ..errors import ConnectionLost
from .endpoint import Size

_OPEN_TERMINAL = 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1'


class PipeEndpoint:
    """A child process with pipes, in a session and process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, label: str) -> None:
        self._process = process
        self._label = label
        self._out, self._err = asyncio.Lock(), asyncio.Lock()

    @classmethod
    async def start(
        cls, argv: Sequence[str], label: str, env: Mapping[str, str] | None = None
    ) -> PipeEndpoint:
        """Start ``argv``. Raises OSError when there is no such program."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(env) if env is not None else None,
            start_new_session=True,
        )
        return cls(process, label)

    async def read(self, limit: int) -> bytes:
        return await _read(self._process.stdout, self._out, limit)

    async def read_error(self, limit: int) -> bytes:
        return await _read(self._process.stderr, self._err, limit)

    async def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ConnectionLost(f"{self._label}: the program takes no input any more") from error

    def write_eof(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def exited(self) -> int | None:
        status = await self._process.wait()
        return None if status < 0 else status

    def signal(self, name: str) -> None:
        _signal_group(self._process, name)

    async def shut(self) -> None:
        assert self._process.stdin is not None
        if self._process.returncode is None:
            _signal_group(self._process, "KILL")
            await self._process.wait()
        self._process.stdin.close()
        # Pipes that a survivor of the program still holds open would stay with us.
        self._process._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way

    def resize(self, columns: int, rows: int) -> None:
        """Pipes have no size."""


class PtyEndpoint:
    """A child process on a pseudo-terminal."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        master: int,
        reader: asyncio.StreamReader,
        transports: tuple[asyncio.ReadTransport, asyncio.WriteTransport],
        writer: asyncio.StreamWriter,
        label: str,
    ) -> None:
        self._process = process
        self._master = master
        self._reader = reader
        self._transports = transports
        self._writer = writer
        self._label = label
        self._lock = asyncio.Lock()

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        size: Size,
        label: str,
        *,
        controlling: bool,
        env: Mapping[str, str] | None = None,
    ) -> PtyEndpoint:
        """Start ``argv`` on a new pseudo-terminal of that size.

        ``controlling`` makes it the program's controlling terminal. A shell does that on
        its way, by opening it as the leader of a new session: a Python hook between fork
        and exec is not safe in a program with threads. Raises OSError.
        """
        master, slave = os.openpty()
        try:
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))
            if controlling:
                argv = ["/bin/sh", "-c", _OPEN_TERMINAL, "sh", os.ttyname(slave), *argv]
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**(os.environ if env is None else env), "TERM": size.term},
                start_new_session=True,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=65536)
        protocol = asyncio.StreamReaderProtocol(reader)
        reading, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(os.dup(master), "rb", 0))
        writing, flow = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(os.dup(master), "wb", 0)
        )
        writer = asyncio.StreamWriter(writing, flow, None, loop)
        return cls(process, master, reader, (reading, writing), writer, label)

    async def read(self, limit: int) -> bytes:
        try:
            return await _read(self._reader, self._lock, limit)
        except OSError:
            # Linux: EIO once the last program has closed the terminal.
            return b""

    async def read_error(self, limit: int) -> bytes:
        return b""

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise ConnectionLost(f"{self._label}: the terminal is closed") from error

    def write_eof(self) -> None:
        """A terminal has no end of input."""

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def exited(self) -> int | None:
        status = await self._process.wait()
        return None if status < 0 else status

    def signal(self, name: str) -> None:
        _signal_group(self._process, name)

    async def shut(self) -> None:
        for transport in self._transports:
            transport.close()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        if self._process.returncode is None:
            _signal_group(self._process, "KILL")
        await self._process.wait()

    def resize(self, columns: int, rows: int) -> None:
        if self._master >= 0 and not self.ended:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            # The kernel tells a controlling terminal's foreground group only; ssh has none.
            self.signal("WINCH")


async def _read(stream: asyncio.StreamReader | None, lock: asyncio.Lock, limit: int) -> bytes:
    assert stream is not None
    async with lock:
        return await stream.read(limit)


def _signal_group(process: asyncio.subprocess.Process, name: str) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.Signals[f"SIG{name}"])
        except ProcessLookupError:
            return
