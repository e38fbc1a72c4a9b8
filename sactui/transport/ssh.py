"""The transport that speaks SSH itself, through asyncssh.

asyncssh takes a noticeable time to import, so it is imported by the first dial.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ChannelRefused, ConnectFailed, ConnectionLost, TransportError
from . import command as commands
from .base import Asker, Terminal
from .budget import Budget
from .endpoint import Endpoint, Size
from .session import Sessions

if TYPE_CHECKING:
    from .dial import Line

#: Seconds for a login without, and with, a person who has to find a phone first.
_LOGIN, _LOGIN_WITH_PERSON = 30.0, 300.0


class SshTransport(Sessions):
    """One connection to one of the host's login hosts, kept open.

    ``login_hosts`` are SSH names, tried in order when connecting (default: the host's own
    name; its User counts for those without one). ``user`` goes before the configuration's.
    A silent peer is noticed after
    ``keepalive_interval * (keepalive_count + 1)`` seconds. Without ``asker`` whatever
    needs a person fails, with the remedy.
    """

    kind = "ssh"

    def __init__(
        self,
        host: str,
        *,
        ssh_config: Path | None = None,
        asker: Asker | None = None,
        login_hosts: Sequence[str] = (),
        user: str = "",
        keepalive_interval: float = 6.0,
        keepalive_count: int = 2,
        connect_timeout: float = 15.0,
        login_timeout: float | None = None,
        max_channels: int = 8,
        binary: str = "ssh",
    ) -> None:
        super().__init__(max_channels)
        self.host = host
        self.login_host = ""
        self.interactive_login = False
        self.dials = 0
        self._user = user
        self._binary = binary
        self._rejected: dict[str, str] = {}
        self._ssh_config = ssh_config
        self._asker = asker
        self._login_hosts = tuple(login_hosts) or (host,)
        self._keepalive = (keepalive_interval, keepalive_count)
        self._connect_timeout = connect_timeout
        self._login_timeout = login_timeout or (_LOGIN_WITH_PERSON if asker else _LOGIN)
        self._line: Line | None = None
        self._dialling = asyncio.Lock()
        self._spare: SshTransport | None = None

    @property
    def connected(self) -> bool:
        return self._line is not None and not self._line.lost

    async def connect(self) -> None:
        """Connect to the first login host that can be reached.

        Only a host that cannot be reached hands over to the next one: after a refused
        login the next would be refused as well, and count towards a lock-out.
        """
        async with self._dialling:
            if self.connected:
                return
            if self._line is not None:
                await self._drop()
            failures: list[ConnectFailed] = []
            for name in self._login_hosts:
                if name in self._rejected:
                    failures.append(ConnectFailed(self._rejected[name]))
                    continue
                try:
                    await self._dial(name)
                    return
                except ConnectFailed as error:
                    failures.append(error)
            if len(failures) == 1:
                raise failures[0]
            raise ConnectFailed(
                f"{self.host}: none of its {len(failures)} login hosts can be reached: "
                + "; ".join(error.message for error in failures),
                failures[0].remedy,
            )

    async def _dial(self, name: str) -> None:
        # Reading the user's files and the library is nothing for the loop to wait for.
        await asyncio.to_thread(importlib.import_module, f"{__package__}.dial")
        from . import dial
        from .config import resolve

        interval, count = self._keepalive
        settings = dial.Settings(
            self._ssh_config,
            self._asker,
            interval,
            count,
            self._connect_timeout,
            self._login_timeout,
            self._binary,
        )
        default_user = None
        if name != self.host and not self._user:
            own = await resolve(self.host, self._ssh_config, binary=self._binary)
            default_user = own.user if own.user_given else None
        self.dials += 1
        self._line = await dial.dial(name, settings, default_user, self._user or None)
        self.login_host = name
        self.interactive_login = self._line.interactive

    async def reject(self, why: str) -> None:
        """The login host in use is the wrong one: leave it, and do not come back to it.

        ``why`` is a sentence for the next :meth:`connect` that finds no other.
        """
        if self.login_host:
            self._rejected[self.login_host] = why
        await self._leave()

    async def _open(self, command: str, size: Size | None) -> Endpoint:
        from . import remote

        if self._line is None:
            raise ConnectionLost(f"{self.host}: there is no SSH connection")
        if self._line.lost:
            raise remote.lost(self._line, self.host)
        return await remote.open_endpoint(self._line, self.host, command, size)

    async def open_terminal(
        self, command: str, columns: int, rows: int, term: str = "xterm-256color"
    ) -> Terminal:
        """Start a command on a pseudo-terminal; errors as for a channel.

        When this connection has no channel left, a second one to the same login host is
        opened, if that needs no person.
        """
        try:
            return await super().open_terminal(command, columns, rows, term)
        except ChannelRefused as refusal:
            if self.interactive_login:
                raise
            try:
                spare = await self._second()
            except TransportError:
                raise refusal from None
            return await spare.open_terminal(command, columns, rows, term)

    async def _second(self) -> Sessions:
        if self._spare is None:
            interval, count = self._keepalive
            self._spare = spare = _Spare(
                self.host,
                ssh_config=self._ssh_config,
                login_hosts=(self.login_host,),
                user=self._user,
                keepalive_interval=interval,
                keepalive_count=count,
                connect_timeout=self._connect_timeout,
            )
            spare.only_terminals(self._budget.most)
        await self._spare.connect()
        return self._spare

    def foreground(self, command: str) -> Sequence[str]:
        """The argv of an OpenSSH client that runs ``command``: a login of its own."""
        options = (f"User={self._user}",) if self._user else ()
        return commands.foreground(
            self.login_host or self._login_hosts[0], command, self._ssh_config, options
        )

    async def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def close(self) -> None:
        """End what runs, close the connection, wait for both. Never raises."""
        await self._leave()

    async def _leave(self) -> None:
        if self._spare is not None:
            await self._spare.close()
            self._spare = None
        if self.connected:
            await self._end_all()
        await self._drop()
        await self._end_all()


class _Spare(SshTransport):
    """A second connection for terminals. There is no third."""

    def only_terminals(self, most: int) -> None:
        """Carry up to ``most`` terminals, and nothing else."""
        self._budget = Budget(most, terminals_only=True)

    async def _second(self) -> Sessions:
        raise ChannelRefused(f"{self.host}: both connections have no further channel")
