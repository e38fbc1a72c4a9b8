"""Running things through a connection: what all transports have in common.

A transport only knows how to open an :class:`Endpoint` (one exec on the host). Scripts,
channels, terminals, their marks, time bounds, limits and above all their ends are here:
an endpoint is freed only after its program has ended or was signalled, because sshd keeps
the program and its session slot otherwise.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from .. import clock
from ..errors import ChannelRefused, ConnectionLost, ProtocolError, RunTimeout, TransportError
from .base import Completed, Terminal
from .budget import Budget, ChannelUse, Kind
from .command import EXEC, Mark, ending, sealed
from .endpoint import Endpoint, Size

#: Output beyond this many bytes is not an answer any more.
LARGEST_OUTPUT = 64 * 1024 * 1024
#: Seconds a channel or terminal may take until its command starts.
_START = 30.0
#: Seconds the script may take that ends a program, and then the program itself.
_ENDING, _ENDED = 6.0, 2.0
#: Seconds for a slow login to say which program it began, when that is to be ended.
_LATE = 3.0
#: Bytes kept of a channel's standard error.
_STDERR = 16 * 1024


class Sessions(ABC):
    """The part of a transport that runs things; subclasses connect and open endpoints."""

    host: str

    def __init__(self, max_channels: int = 8) -> None:
        self._budget = Budget(max_channels)
        #: what stays open, the oldest first
        self._channels: dict[RemoteChannel, None] = {}
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def use(self) -> ChannelUse:
        """The connection's channels now, and why they are fewer than usual."""
        return self._budget.use

    def limit_channels(self, most: int, reason: str) -> None:
        """Carry at most ``most`` channels, because somebody says so; what is open stays."""
        self._budget.limit(most, reason)

    @abstractmethod
    async def _open(self, command: str, size: Size | None) -> Endpoint:
        """Start an exec. Raises ConnectionLost, ChannelRefused; cancelling it is never asked for."""

    async def _why(self, started: bool, status: int | None, stderr: bytes) -> TransportError | None:
        """The link's trouble behind an exec's end; None when the end is the program's own."""
        return None

    # -- scripts ----------------------------------------------------------------------

    async def run(self, script: str, timeout: float = 30.0) -> Completed:
        """Run a script on standard input of /bin/sh; see :class:`.base.Transport`.

        Raises RunTimeout after the program was ended, ConnectionLost, ChannelRefused, and
        ProtocolError for an answer beyond 64 MiB.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            try:
                return await self._run(script, timeout, deadline, LARGEST_OUTPUT)
            except ChannelRefused as refusal:
                # The script was not started. The server allows fewer channels than we took
                # for granted: go on with those.
                if not self._make_room(refusal):
                    raise

    def _make_room(self, refusal: ChannelRefused) -> bool:
        """Take note of the server's limit; whether a channel of ours will be free for a script."""
        others = max(refusal.open, self._budget.used)
        self._budget.limit(
            others, f"the server allows only {others} channels on a connection (its sshd's MaxSessions)"
        )
        if self._budget.scripts:
            return True
        # What stays has taken them all: the newest gives way, and is refused when it comes again.
        lasting = [channel for channel in self._channels if not channel.terminal and not channel.closing]
        if lasting:
            self._later(lasting[-1].close())
        return bool(lasting)

    async def _run(self, script: str, timeout: float, deadline: float, limit: int) -> Completed:
        began, mark = clock.monotonic(), Mark()
        try:
            async with asyncio.timeout_at(deadline):
                await self._budget.take_script()
        except TimeoutError:
            raise RunTimeout(
                f"{self.host}: all {self._budget.most} channels were in use for {timeout:g} s",
                "Close a terminal or a console that is not needed; the script was not started.",
            ) from None
        others = self._budget.used - 1
        endpoint: Endpoint | None = None
        try:
            async with asyncio.timeout_at(deadline):
                endpoint = await self._opened(EXEC, None)
                status, out, err = await self._exchange(endpoint, mark, script, limit)
        except TimeoutError:
            await self._settle(endpoint, mark)
            raise RunTimeout(
                f"{self.host}: the command did not finish within {timeout:g} s and was ended",
                "Whether it took effect is not known: look before trying again.",
            ) from None
        except asyncio.CancelledError:
            # Its owner goes on; the remote program must not.
            self._later(self._free(endpoint, mark))
            raise
        except BaseException as error:
            await self._settle(endpoint, mark)
            if isinstance(error, ChannelRefused):
                error.open = others
            raise
        await self._settle(endpoint, mark)
        reason = await self._why(mark.pid is not None, status, err)
        if reason is not None:
            if isinstance(reason, ChannelRefused):
                reason.open = others
            raise reason
        return Completed(out, err, status, clock.monotonic() - began, mark.noise)

    async def _exchange(
        self, endpoint: Endpoint, mark: Mark, script: str, limit: int
    ) -> tuple[int | None, bytes, bytes]:
        out, err = bytearray(), bytearray()

        async def output() -> None:
            while data := await endpoint.read(65536):
                _add(out, mark.feed(data))
            out.extend(mark.rest())

        async def errors() -> None:
            while data := await endpoint.read_error(65536):
                _add(err, data)

        def _add(buffer: bytearray, data: bytes) -> None:
            buffer += data
            if len(buffer) > limit:
                raise ProtocolError(
                    f"{self.host}: the answer is longer than {limit} bytes and was not read to its end"
                )

        async def send() -> None:
            try:
                await endpoint.write(mark.script(script).encode("utf-8", "surrogateescape"))
                endpoint.write_eof()
            except ConnectionLost:
                # A shell that ended early took no more; its status says why, or the link does.
                return

        tasks = [asyncio.ensure_future(each) for each in (output(), errors(), send())]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return await endpoint.exited(), bytes(out), bytes(err)

    # -- what stays -------------------------------------------------------------------

    async def open_channel(self, command: str) -> RemoteChannel:
        """Start a command that stays; standard input is all its own.

        ``command`` is shell text and runs in the channel's own /bin/sh: ending it with
        ``exec program`` saves a process. Raises ChannelRefused when none is free or the
        server refuses, ConnectionLost, TransportError when the command cannot be started.
        """
        return await self._stay(command, None)

    async def open_terminal(
        self, command: str, columns: int, rows: int, term: str = "xterm-256color"
    ) -> Terminal:
        """Start a command on a pseudo-terminal; errors as for a channel."""
        return await self._stay(command, Size(columns, rows, term))

    async def _stay(self, command: str, size: Size | None) -> RemoteChannel:
        kind: Kind = "lasting" if size is None else "terminal"
        try:
            async with asyncio.timeout(_START):
                taken = await self._budget.take_stay(size is not None)
        except TimeoutError:
            taken = False
        if not taken:
            raise self._no_channel(kind)
        mark, endpoint = Mark(), None
        try:
            async with asyncio.timeout(_START):
                if size is None:
                    endpoint = await self._opened(EXEC, None)
                    await endpoint.write(mark.stay(command).encode("utf-8", "surrogateescape"))
                else:
                    endpoint = await self._opened(sealed(f"{mark.statement}\n{command}"), size)
                first = await self._started(endpoint, mark)
        except TimeoutError:
            await self._settle(endpoint, mark, kind)
            raise RunTimeout(
                f"{self.host}: the login shell did not start the command within {_START:g} s",
                f"Try: ssh {self.host} true. A login profile may hang.",
            ) from None
        except asyncio.CancelledError:
            self._later(self._free(endpoint, mark, kind))
            raise
        except BaseException as error:
            others = self._budget.used - 1
            await self._settle(endpoint, mark, kind)
            if isinstance(error, ChannelRefused) and others:
                self._budget.limit(
                    others,
                    f"the server allows only {others} channels on a connection (its sshd's MaxSessions)",
                )
            raise
        channel = RemoteChannel(self, endpoint, mark, first, size is not None)
        self._channels[channel] = None
        return channel

    def _no_channel(self, kind: Kind) -> ChannelRefused:
        use = self._budget.use
        if kind == "terminal":
            what = f"{use.terminals} of {self._budget.for_terminals} for terminals"
        else:
            what = f"{use.lasting} of {self._budget.for_lasting} for steps"
        why = f"; {use.reason}" if use.reason else ""
        return ChannelRefused(
            f"{self.host}: the connection has no further channel ({what}{why})",
            "Close a terminal that is not needed.",
        )

    async def _started(self, endpoint: Endpoint, mark: Mark) -> bytes:
        """Wait for the mark; returns the output that came with it."""
        while data := await endpoint.read(65536):
            rest = mark.feed(data)
            if mark.pid is not None:
                return rest
        text = mark.rest() + await endpoint.read_error(_STDERR)
        status = await endpoint.exited()
        reason = await self._why(False, status, text)
        if reason is not None:
            raise reason
        said = text.decode("utf-8", "replace").strip()
        raise TransportError(
            f"{self.host}: the command was not started (status {status}){': ' + said if said else ''}",
            f"Try: ssh {self.host} true",
        )

    # -- ends -------------------------------------------------------------------------

    async def _opened(self, command: str, size: Size | None) -> Endpoint:
        """Open an endpoint; one that opens after its opener has gone is ended."""
        opening = asyncio.ensure_future(self._open(command, size))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._later(self._abandoned(opening))
            raise

    async def _abandoned(self, opening: asyncio.Future[Endpoint]) -> None:
        try:
            endpoint = await opening
        except TransportError:
            return
        await self._end(endpoint, Mark())

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do ``work`` as a task of this transport; closing the transport waits for it."""
        task = asyncio.ensure_future(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task

    async def _settle(self, endpoint: Endpoint | None, mark: Mark, kind: Kind = "script") -> None:
        """End and free, also when the caller is cancelled meanwhile."""
        await asyncio.shield(self._later(self._free(endpoint, mark, kind)))

    async def _free(
        self,
        endpoint: Endpoint | None,
        mark: Mark,
        kind: Kind = "script",
        signals: Sequence[str] = ("TERM", "KILL"),
    ) -> None:
        try:
            if endpoint is not None:
                await self._end(endpoint, mark, signals)
        finally:
            self._budget.give_back(kind)

    async def _end(self, endpoint: Endpoint, mark: Mark, signals: Sequence[str] = ("TERM", "KILL")) -> None:
        """End the program behind an endpoint, then free the endpoint."""
        try:
            if endpoint.ended:
                return
            if mark.pid is None and mark.sent:
                await self._announced(endpoint, mark)
            if not (mark.pid and await self._kill(mark.pid, signals)):
                for name in signals:
                    endpoint.signal(name)
                    if await _within(endpoint, 1.0):
                        break
            await _within(endpoint, _ENDED)
        finally:
            await endpoint.shut()

    async def _announced(self, endpoint: Endpoint, mark: Mark) -> None:
        """Wait for the id of a program that was sent and may only now begin: a slow login shell
        would otherwise start it after everybody has left."""
        try:
            async with asyncio.timeout(_LATE):
                while mark.pid is None and (data := await endpoint.read(65536)):
                    mark.feed(data)
        except (TimeoutError, TransportError):
            return

    async def _kill(self, pid: int, signals: Sequence[str]) -> bool:
        """End a program by its id, through an exec of its own beyond the budget."""
        endpoint: Endpoint | None = None
        try:
            async with asyncio.timeout(_ENDING):
                endpoint = await self._opened(EXEC, None)
                status, _, _ = await self._exchange(endpoint, Mark(), ending(pid, signals), 65536)
                return status == 0
        except (TimeoutError, TransportError, ProtocolError):
            return False
        finally:
            if endpoint is not None:
                await endpoint.shut()

    async def _end_all(self) -> None:
        """End everything that runs; for closing."""
        await asyncio.gather(*(channel.close(grace=0.2) for channel in list(self._channels)))
        while self._endings:
            await asyncio.wait(set(self._endings))

    def _forget(self, channel: RemoteChannel) -> None:
        self._channels.pop(channel, None)


async def _within(endpoint: Endpoint, seconds: float) -> bool:
    """Whether the program ends within ``seconds``. Its output is thrown away meanwhile:
    a full window would hold back the news of its end."""

    async def discard(read: Callable[[int], Coroutine[Any, Any, bytes]]) -> None:
        while await read(65536):
            pass

    tasks = [asyncio.ensure_future(discard(each)) for each in (endpoint.read, endpoint.read_error)]
    try:
        async with asyncio.timeout(seconds):
            await endpoint.exited()
        return True
    except ConnectionLost:
        return True
    except TimeoutError:
        return endpoint.ended
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class RemoteChannel:
    """A :class:`.base.Channel`, and a :class:`.base.Terminal` when it was opened with a size."""

    def __init__(
        self, sessions: Sessions, endpoint: Endpoint, mark: Mark, first: bytes, terminal: bool
    ) -> None:
        self._sessions = sessions
        self._endpoint = endpoint
        self._mark = mark
        self._ahead = first
        self._terminal = terminal
        self._stderr = bytearray()
        self._closing: asyncio.Task[None] | None = None
        self._errors = asyncio.ensure_future(self._keep_errors())
        self._reading = asyncio.Lock()

    async def _keep_errors(self) -> None:
        while data := await self._endpoint.read_error(65536):
            self._stderr += data
            del self._stderr[:-_STDERR]

    @property
    def terminal(self) -> bool:
        """Whether it has a pseudo-terminal."""
        return self._terminal

    @property
    def closing(self) -> bool:
        """Whether its end has begun."""
        return self._closing is not None

    @property
    def stderr(self) -> bytes:
        return bytes(self._stderr)

    async def write(self, data: bytes) -> None:
        """Send bytes; raises ConnectionLost when the program has ended."""
        if self._closing is not None or self._endpoint.ended:
            raise ConnectionLost(f"{self._sessions.host}: the program has ended and takes no input")
        await self._endpoint.write(data)

    async def read(self, limit: int = 65536) -> bytes:
        """The next bytes of output, at most ``limit``; ``b""`` once it has ended."""
        if self._ahead:
            data, self._ahead = self._ahead[:limit], self._ahead[limit:]
            return data
        if self._closing is not None:
            return b""
        async with self._reading:
            return await self._endpoint.read(limit)

    async def wait(self) -> int | None:
        """The exit status; None when a signal or the link ended it."""
        try:
            status = await self._endpoint.exited()
        except ConnectionLost:
            return None
        # What it said last is part of its end.
        await asyncio.wait({self._errors}, timeout=1.0)
        return status

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program the new size of its terminal."""
        if self._closing is None and not self._endpoint.ended:
            self._endpoint.resize(columns, rows)

    async def close(self, grace: float = 2.0) -> None:
        """End the program (end of input, then signals), wait for its end, free the channel.

        May be called more than once; goes on to the end when its caller is cancelled.
        """
        if self._closing is None:
            self._closing = self._sessions._later(self._close(grace))
        await asyncio.shield(self._closing)

    async def _close(self, grace: float) -> None:
        signals = ("HUP", "TERM", "KILL") if self._terminal else ("TERM", "KILL")
        try:
            if not self._terminal and not self._endpoint.ended:
                self._endpoint.write_eof()
                await _within(self._endpoint, grace)
        finally:
            kind: Kind = "terminal" if self._terminal else "lasting"
            await self._sessions._free(self._endpoint, self._mark, kind, signals)
            self._errors.cancel()
            await asyncio.gather(self._errors, return_exceptions=True)
            self._sessions._forget(self)
