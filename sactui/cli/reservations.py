"""``sactui reservations``: list, show, refresh, release, book."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from ..core.booking import BookRequest
from ..core.controller import Configuration, Controller, once
from ..errors import SettingsError
from ..leases.defaults import booking_defaults
from ..runtimes.hold import HoldOptions
from .context import carry_out, configuration, looked, print_json
from .lists import complain, reachable, reservation_json, table


def run(args: argparse.Namespace) -> int:
    """Dispatch on the action; none lists."""
    if args.action == "book":
        return book(args)
    if args.action == "release":

        async def release(controller: Controller) -> int:
            return await carry_out(
                args, controller, [controller.plan_release(controller.reservation(args.name))]
            )

        return looked(args, release)

    async def show(controller: Controller) -> int:
        fleet = controller.fleet
        chosen = fleet.reservations if args.action is None else (controller.reservation(args.name),)
        if args.json:
            print_json([reservation_json(r) for r in chosen])
        else:
            table(
                ("NAME", "HOST", "STATE", "JOB", "NODE", "WHY"),
                [(r.name, r.host, r.state, str(r.job_id or "-"), r.node, r.why) for r in chosen],
                "no reservations: sactui reservations book NAME --host HOST",
            )
        complain(fleet)
        return reachable(fleet)

    return looked(args, show)


def request_of(args: argparse.Namespace, hosts: tuple[str, ...]) -> BookRequest:
    """The request of a ``book`` command; SCITEX_HPC_* and hpc/config.yaml fill what is not said."""
    defaults = booking_defaults()
    host = hosts[0] if hosts else defaults.host
    pairs = []
    for option in args.option:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise SettingsError(f"--option {option!r} is not X=Y", "write it as --option exclusive=user")
        pairs.append((key, value))
    return BookRequest(
        args.name,
        host,
        HoldOptions(
            partition=args.partition or defaults.partition,
            cpus=args.cpus or defaults.cpus,
            memory=args.mem or defaults.mem,
            time=args.time or defaults.time,
            gpus=args.gpus or defaults.gpus,
            account=args.account or defaults.account,
            qos=args.qos or defaults.qos,
            nodes=args.nodes,
            node_list=args.nodelist or defaults.nodelist,
            constraint=args.constraint,
            options=tuple(pairs),
            tmux_prefix=args.tmux_server,
            setup=_file(args.setup),
            hold_body=_file(args.hold_body),
        ),
    )


def _file(name: str | None) -> str:
    if not name:
        return ""
    try:
        return Path(name).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} cannot be read: {error}") from error


def book(args: argparse.Namespace) -> int:
    """``sactui reservations book NAME``."""
    settings: Configuration = configuration(args)

    async def work() -> int:
        request = request_of(args, settings.hosts)
        async with once(settings) as controller:
            return await carry_out(args, controller, [controller.plan_book(request)], wait=not args.no_wait)

    return asyncio.run(work())
