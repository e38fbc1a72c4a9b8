"""How many channels one connection carries, and for what.

sshd's ``MaxSessions`` (10 by default) bounds what runs at the same time on a connection.
Sactui takes at most eight: two stay free for scripts, three are for lasting programs (the
steps in allocations), the rest for terminals. A server that allows fewer is found out by
its first refusal, and a site may ask for fewer; then everything goes on with what is left.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

Kind = Literal["script", "lasting", "terminal"]

#: Lasting programs that are not terminals.
_LASTING = 3


@dataclass(frozen=True, slots=True)
class ChannelUse:
    """The channels of a connection now. ``reason`` says why they are fewer than usual, or is empty."""

    scripts: int
    lasting: int
    terminals: int
    most: int
    reason: str = ""


class Budget:
    """The channels of one connection; whoever takes one gives it back."""

    def __init__(self, most: int, *, terminals_only: bool = False) -> None:
        self.most = most
        self._terminals_only = terminals_only
        self.reason = ""
        self.scripts = 0
        self.lasting = 0
        self.terminals = 0
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def used(self) -> int:
        return self.scripts + self.lasting + self.terminals

    @property
    def use(self) -> ChannelUse:
        return ChannelUse(self.scripts, self.lasting, self.terminals, self.most, self.reason)

    def limit(self, most: int, reason: str) -> None:
        """Carry at most ``most`` channels from now on, if those are fewer; what is open stays."""
        most = max(1, most)
        if most < self.most:
            self.most, self.reason = most, reason

    @property
    def for_lasting(self) -> int:
        """How many lasting programs there may be."""
        if self._terminals_only:
            return 0
        return min(_LASTING, max(self._for_stays - 1, min(self._for_stays, 1)))

    @property
    def for_terminals(self) -> int:
        """How many terminals there may be, whatever else is open."""
        return max(self._for_stays - self.for_lasting, min(self._for_stays, 1))

    @property
    def _for_stays(self) -> int:
        """Channels that need not stay free for scripts."""
        if self._terminals_only:
            return self.most
        return self.most - (2 if self.most > 4 else 1)

    async def take_stay(self, terminal: bool) -> bool:
        """Take a channel for something that stays; False when there is none for it.

        Scripts come and go: one that is in the way now is waited for.
        """
        while True:
            mine, allowed = (
                (self.terminals, self.for_terminals) if terminal else (self.lasting, self.for_lasting)
            )
            if mine >= allowed or self.lasting + self.terminals >= self._for_stays:
                return False
            if self.used < self.most:
                break
            await self._freed()
        if terminal:
            self.terminals += 1
        else:
            self.lasting += 1
        return True

    async def take_script(self) -> None:
        """Take a channel for a script, waiting for one if need be."""
        while self.used >= self.most:
            await self._freed()
        self.scripts += 1

    def give_back(self, kind: Kind) -> None:
        """A channel is free again."""
        if kind == "script":
            self.scripts -= 1
        elif kind == "lasting":
            self.lasting -= 1
        else:
            self.terminals -= 1
        # All of them: one that has gone away meanwhile must not swallow the news.
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def _freed(self) -> None:
        news = asyncio.get_running_loop().create_future()
        self._waiting.append(news)
        await news
