"""``sactui wait`` and ``sactui events``: following a fleet, at the pace of a good guest."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from .. import clock
from ..core.controller import Controller
from ..domain.changes import Change, changes
from ..domain.fleet import Agent, Fleet
from ..domain.spoken import clock_time
from ..domain.state import AgentState
from ..domain.text import visible
from ..errors import Refused, SettingsError
from .context import configuration, print_json, stamp
from .lists import agent_json

#: Words for several states, besides the states themselves.
_SETS = {
    "needs-you": frozenset(state for state in AgentState if state.needs_you),
    "alive": frozenset(state for state in AgentState if state.alive),
    "ended": frozenset({AgentState.STOPPED, AgentState.EXITED, AgentState.DEAD, AgentState.LOST}),
}


def states(text: str) -> frozenset[AgentState]:
    """``idle,asking`` or ``needs-you`` as states. Raises SettingsError."""
    found: set[AgentState] = set()
    for word in filter(None, (word.strip() for word in text.split(","))):
        if word in _SETS:
            found |= _SETS[word]
            continue
        try:
            found.add(AgentState(word))
        except ValueError:
            known = ", ".join([*AgentState, *_SETS])
            raise SettingsError(f"--until {word!r} is not a state", f"known: {known}") from None
    if not found:
        raise SettingsError("--until needs a state", "as in: --until idle,asking")
    return frozenset(found)


@asynccontextmanager
async def following(args: argparse.Namespace) -> AsyncIterator[tuple[Controller, asyncio.Queue[Fleet]]]:
    """A controller that polls, and its fleets as they come; ctrl+c and TERM end the caller."""
    fleets: asyncio.Queue[Fleet] = asyncio.Queue()
    controller = Controller(configuration(args))
    controller.listen(fleets.put_nowait)
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await controller.start()
        yield controller, fleets
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await controller.close()


# -- wait ---------------------------------------------------------------------------------


def wait(args: argparse.Namespace) -> int:
    """``sactui wait NAME --until S,... [--timeout T]``: 0 reached, 1 cannot be any more, 4 timed out."""
    wanted = states(args.until)
    if args.timeout is not None and args.timeout <= 0:
        raise SettingsError("--timeout must be more than 0 seconds")
    try:
        return asyncio.run(_wait(args, wanted))
    except asyncio.CancelledError:
        print(f"sactui: stopped waiting; {args.name} goes on", file=sys.stderr)
        return 130


async def _wait(args: argparse.Namespace, wanted: Collection[AgentState]) -> int:
    newest: list[Agent] = []
    async with following(args) as (controller, fleets):
        if not any(d == args.name for d in controller.files.definitions) and not controller.files.leases:
            controller.agent(args.name)  # nothing that could show it later: says what is known
        with suppress(TimeoutError):
            async with asyncio.timeout(args.timeout):
                return await _watch(args, wanted, fleets, newest)
    agent = newest[-1] if newest else None
    last = f"it is {agent.state.value}" if agent else "it was not seen"
    why = "" if agent is None or not agent.verdict.stale else " (the newest look failed)"
    _say(args, agent, False, f"{args.name}: not {args.until} within {args.timeout:g} s; {last}{why}")
    return 4


async def _watch(
    args: argparse.Namespace,
    wanted: Collection[AgentState],
    fleets: asyncio.Queue[Fleet],
    newest: list[Agent],
) -> int:
    said = ""
    looked = False
    while True:
        fleet = await fleets.get()
        looked = looked or all(host.data_at is not None for host in fleet.hosts)
        agent = next((agent for agent in fleet.agents if agent.name == args.name), None)
        if agent is None:
            if looked:
                names = ", ".join(sorted(one.name for one in fleet.agents)) or "none"
                raise Refused(f"there is no agent {args.name!r}", f"known agents: {names}")
            continue
        newest[:] = [agent]
        fresh = not agent.verdict.stale and (agent.observed_at is not None or looked)
        line = f"{agent.name}: {agent.state.value}" + (f" ({agent.verdict.why})" if agent.verdict.why else "")
        if line != said and sys.stderr.isatty():
            print(visible(line), file=sys.stderr)
        said = line
        if not fresh:
            continue
        if agent.state in wanted:
            _say(args, agent, True, line)
            return 0
        if agent.state in _SETS["ended"] and not _returns(agent):
            _say(args, agent, False, f"{line}: it will not become {args.until} by itself")
            return 1


def _returns(agent: Agent) -> bool:
    """Whether an agent that ended may come back without a person."""
    return False


def _say(args: argparse.Namespace, agent: Agent | None, reached: bool, line: str) -> None:
    if args.json:
        known: dict[str, Any] = agent_json(agent) if agent else {"name": args.name, "observed_at": None}
        print_json({**known, "reached": reached, "message": line})
    else:
        print(visible(line), file=sys.stdout if reached else sys.stderr)


# -- events -------------------------------------------------------------------------------


def events(args: argparse.Namespace) -> int:
    """``sactui events``: one line per change until ctrl+c; with ``--json`` one object a line."""
    try:
        return asyncio.run(_events(args))
    except asyncio.CancelledError:
        return 0


async def _events(args: argparse.Namespace) -> int:
    kinds = frozenset(filter(None, (args.kind or "").split(",")))
    unknown = kinds - {"agent", "reservation", "job", "link", "problem"}
    if unknown:
        known = "agent, reservation, job, link, problem"
        raise SettingsError(f"--kind {', '.join(sorted(unknown))} is not known", f"known: {known}")
    before: Fleet | None = None
    begun = False
    async with following(args) as (_, fleets):
        while True:
            fleet = await fleets.get()
            if not begun and fleet.hosts and all(host.name in fleet.jobs_at for host in fleet.hosts):
                begun = True
                if args.json:
                    names = [host.name for host in fleet.hosts]
                    _line({"kind": "begin", "hosts": names, "observed_at": stamp(fleet.at), "source": "look"})
            if before is not None:
                for change in changes(before, fleet):
                    if not kinds or change.kind in kinds:
                        _event(args, change)
            before = fleet


def _event(args: argparse.Namespace, change: Change) -> None:
    if args.json:
        _line(
            {
                "kind": change.kind,
                "host": change.host,
                "name": change.name,
                "before": change.before or None,
                "after": change.after or None,
                "why": change.why,
                "weight": change.weight.value,
                "observed_at": stamp(change.at),
                "source": "look",
            }
        )
        return
    when = clock_time(change.at, clock.now(), seconds=True)
    what = f"{change.before or 'new'} → {change.after or 'gone'}"
    print(visible(f"{when}  {change.kind:11}  {change.name}  {what}  {change.why}").rstrip(), flush=True)


def _line(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n")
    sys.stdout.flush()
