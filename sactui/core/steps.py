"""Everything asked inside allocations of one host: one open step per reservation."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .. import clock
from ..domain.pane import Server
from ..domain.vitals import Vitals
from ..errors import Refused, TmuxError
from ..runtimes import hold_script, vitals
from ..slurm import srun
from ..tmux import exchange as tmux_exchange
from .channel import Exchange, SingleSteps, StepChannel
from .link import HostLink

#: Open steps per connection; further allocations are asked one srun at a time.
MOST_CHANNELS = 3
#: Seconds between two looks at what a reservation uses: ps costs more than tmux.
_VITALS_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Allocation:
    """A running job that can be looked into: its raw id, its batch host, its socket."""

    job_id: int
    batch_host: str
    socket: str


class Steps:
    """Owns the channels into the allocations of one host."""

    def __init__(self, link: HostLink) -> None:
        self._link = link
        self._exchanges: dict[int, Exchange] = {}
        self._opening = asyncio.Lock()
        self._vitals_at: dict[int, float] = {}

    def reason(self, job_id: int) -> str:
        """Why an allocation is asked by single steps; empty when it has its channel."""
        exchange = self._exchanges.get(job_id)
        return exchange.reason if exchange else ""

    async def look(self, place: Allocation, known: Server | None) -> Server:
        """Ask the tmux server of an allocation for its panes and screens.

        Raises SlurmError or TransportError when it cannot be asked, TmuxError when there
        is no server, Refused when the server belongs to another job.
        """
        before = known.vitals if known is not None and known.job_id == place.job_id else None
        server = await self._look(place, before, known)
        if any(pane.dead and pane.exit_status is None and not pane.exit_signal for pane in server.panes):
            # tmux (seen with 3.3a) can miss the end of a child; running one of its own
            # makes it collect them all, and the exit status is there.
            await self._exchange_raw(
                place, shlex.join(["tmux", "-u", "-L", place.socket, "run-shell", "true"])
            )
            server = await self._look(place, server.vitals, server)
        if server.job_id != place.job_id:
            raise Refused(
                f"the tmux server {place.socket} on {place.batch_host} "
                f"belongs to job {server.job_id}, not {place.job_id}",
                "release the reservation and book it again",
            )
        return server

    async def _look(self, place: Allocation, before: Vitals | None, known: Server | None) -> Server:
        # Only of the same server: another one's panes have the same ids.
        own = known if known is not None and known.job_id == place.job_id else None
        question = tmux_exchange.build(place.socket, known=own)
        due = clock.monotonic() - self._vitals_at.get(place.job_id, -_VITALS_EVERY) >= _VITALS_EVERY
        token = "zV" + secrets.token_hex(6)
        script = question.script + (vitals.script(place.socket, token) if due else "")
        answer = (await self._exchange_raw(place, script))[0]
        server = tmux_exchange.parse(answer, question)
        if due:
            text = answer.decode("utf-8", "replace")
            before = vitals.parse(text, token, server.now, before) or before
            self._vitals_at[place.job_id] = clock.monotonic()
        return replace(server, vitals=before)

    async def run(self, place: Allocation, script: str) -> str:
        """Run a script in an allocation, only while its tmux server is this job's own."""
        guard = (
            f'[ "$(tmux -u -L {shlex.quote(place.socket)} show-environment -g SLURM_JOB_ID 2>/dev/null)" '
            f'= "SLURM_JOB_ID={place.job_id}" ] || exit 97\n'
        )
        completed = await self._exchange_raw(place, guard + script)
        text = completed[0].decode("utf-8", "replace")
        if completed[1] == 97:
            raise Refused(
                f"job {place.job_id} has no tmux server {place.socket} of its own on {place.batch_host}",
                "release the reservation and book it again with --tmux-server",
            )
        if completed[1] != 0:
            raise TmuxError(text.strip() or f"tmux on {place.batch_host} ended with {completed[1]}")
        return text

    async def _exchange_raw(self, place: Allocation, script: str) -> tuple[bytes, int | None]:
        exchange = self._exchanges.get(place.job_id)
        if exchange is None:
            exchange = self._open(place)
            self._exchanges[place.job_id] = exchange
        self._link.count()
        completed = await exchange.exchange(script)
        return completed.stdout, completed.exit_status

    def _open(self, place: Allocation) -> Exchange:
        argv = srun.step_argv(place.job_id, place.batch_host, program=hold_script.STEP_PROGRAM)
        opened = sum(isinstance(exchange, StepChannel) for exchange in self._exchanges.values())
        wished = self._link.site.max_channels
        most = MOST_CHANNELS if wished is None else min(MOST_CHANNELS, wished)
        if opened >= most:
            return SingleSteps(
                self._link.transport,
                argv,
                self._link.preamble,
                f"{most} channels are open already"
                + (" (the site allows no more)" if wished == most else "")
                + "; this one is asked one step at a time",
            )
        return StepChannel(self._link.transport, argv, self._link.preamble, place.job_id)

    async def keep_only(self, job_ids: Iterable[int]) -> None:
        """Close the channels of allocations that are not wanted any more."""
        keep = set(job_ids)
        gone = [job_id for job_id in self._exchanges if job_id not in keep]
        for job_id in gone:
            await self._exchanges.pop(job_id).close()

    async def close(self) -> None:
        """End every step of ours."""
        exchanges, self._exchanges = list(self._exchanges.values()), {}
        await asyncio.gather(*(exchange.close() for exchange in exchanges))
