"""Looking into an agent: its log, its terminal, and what became of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ..domain.state import Link
from ..errors import Refused
from ..runtimes import hold_script, keystrokes, tenant
from ..slurm import srun
from ..transport.base import Terminal
from . import tenants
from .hosts import Host
from .plan import Grade, Outcome, Plan, Result
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


def plan_send(controller: Controller, name: str, text: str, expected: str = "") -> Plan:
    """The plan that types ``text`` and enter into an agent.

    With ``expected`` only while its screen is still the one with that fingerprint. The
    text may be a secret: it is in no command that is shown or kept.
    """
    if not text or len(text) > keystrokes.LONGEST:
        raise Refused(
            f"{len(text)} characters cannot be typed",
            f"send 1 to {keystrokes.LONGEST}; larger things as a file",
        )
    if "\0" in text:
        raise Refused("a text with a zero byte cannot be typed", "send it as a file")
    if expected and not keystrokes.is_hash(expected):
        raise Refused(f"{expected!r} is no fingerprint of a screen", "take it from: sactui send --json")
    agent = controller.agent(name)
    host, place = workload(name, agent.runtime).place(controller, agent)
    pane = agent.pane
    if pane is None or pane.dead:
        raise Refused(f"{name} does not run: {agent.verdict.why or agent.state.value}", "start it (s)")
    return Plan(
        "send",
        host,
        name,
        f"Type into {name}",
        (f"Types {len(text)} characters and enter into {name} ({agent.state.value}).",),
        (f"tmux -L {place.socket} paste-buffer -t {pane.pane_id}  ({len(text)} characters)",),
        Grade.NONE,
        {"text": text, "expected": expected, "allocation": place, "pane": pane.pane_id},
    )


async def send(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Type, and look at the screen: the outcome's evidence is its new fingerprint."""
    place: Allocation = plan.data["allocation"]
    script = keystrokes.send_script(
        plan.target,
        plan.data["pane"],
        place.socket,
        plan.data["text"],
        secrets.token_hex(6),
        plan.data["expected"],
    )
    word, before, after = keystrokes.answer(await host.steps.run(place, script))
    if word == "typed":
        seen = "its screen moved" if before != after else "its screen is the same"
        return Outcome(Result.DONE, f"typed into {plan.target}; {seen}", after)
    if word == "other":
        return Outcome(
            Result.FAILED,
            f"{plan.target}: the screen is another one now; nothing was typed",
            before,
            f"look at it, then: sactui send {plan.target} TEXT --expect-hash {before}",
        )
    if word == "moved":
        return Outcome(
            Result.FAILED, f"{plan.target}: its pane is gone or dead; nothing was typed", "", "look again (r)"
        )
    return Outcome(Result.UNKNOWN, f"{plan.target}: whether it was typed is not known", "", "look at it (a)")


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
