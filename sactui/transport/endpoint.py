"""One started exec, as a transport opens it and as everything above it sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Size:
    """A pseudo-terminal to be opened."""

    columns: int
    rows: int
    term: str


class Endpoint(Protocol):
    """One started exec, as a transport opens it."""

    async def read(self, limit: int) -> bytes:
        """The next bytes of standard output, ``b""`` at its end (also when the link broke)."""
        ...

    async def read_error(self, limit: int) -> bytes: ...

    async def write(self, data: bytes) -> None:
        """Send bytes; raises ConnectionLost when nobody can get them any more."""
        ...

    def write_eof(self) -> None: ...

    @property
    def ended(self) -> bool: ...

    async def exited(self) -> int | None:
        """Wait for the end: the exit status, None for a signal. Raises ConnectionLost."""
        ...

    def signal(self, name: str) -> None:
        """Ask for a signal; nothing says whether it arrives."""
        ...

    async def shut(self) -> None:
        """Free it. Only after the program has ended or was signalled. Never raises."""
        ...

    def resize(self, columns: int, rows: int) -> None: ...
