"""``start``, ``stop``, ``attach``, ``logs``: the same actions as the keys."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from contextlib import suppress

from ..core.attach import restore_terminal
from ..core.controller import Controller
from ..core.plan import Result
from ..errors import Refused, SettingsError
from ..spec import discovery
from .context import carry_out, configuration, looked, outcome_json, print_json, stamp


def start(args: argparse.Namespace) -> int:
    """``sactui start NAME|FILE.yaml... | --all``."""
    if not args.name and not args.all:
        raise SettingsError("start needs names, or --all")
    directories = configuration(args).agent_directories
    resolved = [discovery.resolve(name, directories) for name in args.name]

    async def work(controller: Controller) -> int:
        for definition in resolved:
            controller.files.definitions[definition.name] = definition
        names = [definition.name for definition in resolved]
        if args.all:
            names = [d.name for d in controller.files.definitions.values() if d.runtime == "slurm-tenant"]
        if not names:
            raise Refused("there is no definition of a tenant to start", "see: sactui validate")
        return await carry_out(args, controller, controller.plan_start(names))

    return looked(args, work)


def stop(args: argparse.Namespace) -> int:
    """``sactui stop NAME... | --all``: ends sessions, never a reservation."""
    if not args.name and not args.all:
        raise SettingsError("stop needs names, or --all")

    async def work(controller: Controller) -> int:
        names = args.name or [agent.name for agent in controller.fleet.agents if agent.pane is not None]
        if not names:
            print("no agent is running")
            return 0
        return await carry_out(args, controller, controller.plan_stop(names))

    return looked(args, work)


def restart(args: argparse.Namespace) -> int:
    """``sactui restart NAME... | --all``: ends what runs, and starts it as its file says now."""
    if not args.name and not args.all:
        raise SettingsError("restart needs names, or --all")

    async def work(controller: Controller) -> int:
        known = controller.files.definitions
        names = args.name or [
            a.name
            for a in controller.fleet.agents
            if a.name in known and (a.state.alive or a.pane is not None)
        ]
        if not names:
            print("no agent is running")
            return 0
        return await carry_out(args, controller, controller.plan_restart(names))

    return looked(args, work)


def send(args: argparse.Namespace) -> int:
    """``sactui send NAME TEXT [--expect-hash H]``; ``-`` reads the text from standard input."""
    text = sys.stdin.read().rstrip("\n") if args.text == "-" else args.text

    async def work(controller: Controller) -> int:
        plan = controller.plan_send(args.name, text, args.expect_hash)
        if args.dry_run:
            return await carry_out(args, controller, [plan])
        outcome = await controller.run(plan)
        if args.json:
            print_json({**outcome_json(args.name, outcome), "hash": outcome.evidence or None})
        else:
            print(outcome.message, file=sys.stdout if outcome.result is Result.DONE else sys.stderr)
            for line in outcome.remedy.splitlines():
                print(f"  {line}", file=sys.stderr)
        return outcome.exit_code

    return looked(args, work)


#: Seconds between two looks of ``logs -f``.
_FOLLOW = 1.0


async def _follow(controller: Controller, name: str, lines: int) -> int:
    """Print what comes, until ctrl+c: the lines behind the longest part that was there before."""
    shown: list[str] = []
    while True:
        now = (await controller.logs(name, max(lines, 200))).splitlines()
        if not shown:
            fresh = now[-lines:]
        else:
            size = min(len(shown), len(now))
            overlap = next((n for n in range(size, 0, -1) if shown[-n:] == now[:n]), 0)
            known = next((i + len(shown) for i in range(len(now)) if now[i : i + len(shown)] == shown), 0)
            fresh = now[max(overlap, known) :]
        for line in fresh:
            print(line, flush=True)
        shown = now or shown
        await asyncio.sleep(_FOLLOW)


def logs(args: argparse.Namespace) -> int:
    """``sactui logs NAME [-n N] [-f]``."""
    if args.lines < 1:
        raise SettingsError("-n must be at least 1")
    if args.follow and args.json:
        raise SettingsError("logs -f prints lines, not JSON", "leave out one of them")
    if args.follow:
        with suppress(KeyboardInterrupt):
            return looked(args, lambda controller: _follow(controller, args.name, args.lines))
        return 0

    async def work(controller: Controller) -> int:
        text = await controller.logs(args.name, args.lines)
        if args.json:
            agent = controller.agent(args.name)
            print_json(
                {
                    "name": args.name,
                    "lines": text.splitlines(),
                    "observed_at": stamp(agent.observed_at),
                    "source": "capture-pane",
                }
            )
        else:
            print(text)
        return 0

    return looked(args, work)


def attach(args: argparse.Namespace) -> int:
    """``sactui attach NAME``: hands this terminal to the agent until it is left (ctrl+q)."""
    if not os.isatty(0):
        raise Refused("attach needs a terminal", "read it with: sactui logs NAME")
    found: list[list[str]] = []

    async def work(controller: Controller) -> int:
        found.append(list(await controller.foreground(args.name)))
        return 0

    looked(args, work)
    environment = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")}
    status = subprocess.call(found[0], env=environment)
    restore_terminal()
    if status == 255:
        raise Refused(
            "the link was lost; the agent is still running", f"attach again: sactui attach {args.name}"
        )
    return 0
