"""From arguments, settings and environment to a controller's configuration."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import clock
from ..core.controller import Configuration, Controller, once
from ..core.plan import Outcome, Plan, Result
from ..errors import Refused, SettingsError, TransportError
from ..leases.places import lease_directory
from ..settings import Settings, load_settings, state_dir
from ..spec import discovery
from ..transport.choice import Route


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings file of this call."""
    named = getattr(args, "config", None)
    return load_settings(Path(named).expanduser() if named else None)


def configuration(args: argparse.Namespace, settings: Settings | None = None) -> Configuration:
    """The configuration of this call: arguments before settings before defaults."""
    settings = settings or settings_of(args)
    named = getattr(args, "agents", None) or []
    ssh_config = os.environ.get("SACTUI_SSH_CONFIG")
    return Configuration(
        hosts=tuple(args.host or [host.name for host in settings.hosts]),
        routes={
            host.name: Route(host.transport, tuple(host.login_hosts), host.user) for host in settings.hosts
        },
        agent_directories=tuple(
            discovery.directories([*(Path(d).expanduser() for d in named), *settings.agents])
        ),
        lease_directory=lease_directory(),
        state_directory=state_dir(),
        ssh_config=Path(ssh_config) if ssh_config else None,
        interval=settings.interval,
        stagger=settings.start_stagger,
        read_only=args.read_only or settings.read_only,
        clusters=_clusters(settings),
    )


def _clusters(settings: Settings) -> dict[str, str]:
    """The Slurm cluster of each host whose login has several."""
    for host in settings.hosts:
        if len(host.clusters) > 1:
            raise SettingsError(
                f"host {host.name!r} names {len(host.clusters)} clusters: job ids would be ambiguous",
                "make one entry of each: its own name, login_hosts: [THE LOGIN], clusters: [ONE]",
            )
    return {host.name: host.clusters[0] for host in settings.hosts if host.clusters}


def looked(args: argparse.Namespace, work: Callable[[Controller], Awaitable[int]]) -> int:
    """Look at every host once and run ``work`` with the controller."""

    async def run() -> int:
        async with once(configuration(args)) as controller:
            try:
                return await work(controller)
            except Refused as error:
                # What could not be looked at is not refused for what it is.
                blind = [h for h in controller.fleet.hosts if h.name not in controller.fleet.jobs_at]
                if not blind:
                    raise
                why = "; ".join(f"{h.name}: {t.what}" for h in blind for t in h.troubles[:1])
                raise TransportError(f"{error.message} ({why or 'no answer'})", error.remedy) from error

    return asyncio.run(run())


def stamp(at: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC, for JSON."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def print_json(value: Any) -> None:
    """Stable JSON on standard output."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    # A byte that is no UTF-8 is a lone surrogate here: written as JSON's own escape, it stays what it is.
    sys.stdout.write(re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match.group()):04x}", text) + "\n")


def confirm(args: argparse.Namespace, plans: list[Plan]) -> bool:
    """Ask on the terminal before plans run; ``--yes`` answers. Without a terminal nothing asks.

    Raises Refused when there is nobody to ask.
    """
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise Refused(
            "this changes the cluster, and there is no terminal to ask on",
            "add --yes, or --dry-run to see it",
        )
    describe(plans)
    return input("Do it? [y/N] ").strip().lower() in ("y", "yes")


def describe(plans: list[Plan]) -> None:
    """Print what plans will do, on standard error."""
    for plan in plans:
        print(plan.title, file=sys.stderr)
        for line in (*plan.impact, *plan.commands):
            for part in line.splitlines():
                print(f"  {part}", file=sys.stderr)


async def carry_out(
    args: argparse.Namespace, controller: Controller, plans: list[Plan], *, wait: bool = False
) -> int:
    """Show, confirm and run plans, print their outcomes, and return the exit code."""
    if args.dry_run:
        if args.json:
            print_json(
                [
                    {
                        "plan": plan.title,
                        "host": plan.host,
                        "impact": list(plan.impact),
                        "commands": list(plan.commands),
                    }
                    for plan in plans
                ]
            )
        else:
            describe(plans)
        return 0
    if not confirm(args, plans):
        print("nothing was changed", file=sys.stderr)
        return 1

    def progress(line: str) -> None:
        print(line, file=sys.stderr)

    outcomes = await asyncio.gather(*(controller.run(plan, wait=wait, progress=progress) for plan in plans))
    parts = [
        part
        for plan, outcome in zip(plans, outcomes, strict=True)
        for part in outcome.parts or ((plan.target, outcome),)
    ]
    if args.json:
        print_json([outcome_json(name, outcome) for name, outcome in parts])
    else:
        for _, outcome in parts:
            print(outcome.message, file=sys.stdout if outcome.result is Result.DONE else sys.stderr)
            if outcome.result is Result.DONE:
                for line in outcome.remedy.splitlines():
                    print(f"  {line}", file=sys.stderr)
            else:
                for line in (*outcome.evidence.splitlines()[-12:], *outcome.remedy.splitlines()):
                    print(f"  {line}", file=sys.stderr)
    codes = {outcome.exit_code for _, outcome in parts}
    if codes <= {0}:
        return 0
    return 3 if 0 in codes or 3 in codes else max(codes)


def outcome_json(name: str, outcome: Outcome) -> dict[str, Any]:
    """One outcome as JSON."""
    return {
        "name": name,
        "result": outcome.result.value,
        "message": outcome.message,
        "evidence": outcome.evidence,
        "remedy": outcome.remedy,
        "observed_at": stamp(clock.now()),
        "source": "look",
    }
