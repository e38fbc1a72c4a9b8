"""``start``, ``stop``, ``attach``, ``logs``: the same actions as the keys."""

from __future__ import annotations

import argparse
import os
import subprocess

from ..core.attach import restore_terminal
from ..core.controller import Controller
from ..errors import Refused, SettingsError
from ..spec import discovery
from .context import carry_out, configuration, looked, print_json, stamp


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


def logs(args: argparse.Namespace) -> int:
    """``sactui logs NAME [-n N]``."""
    if args.lines < 1:
        raise SettingsError("-n must be at least 1")

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
