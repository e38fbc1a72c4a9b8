"""``sactui doctor``: green, red with the remedy, grey; what sactui costs, and its old files."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .. import clock
from ..core import doctor as checks
from ..core import remote_files
from ..core.controller import Controller
from ..domain.text import visible
from ..errors import SettingsError
from ..settings import config_path
from .context import carry_out, configuration, print_json, stamp

_MARKS = {
    checks.Mark.GOOD: ("✔", "\x1b[32m"),
    checks.Mark.BAD: ("✖", "\x1b[31m"),
    checks.Mark.UNTESTED: ("·", "\x1b[2m"),
}


def doctor(args: argparse.Namespace) -> int:
    """``sactui doctor [--host H] [--purge]``: 0 all well, 1 something is wrong, 4 a host did not answer."""
    return asyncio.run(_purge(args) if args.purge else _examine(args))


async def _examine(args: argparse.Namespace) -> int:
    async with _opened(args) as controller:
        hosts = _hosts(controller)
        file = args.config or str(config_path())
        found = list(
            checks.of_this_machine(controller, f"{file} ({len(hosts)} host{'' if len(hosts) == 1 else 's'})")
        )
        if not args.json:
            _print("this machine", found)
        work = [asyncio.create_task(checks.of_host(controller, name)) for name in hosts]
        for name, task in zip(hosts, work, strict=True):
            if not args.json and not task.done() and sys.stderr.isatty():
                print(f"{visible(name)}: asking …", file=sys.stderr)
            one = await task
            found += one
            if not args.json:
                _print(name, one)
        if not hosts and not args.json:
            print("no host is known: name one with --host ALIAS, or in the settings")
    if args.json:
        print_json(
            [
                {
                    "host": check.host or None,
                    "check": check.name,
                    "mark": check.mark.value,
                    "what": check.what,
                    "remedy": check.remedy,
                    "observed_at": stamp(clock.now()),
                    "source": "doctor",
                }
                for check in found
            ]
        )
    if not checks.reachable(tuple(found)):
        return 4
    return 1 if any(check.mark is checks.Mark.BAD for check in found) else 0


async def _purge(args: argparse.Namespace) -> int:
    async with _opened(args) as controller:
        hosts = _hosts(controller)
        if not hosts:
            raise SettingsError("no host is known", "name one with --host ALIAS")
        plans = []
        for name in hosts:
            host = await controller.host(name)
            await host.link.ready()
            plans.append(await remote_files.plan_purge(controller, host, clock.now()))
        return await carry_out(args, controller, plans)


@asynccontextmanager
async def _opened(args: argparse.Namespace) -> AsyncIterator[Controller]:
    """A controller that polls nothing: the doctor asks by itself."""
    controller = Controller(configuration(args))
    try:
        await controller.start(polling=False)
        yield controller
    finally:
        await controller.close()


def _hosts(controller: Controller) -> list[str]:
    return [host.name for host in controller.fleet.hosts]


def _print(title: str, found: list[checks.Check] | tuple[checks.Check, ...]) -> None:
    print(visible(title))
    width = max((len(check.name) for check in found), default=0)
    colour = sys.stdout.isatty()
    for check in found:
        mark, on = _MARKS[check.mark]
        shown = f"{on}{mark}\x1b[0m" if colour else mark
        print(f"  {shown} {visible(check.name):{width}}  {visible(check.what)}")
        for line in check.remedy.splitlines():
            print(f"    {'':{width}}  {visible(line)}")
