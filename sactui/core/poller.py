"""One host's refresh: a tick becomes one exec, and one exchange per open allocation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from .. import clock
from ..domain.fleet import Trouble
from ..domain.job import Job
from ..domain.pane import Server
from ..domain.state import Link, Phase
from ..errors import SactuiError, TransportError
from .jobs import look_at_jobs
from .link import HostLink
from .observation import HostPicture, Seen
from .steps import Allocation, Steps

#: Steady pace, pace after an own action or while a screen is watched, and how long.
STEADY = 10.0
BRISK = 2.0
BRISK_FOR = 20.0
#: A refresh never takes more than this share of the time: 1/20.
_DUTY = 20
#: Seconds that a round waits for the controller before it goes on without it.
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the poller of a host should look into besides the queue.

    ``allocations`` are the running jobs whose tmux servers are asked; ``full`` the pane
    ids whose screens are captured even when nothing changed.
    """

    allocations: tuple[Allocation, ...] = ()


class HostPoller:
    """Looks at one host again and again, and tells ``changed`` what it saw."""

    def __init__(
        self,
        link: HostLink,
        steps: Steps,
        wanted: Callable[[HostPicture], Wanted],
        changed: Callable[[HostPicture], None],
        interval: float = STEADY,
    ) -> None:
        self.link = link
        self.steps = steps
        self.interval = interval
        self.paused = False
        self.picture = HostPicture(link.host, transport=link.transport.kind)
        self._wanted = wanted
        self._changed = changed
        self._wake = asyncio.Event()
        self._brisk_until = 0.0
        self._watched = False
        self._took = 0.0
        self._queue: asyncio.Task[None] | None = None
        self._rounds = 0
        self._round_done = asyncio.Condition()

    # -- the pace ---------------------------------------------------------------------

    def look_now(self, *, brisk: bool = True) -> None:
        """Refresh at once; ``brisk`` also keeps the quick pace for a while after."""
        if brisk:
            self._brisk_until = clock.monotonic() + BRISK_FOR
        self.link.retry_now()
        self._wake.set()

    def watch(self, watched: bool) -> None:
        """Say whether an agent's screen of this host is being watched."""
        if watched and not self._watched:
            self._wake.set()
        self._watched = watched

    @property
    def pause_length(self) -> float:
        """Seconds until the next refresh, at the pace that holds now."""
        brisk = self._watched or clock.monotonic() < self._brisk_until
        pace = min(BRISK, self.interval) if brisk else self.interval
        return max(pace, self._took * _DUTY, self.link.site.min_interval)

    async def next_look(self) -> None:
        """Return after a refresh that began after this call has ended."""
        async with self._round_done:
            # A refresh that is under way now may have asked before the call.
            target = self._rounds + (2 if self._busy else 1)
            self._wake.set()
            await self._round_done.wait_for(lambda: self._rounds >= target)

    _busy = False

    # -- the loop ---------------------------------------------------------------------

    async def run(self) -> None:
        """Refresh until cancelled. The owner closes link and steps afterwards."""
        try:
            while True:
                self._wake.clear()
                if not self.paused:
                    self._busy = True
                    try:
                        await self.refresh(patience=_PATIENCE)
                    finally:
                        self._busy = False
                        async with self._round_done:
                            self._rounds += 1
                            self._round_done.notify_all()
                await self._pause()
        finally:
            if self._queue is not None:
                self._queue.cancel()
                await asyncio.gather(self._queue, return_exceptions=True)

    async def _pause(self) -> None:
        """Wait for the next look: its time, a wish, or a link that is gone meanwhile."""
        if self.link.state is not Link.UP:
            return  # the link itself waits for its next try
        until = clock.monotonic() + self.pause_length
        while (left := until - clock.monotonic()) > 0:
            if await clock.woken(self._wake, min(left, 1.0)):
                return
            if self.link.check():
                return

    async def refresh(self, patience: float | None = None) -> None:
        """One look at everything. Never raises for what a host can do wrong.

        A controller that does not answer holds nothing else up: after ``patience``
        seconds (``None``: none) its answer is taken whenever it comes, and allocations
        that were known are looked into all the same.
        """
        try:
            await self.link.ready()
        except TransportError:
            self._publish()
            return
        if self._queue is None:
            self._queue = asyncio.create_task(self._look_at_queue(), name=f"queue {self.link.host}")
        known = self._wanted(self.picture).allocations
        await asyncio.gather(*(self._look_into(allocation) for allocation in known))
        await asyncio.wait({self._queue}, timeout=patience)
        if self._queue.done():
            queue, self._queue = self._queue, None
            queue.result()
        wanted = self._wanted(self.picture).allocations
        await self.steps.keep_only({allocation.job_id for allocation in wanted})
        # Each allocation answers for itself: a dead node never delays another.
        await asyncio.gather(*(self._look_into(new) for new in wanted if new not in known))
        self._publish()

    async def _look_at_queue(self) -> None:
        try:
            jobs = await look_at_jobs(self.link)
        except SactuiError as error:
            self.picture = replace(self.picture, jobs=self.picture.jobs.failed(trouble(error)))
            self._took = 0.0
            self._publish()
            return
        self._took = self.link.command_seconds
        before = {job.id: job for job in self.picture.jobs.value or ()}
        self.picture = replace(
            self.picture,
            jobs=self.picture.jobs.good(jobs, clock.now()),
            servers=_living_servers(self.picture.servers, before, {job.id: job for job in jobs}),
        )
        self._publish()

    async def _look_into(self, allocation: Allocation) -> None:
        known: Seen[Server] = self.picture.servers.get(allocation.job_id) or Seen()
        try:
            server = await self.steps.look(allocation, known.value)
            seen = known.good(server, clock.now())
        except SactuiError as error:
            # Not what was known at the beginning: the job may be in another life by now.
            seen = (self.picture.servers.get(allocation.job_id) or Seen()).failed(trouble(error))
        self.picture = self.picture.with_server(allocation.job_id, seen)
        self._publish()

    def link_changed(self) -> None:
        """Publish what the link says about itself."""
        self._publish()

    def _publish(self) -> None:
        link = self.link
        hello = link.hello
        self.picture = replace(
            self.picture,
            link=link.state,
            latency=link.latency,
            next_try=link.next_try,
            link_trouble=link.trouble,
            calls_per_minute=link.calls_per_minute,
            interval=self.pause_length,
            transport=link.transport.kind,
            cluster=hello.cluster if hello else self.picture.cluster,
            user=hello.user if hello else self.picture.user,
            private=hello.private if hello else self.picture.private,
        )
        self._changed(self.picture)


def _living_servers(
    servers: Mapping[int, Seen[Server]], before: Mapping[int, Job], now: Mapping[int, Job]
) -> dict[int, Seen[Server]]:
    """The servers that may still be there.

    A job that waits or has ended has none, and one that was requeued is another life:
    nothing that was seen in the first is evidence in the second.
    """
    return {
        job_id: seen
        for job_id, seen in servers.items()
        if (job := now.get(job_id)) is not None
        and job.phase in (Phase.RUNNING, Phase.PAUSED)
        and (job_id not in before or before[job_id].identity == job.identity)
    }


def trouble(error: SactuiError) -> Trouble:
    """An exception as the banner's words."""
    return Trouble(error.layer, error.message, error.remedy, clock.now())


def running(jobs: Iterable[Job]) -> dict[int, Job]:
    """The jobs whose allocation can be looked into now, by raw id."""
    return {job.id: job for job in jobs if job.phase is Phase.RUNNING and job.batch_host}


__all__ = ["BRISK", "STEADY", "HostPoller", "Link", "Wanted", "running", "trouble"]
