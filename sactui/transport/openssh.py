"""The transport that rides the user's own OpenSSH connection (ControlMaster).

Nothing is ever dialled here: every call names the control socket and, should the master
be gone, has a ``ProxyCommand`` that fails, because OpenSSH would otherwise log in again
by itself, perhaps with a push message to somebody's phone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ..errors import ChannelRefused, ConnectFailed, ConnectionLost, TransportError
from . import command as commands
from .endpoint import Endpoint, Size
from .process import PipeEndpoint, PtyEndpoint
from .session import Sessions

#: Seconds that questions to the local ssh program may take.
_LOCAL = 10.0
#: Seconds between looks whether the master is still there.
_LOOK = 5.0
_OPTIONS = (
    "ControlMaster=no",
    "BatchMode=yes",
    "ProxyCommand=false",
    "LogLevel=ERROR",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "RemoteCommand=none",
    "ConnectTimeout=5",
)


class OpensshTransport(Sessions):
    """``control_path`` is the socket of a master that the user opened (``ssh -G`` names it).

    ``target`` is the SSH name that was opened, when it is not the host's own.
    """

    kind = "openssh"

    def __init__(
        self,
        host: str,
        control_path: str,
        *,
        target: str = "",
        ssh_config: Path | None = None,
        binary: str = "ssh",
        user: str = "",
        max_channels: int = 8,
    ) -> None:
        super().__init__(max_channels)
        self.host = host
        self.login_host = ""
        self.interactive_login = False
        self.dials = 0
        self._rejected = ""
        self._target = target or host
        self._control_path = control_path
        self._ssh_config = ssh_config
        self._binary = binary
        self._user = user
        self._connected = False
        self._watching: asyncio.Task[None] | None = None

    def _argv(self, *arguments: str) -> list[str]:
        argv = [self._binary]
        if self._ssh_config is not None:
            argv += ["-F", str(self._ssh_config)]
        if self._user:
            argv += ["-l", self._user]
        argv += ["-o", f"ControlPath={self._control_path}"]
        for option in _OPTIONS:
            argv += ["-o", option]
        return [*argv, *arguments]

    async def connect(self) -> None:
        """Check that the master is there. Raises ConnectFailed when it is not."""
        if self._connected:
            return
        if self._rejected:
            raise ConnectFailed(self._rejected)
        if not self._control_path:
            raise ConnectFailed(
                f"{self.host}: the SSH configuration names no ControlPath: there is no connection to share",
                f"Add to Host {self._target}: ControlPath ~/.ssh/cm-%C; then: ssh -fNM {self._target}",
            )
        if not await self.alive():
            raise self._gone()
        self.login_host = self._target
        self._connected = True
        # Its end is the user's decision at any time, and nobody tells us.
        self._watching = asyncio.ensure_future(self._watch())

    async def alive(self) -> bool:
        """Whether the user's connection is there."""
        return await check(self._argv("-O", "check", "--", self._target))

    async def _watch(self) -> None:
        while self._connected:
            await asyncio.sleep(_LOOK)
            self._connected = await self.alive()

    async def reject(self, why: str) -> None:
        """This connection leads elsewhere: it is not used again; the user's own stays open."""
        self._rejected = why
        await self.close()

    def _gone(self) -> ConnectFailed:
        self._connected = False
        return ConnectFailed(
            f"{self.host}: the shared OpenSSH connection (ControlMaster) is gone",
            f"In another terminal: ssh -fNM {self._target}. sactui does not log in by itself here.",
        )

    @property
    def connected(self) -> bool:
        return self._connected

    async def _open(self, command: str, size: Size | None) -> Endpoint:
        if not self._connected:
            raise ConnectionLost(f"{self.host}: the shared OpenSSH connection is not in use")
        try:
            if size is not None:
                argv = self._argv("-tt", "-e", "none", "--", self._target, command)
                return await PtyEndpoint.start(argv, size, self.host, controlling=False)
            return await PipeEndpoint.start(self._argv("-T", "--", self._target, command), self.host)
        except OSError as error:
            raise ConnectFailed(f"{self.host}: {self._binary} cannot be started: {error}") from error

    async def _why(self, started: bool, status: int | None, stderr: bytes) -> TransportError | None:
        # 255 is ssh's own status, unless the script ended with it while the master lives.
        if status != 255:
            return None
        if started:
            gone = None if await self.alive() else self._gone()
            return gone and ConnectionLost(gone.message, gone.remedy)
        text = stderr.decode("utf-8", "replace").strip()
        if "session request failed" in text or "open refused" in text or "open failed" in text:
            return ChannelRefused(
                f"{self.host}: the server opens no further channel on the shared connection (MaxSessions)",
                "Close a terminal or a console that is not needed.",
            )
        gone = self._gone()
        return ConnectFailed(f"{gone.message}: {text}" if text else gone.message, gone.remedy)

    def foreground(self, command: str) -> Sequence[str]:
        """The argv of an ssh that runs ``command`` over the same connection."""
        options = (f"ControlPath={self._control_path}", "BatchMode=yes", "ProxyCommand=false")
        return commands.foreground(self._target, command, self._ssh_config, options)

    async def close(self) -> None:
        """End what runs; the user's connection stays. Never raises."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        await self._end_all()
        self._connected = False


async def check(argv: Sequence[str], timeout: float = _LOCAL) -> bool:
    """Whether a local program succeeds in time; False when there is no such program."""
    return await output(argv, timeout) is not None


async def output(argv: Sequence[str], timeout: float = _LOCAL) -> str | None:
    """A local program's output, None when it fails, hangs or does not exist."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(timeout):
            out, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode("utf-8", "replace") if process.returncode == 0 else None
