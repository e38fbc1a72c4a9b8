"""Terminals that are left as a person leaves them: detached, then closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from ..errors import SactuiError
from ..transport.base import Terminal

#: Seconds that a detach may take before the stream is closed without it.
_PATIENCE = 3.0


class LeavingTerminal:
    """A terminal whose :meth:`close` detaches its tmux client first.

    Closing the stream alone ends srun, but can leave the client on the node, attached to
    the agent's session and holding its size.
    """

    def __init__(self, stream: Terminal, leave: Callable[[], Awaitable[object]]) -> None:
        self._stream = stream
        self._leave = leave
        self._closed = False

    async def write(self, data: bytes) -> None:
        """Send bytes to the program."""
        await self._stream.write(data)

    async def read(self, limit: int = 65536) -> bytes:
        """The next bytes of the program; empty once it has ended."""
        return await self._stream.read(limit)

    async def wait(self) -> int | None:
        """The exit status of the remote command."""
        return await self._stream.wait()

    @property
    def stderr(self) -> bytes:
        """The last bytes of its standard error."""
        return self._stream.stderr

    def resize(self, columns: int, rows: int) -> None:
        """Tell the other side the size of the pane."""
        self._stream.resize(columns, rows)

    async def close(self, grace: float = 2.0) -> None:
        """Detach, then close the stream. Never raises for a link that is gone."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(SactuiError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._leave()
        await self._stream.close(grace)
