"""One host as the controller holds it: its link, its steps, its poller, and the task that runs it."""

from __future__ import annotations

import asyncio

from .limits import LimitsKeeper
from .link import HostLink
from .poller import HostPoller
from .steps import Steps


class Host:
    """One host's link, steps, poller and the task that runs it."""

    def __init__(self, link: HostLink, steps: Steps, poller: HostPoller) -> None:
        self.link, self.steps, self.poller = link, steps, poller
        self.task: asyncio.Task[None] | None = None
        self.limits = LimitsKeeper(link)

    async def look(self) -> None:
        """A look that began after this call: the poller's next one, or one of our own."""
        if self.task is not None:
            await self.poller.next_look()
        else:
            await self.poller.refresh()
