"""Looking into an agent: its log, its terminal, and what became of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ..domain.state import Link
from ..errors import Refused
from ..runtimes import hold_script, tenant
from ..slurm import srun
from ..transport.base import Terminal
from . import tenants
from .hosts import Host
from .steps import Allocation
from .terminals import LeavingTerminal
from .workloads import workload

if TYPE_CHECKING:
    from .controller import Controller


async def _place(controller: Controller, name: str) -> tuple[Host, Allocation]:
    agent = controller.agent(name)
    host, place = workload(name, agent.runtime).place(controller, agent)
    return await controller.host(host), place


async def logs(controller: Controller, name: str, lines: int) -> str:
    """The last ``lines`` lines of an agent's pane, history and screen."""
    host, place = await _place(controller, name)
    return await tenants.log_text(host.steps, place, name, lines)


async def foreground(controller: Controller, name: str) -> Sequence[str]:
    """The argv of a local program that attaches the terminal it inherits."""
    host, place = await _place(controller, name)
    argv = hold_script.in_step(tenant.attach_argv(name, place.socket))
    command = srun.attach_command(place.job_id, place.batch_host, argv)
    return host.link.transport.foreground(f"{host.link.public_preamble}exec {command}")


async def why_ended(controller: Controller, name: str) -> str:
    """What became of an agent whose attached terminal ended, from a fresh look."""
    try:
        host = await controller.host(controller.agent(name).host)
    except Refused:
        return f"{name} is not there any more"
    if host.task is not None:
        host.poller.watch(False)
        with suppress(TimeoutError):
            async with asyncio.timeout(8):
                await host.poller.next_look()
    controller.compose()
    agent = controller.agent(name)
    if host.link.state is not Link.UP:
        return f"the link was lost; {name} was {agent.state} and goes on without you: a attaches again"
    if agent.pane is not None and not agent.pane.dead:
        return f"left {name}: it is {agent.state}"
    return f"{name}: {agent.state} {agent.verdict.why}".strip()


async def open_terminal(controller: Controller, name: str, columns: int, rows: int) -> Terminal:
    """Attach to an agent on a pseudo-terminal of that size."""
    host, place = await _place(controller, name)
    token = secrets.token_hex(6)
    argv = hold_script.in_step(tenant.attach_argv(name, place.socket, token))
    command = srun.attach_command(place.job_id, place.batch_host, argv)
    stream = await host.link.transport.open_terminal(
        f"{host.link.public_preamble}exec {command}", columns, rows
    )
    return LeavingTerminal(stream, lambda: host.steps.run(place, tenant.detach_script(place.socket, token)))
