"""``sactui reservations``: list, show, refresh, book, extend, adopt, release."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..core.booking import BookRequest
from ..core.controller import Configuration, Controller, once
from ..domain.fleet import Reservation
from ..domain.text import visible
from ..errors import SettingsError
from ..leases.defaults import booking_defaults
from ..runtimes.hold import GENERATIONS, HoldOptions
from ..slurm import values
from .context import carry_out, configuration, looked, print_json
from .lists import complain, reachable, reservation_json, table


def run(args: argparse.Namespace) -> int:
    """Dispatch on the action; none lists."""
    if args.action == "book":
        return book(args)
    if args.action == "extend":
        return extend(args)
    if args.action == "adopt":
        return adopt(args)
    if args.action == "release":

        async def release(controller: Controller) -> int:
            return await carry_out(
                args, controller, [controller.plan_release(controller.reservation(args.name))]
            )

        return looked(args, release)

    async def show(controller: Controller) -> int:
        fleet = controller.fleet
        everything = args.action in (None, "list")
        chosen = fleet.reservations if everything else (controller.reservation(args.name),)
        if args.json:
            print_json([reservation_json(r) for r in chosen])
        elif args.action == "show":
            for key, value in details(chosen[0], controller.tenants(chosen[0])):
                print(f"{key:14} {visible(value)}")
        else:
            table(
                ("NAME", "HOST", "STATE", "JOB", "NODE", "LEFT", "WHY"),
                [
                    (r.name, r.host, r.state, str(r.job_id or "-"), r.node, _left(r, fleet.at), _note(r))
                    for r in chosen
                ],
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
            persistent=args.persistent,
            generations=args.generations or GENERATIONS,
            until=_date(args.until),
        ),
    )


def _date(text: str) -> int:
    """Epoch seconds of a date of this machine; a bare day ends at its midnight."""
    if not text:
        return 0
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"until {text!r} is not a date", "write 2030-12-24 or 2030-12-24T18:00") from None
    if re.fullmatch(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", text):
        at = at.replace(hour=23, minute=59, second=59)
    return int(at.timestamp())


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

    if args.generations and not args.persistent:
        raise SettingsError("--generations needs --persistent")
    if args.until and not args.persistent:
        raise SettingsError("--until needs --persistent")

    async def work() -> int:
        request = request_of(args, settings.hosts)
        async with once(settings) as controller:
            plan = await controller.prepare_book(request)
            with _leaving(controller):
                return await carry_out(args, controller, [plan], wait=not args.no_wait)

    return asyncio.run(work())


@contextmanager
def _leaving(controller: Controller) -> Iterator[None]:
    """ctrl+c leaves a booking that waits: nothing of it is lost."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, controller.leave.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def extend(args: argparse.Namespace) -> int:
    """``sactui reservations extend NAME --time T | --successor``."""
    if bool(args.time) == bool(args.successor):
        raise SettingsError("extend needs --time TIME, or --successor for its next job")
    if args.time and values.duration(args.time) is None:
        raise SettingsError(f"time {args.time!r} is not a time limit", "write 4:00:00 or 7-0 (days-hours)")

    async def work(controller: Controller) -> int:
        home = controller.reservation(args.name)
        if args.successor:
            return await carry_out(args, controller, [controller.plan_successor(home)])
        return await carry_out(args, controller, [controller.plan_extend(home, args.time)])

    return looked(args, work)


def adopt(args: argparse.Namespace) -> int:
    """``sactui reservations adopt JOBID NAME --host H``."""
    hosts = configuration(args).hosts
    if len(hosts) != 1:
        raise SettingsError("adopt needs the host of the job", "add --host H")

    async def work(controller: Controller) -> int:
        plan = await controller.plan_adopt(hosts[0], args.job, args.name, args.tmux_server)
        return await carry_out(args, controller, [plan])

    return looked(args, work)


# -- for people ---------------------------------------------------------------------------


def _left(home: Reservation, now: float) -> str:
    return values.duration_text(int(home.ends_at - now)) if home.ends_at else "-"


def _note(home: Reservation) -> str:
    found = [home.why] if home.why else []
    if home.successor is not None:
        found.append(f"successor: job {home.successor.id} {home.successor.state.lower()}")
    if home.lost and home.lost_how != "requeued":
        found.append(f"lost with job {home.lost_with}: {', '.join(home.lost)}")
    return "; ".join(found)


def details(home: Reservation, tenants: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is known of one reservation, as (label, text)."""
    job, report = home.job, home.report
    rows = [
        ("name", f"{home.name} on {home.host}"),
        ("state", f"{home.state}: {home.why}" if home.why else home.state),
        ("job", f"{home.job_id} on {home.node}" if home.node else str(home.job_id or "not known")),
    ]
    if job is not None:
        limit = values.duration_text(job.time_limit) if job.time_limit is not None else "unknown"
        rows.append(("time", f"{limit}, used {values.duration_text(job.elapsed)}"))
        memory = f"{job.memory_mib} MiB" if job.memory_mib is not None else "memory not known"
        rows.append(("holds", f"{job.cpus} CPUs, {memory}, {job.gpus} GPUs"))
    if home.memory_used_mib is not None:
        cpus = "" if home.cpus_used is None else f"{home.cpus_used} CPUs, "
        rows.append(("uses", f"{cpus}{home.memory_used_mib} MiB"))
    rows.append(("tmux server", home.tmux_server or "none: it cannot take agents"))
    rows.append(("agents", ", ".join(f"{name} ({state})" for name, state in tenants) or "none"))
    if home.lost:
        start = f"sactui start {' '.join(home.lost)}"
        rows.append(("lost", f"{', '.join(home.lost)}, {home.lost_how} with job {home.lost_with}: {start}"))
    if home.generations:
        who = "submitted from here" if home.submits == "console" else "submits its successor"
        rows.append(("persistent", f"job {home.generation} of {home.generations}, {who}"))
    if home.successor is not None:
        rows.append(("successor", f"job {home.successor.id}, {home.successor.state.lower()}"))
    if home.said:
        rows.append(("its script", home.said))
    rows += [("the site gave", each) for each in home.changed]
    if report is not None:
        proxy = report.proxy or "none"
        space = ", ".join(
            f"{what} {free} MiB"
            for what, free in (
                ("home", report.home_free_mib),
                ("work", report.work_free_mib),
                ("tmp", report.tmp_free_mib),
            )
            if free is not None
        )
        rows += [
            ("node offers", report.verdict),
            ("tmux", f"{report.tmux} ({report.tmux_version})"),
            ("claude", report.claude or "not found"),
            ("locale, proxy", f"{report.locale or 'none'}, {proxy}"),
            ("free space", space or "not known"),
        ]
    return rows
