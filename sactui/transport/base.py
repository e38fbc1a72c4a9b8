"""What every transport does: bytes to and from one host, nothing about Slurm.

A transport belongs to one asyncio loop and one owner, who closes it. Nothing here
ever interprets text by a local shell; the remote side is always ``exec /bin/sh -s``
with the script on standard input, so that the user's login shell never sees it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .budget import ChannelUse


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished remote script. ``exit_status`` is ``None`` when a signal ended it."""

    stdout: bytes
    stderr: bytes
    exit_status: int | None
    seconds: float = 0.0
    #: what the login printed before the script began: banners, the output of profiles
    noise: bytes = b""


@dataclass(frozen=True, slots=True)
class Question:
    """Something only a person can answer.

    ``kind`` is ``host-key`` (answer "yes" accepts the shown fingerprint), ``password``,
    ``passphrase`` or ``code``. ``echo`` says whether typed text may be shown.
    """

    kind: str
    host: str
    prompt: str
    detail: str = ""
    echo: bool = False


#: Asks a person; returns the answer, or None when nobody answers (then the login fails).
Asker = Callable[[Question], Awaitable[str | None]]


class Channel(Protocol):
    """A remote program that stays: bytes in, bytes out, until one side ends it."""

    async def write(self, data: bytes) -> None:
        """Send bytes; raises ConnectionLost when the channel has ended."""
        ...

    async def read(self, limit: int = 65536) -> bytes:
        """The next bytes of its standard output; ``b""`` once it has ended."""
        ...

    async def wait(self) -> int | None:
        """Its exit status; None when a signal or the link ended it."""
        ...

    async def close(self, grace: float = 2.0) -> None:
        """End the remote program (end of input, then a signal), wait for its end, free the channel."""
        ...

    @property
    def stderr(self) -> bytes:
        """The last bytes (at most 16 KiB) of its standard error."""
        ...


class Terminal(Channel, Protocol):
    """A channel with a pseudo-terminal."""

    def resize(self, columns: int, rows: int) -> None: ...


class Transport(Protocol):
    """One host. Every method may raise a TransportError."""

    #: the name the user gave: an SSH alias
    host: str
    #: "ssh", "openssh" or "local"
    kind: str
    #: the login host in use ("" before the first connection)
    login_host: str
    #: True when the last login needed a person: the owner must not re-dial unasked
    interactive_login: bool
    #: how many logins were tried so far, one for each login host
    dials: int

    async def connect(self) -> None:
        """Open the connection; returns at once when it is open."""
        ...

    @property
    def connected(self) -> bool: ...

    @property
    def use(self) -> ChannelUse:
        """The connection's channels now, and why they are fewer than usual."""
        ...

    def limit_channels(self, most: int, reason: str) -> None:
        """Carry at most ``most`` channels from now on; what is open stays."""
        ...

    async def reject(self, why: str) -> None:
        """The login host in use is not one of this cluster: disconnect, and never use it again.

        ``why`` is a sentence that a later :meth:`connect` fails with when no other is left.
        """
        ...

    async def run(self, script: str, timeout: float = 30.0) -> Completed:
        """Run a POSIX shell script: ``exec /bin/sh -s``, the script on standard input.

        Raises RunTimeout (the remote process was signalled first), ConnectionLost,
        ChannelRefused. A non-zero exit status is not an error here.
        """
        ...

    async def open_channel(self, command: str) -> Channel:
        """Start a remote command that stays. ``command`` is a POSIX shell command that
        is handed to ``/bin/sh`` (never to the login shell) and inherits the channel's stdin."""
        ...

    async def open_terminal(
        self, command: str, columns: int, rows: int, term: str = "xterm-256color"
    ) -> Terminal:
        """Start a remote command on a pseudo-terminal of that size."""
        ...

    def foreground(self, command: str) -> Sequence[str]:
        """The argv of a local program (ssh -tt ...) that runs the remote command on the
        terminal it inherits: for full-screen attach by handing the terminal over."""
        ...

    async def close(self) -> None:
        """Close the connection and wait until it is closed. Never raises."""
        ...
