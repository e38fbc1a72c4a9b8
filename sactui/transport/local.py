"""The transport of a console that already runs on the login node: no SSH at all."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConnectFailed, ConnectionLost
from .endpoint import Endpoint, Size
from .process import PipeEndpoint, PtyEndpoint
from .session import Sessions


class LocalTransport(Sessions):
    """Runs everything on this machine, in process groups of their own."""

    kind = "local"

    def __init__(self, host: str = "local", *, max_channels: int = 32) -> None:
        super().__init__(max_channels)
        self.host = host
        self.login_host = ""
        self.interactive_login = False
        self.dials = 0
        self._connected = False

    async def connect(self) -> None:
        """Nothing to dial; afterwards scripts may run."""
        self.login_host = "localhost"
        self._connected = True

    @property
    def connected(self) -> bool:
        return self._connected

    async def reject(self, why: str) -> None:
        """There is no other machine than this one: nothing is remembered."""
        self._connected = False

    async def _open(self, command: str, size: Size | None) -> Endpoint:
        if not self._connected:
            raise ConnectionLost(f"{self.host}: the transport is not connected")
        argv = ["/bin/sh", "-c", command]
        try:
            if size is not None:
                return await PtyEndpoint.start(argv, size, self.host, controlling=True)
            return await PipeEndpoint.start(argv, self.host)
        except OSError as error:
            raise ConnectFailed(f"{self.host}: /bin/sh cannot be started: {error}") from error

    def foreground(self, command: str) -> Sequence[str]:
        """The argv that runs ``command`` on the terminal it inherits."""
        return ["/bin/sh", "-c", command]

    async def close(self) -> None:
        """End what runs, and wait for it. Never raises."""
        await self._end_all()
        self._connected = False
