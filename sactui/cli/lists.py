"""``agents``, ``jobs``, ``validate``, ``keys``: what is, for people and as JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.controller import Controller
from ..domain.fleet import Agent, Fleet, Reservation, Trouble
from ..domain.job import Job
from ..domain.text import visible
from ..domain.vitals import Report
from ..errors import Refused
from .context import configuration, looked, print_json, settings_of, stamp


def agents(args: argparse.Namespace) -> int:
    """``sactui agents [NAME...]``."""

    async def work(controller: Controller) -> int:
        fleet = controller.fleet
        known = {agent.name for agent in fleet.agents}
        for name in args.name:
            if name not in known:
                raise Refused(
                    f"there is no agent {name!r}", f"known agents: {', '.join(sorted(known)) or 'none'}"
                )
        chosen = [agent for agent in fleet.agents if not args.name or agent.name in args.name]
        if args.json:
            print_json([agent_json(agent) for agent in chosen])
        else:
            table(
                ("NAME", "STATE", "RESERVATION", "NODE", "MODEL", "WHY"),
                [
                    (a.name, a.state.value, a.reservation, a.node, a.model, a.verdict.why or a.last_line)
                    for a in chosen
                ],
                "no agents are defined: put <name>/<name>.yaml below a directory (--agents DIR)",
            )
        complain(fleet)
        return reachable(fleet)

    return looked(args, work)


def validate(args: argparse.Namespace) -> int:
    """``sactui validate [PATH...]``: exit 2 when a definition cannot be used."""
    from ..spec import discovery

    paths = [Path(p) for p in args.path] or list(configuration(args).agent_directories)
    catalogue = discovery.discover(paths)
    if args.json:
        print_json(
            {
                "valid": [d.name for d in catalogue.definitions],
                "problems": [
                    {"kind": p.kind, "where": p.where, "what": p.what, "remedy": p.remedy}
                    for p in catalogue.problems
                ],
            }
        )
    else:
        for definition in catalogue.definitions:
            print(f"{definition.path}: {definition.name} is valid")
            for note in definition.notes:
                print(f"  {note}")
        for problem in catalogue.problems:
            print(f"{problem.where}: {visible(problem.what)}", file=sys.stderr)
            if problem.remedy:
                print(f"  {problem.remedy}", file=sys.stderr)
    return 2 if catalogue.problems else 0


def keys(args: argparse.Namespace) -> int:
    """``sactui keys``: the key table with the user's own keys."""
    from ..domain.keymap import bound, written

    table_ = bound(settings_of(args).keys)
    if args.json:
        print_json(
            [
                {
                    "action": a.id,
                    "key": written(a.key),
                    "help": a.help,
                    "group": a.group,
                    "changes": a.changes,
                }
                for a in table_
            ]
        )
        return 0
    for group in dict.fromkeys(action.group for action in table_):
        print(group)
        for action in table_:
            if action.group == group:
                print(f"  {written(action.key):10} {action.help}")
    return 0


def schema(args: argparse.Namespace) -> int:
    """``sactui schema``: the JSON Schema of definitions; it is JSON with and without ``--json``."""
    from ..spec.schema import agent_schema

    print_json(agent_schema())
    return 0


# -- output -------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """Print columns for people; control bytes of the cluster are shown as escapes."""
    if not rows:
        print(empty)
        return
    shown = [tuple(visible(str(cell)) or "-" for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in [tuple(head), *shown]) for i in range(len(head))]
    for row in [tuple(head), *shown]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def complain(fleet: Fleet) -> None:
    """Say on standard error which layer of which host fails, and which files are broken."""
    for host in fleet.hosts:
        for trouble in host.troubles:
            print(f"sactui: {host.name}: {trouble.layer}: {visible(trouble.what)}", file=sys.stderr)
            if trouble.remedy:
                print(f"  {trouble.remedy}", file=sys.stderr)
    for problem in fleet.problems:
        print(f"sactui: {problem.where}: {visible(problem.what)}", file=sys.stderr)


def reachable(fleet: Fleet) -> int:
    """0 when every host answered, 4 when none did, 3 when some did."""
    if not fleet.hosts:
        return 0
    failed = sum(host.name not in fleet.jobs_at for host in fleet.hosts)
    if not failed:
        return 0
    return 4 if failed == len(fleet.hosts) else 3


def agent_json(agent: Agent) -> dict[str, Any]:
    """One agent of ``agents --json``."""
    return {
        "name": agent.name,
        "runtime": agent.runtime,
        "host": agent.host,
        "reservation": agent.reservation,
        "node": agent.node,
        "job_id": agent.job_id,
        "model": agent.model,
        "state": agent.state.value,
        "why": agent.verdict.why,
        "since": stamp(agent.verdict.since),
        "layer": agent.verdict.layer,
        "needs_you": agent.state.needs_you,
        "last_line": agent.last_line,
        "definition": agent.path or None,
        "pane": agent.pane.pane_id if agent.pane else None,
        "observed_at": stamp(agent.observed_at),
        "source": agent.verdict.layer or agent.source,
    }


def reservation_json(reservation: Reservation) -> dict[str, Any]:
    """One reservation of ``reservations --json``."""
    return {
        "name": reservation.name,
        "id": reservation.lease_id,
        "host": reservation.host,
        "job_id": reservation.job_id,
        "state": reservation.state,
        "phase": reservation.phase.value,
        "why": reservation.why,
        "node": reservation.node,
        "ends_at": stamp(reservation.ends_at),
        "persistent": reservation.persistent,
        "tmux_server": reservation.tmux_server or None,
        "generation": reservation.generation,
        "generations": reservation.generations or None,
        "submits": reservation.submits or None,
        "successor": None
        if reservation.successor is None
        else {"job_id": reservation.successor.id, "state": reservation.successor.state.lower()},
        "duplicates": list(reservation.duplicates),
        "lost": list(reservation.lost),
        "lost_with": reservation.lost_with if reservation.lost else None,
        "cpus": reservation.job.cpus if reservation.job else None,
        "cpus_used": reservation.cpus_used,
        "memory_mib": reservation.job.memory_mib if reservation.job else None,
        "memory_used_mib": reservation.memory_used_mib,
        "changed": list(reservation.changed),
        "report": None if reservation.report is None else report_json(reservation.report),
        "said": reservation.said,
        "trouble": trouble_json(reservation.trouble),
        "observed_at": stamp(reservation.observed_at),
        "source": "squeue" if reservation.observed_at is not None else "lease",
    }


def report_json(report: Report) -> dict[str, Any]:
    """What a reservation's script found on its node."""
    return {
        "node": report.node,
        "tmux": report.tmux or None,
        "tmux_version": report.tmux_version or None,
        "claude": report.claude or None,
        "locale": report.locale or None,
        "proxy": report.proxy or None,
        "home_free_mib": report.home_free_mib,
        "work_free_mib": report.work_free_mib,
        "tmp_free_mib": report.tmp_free_mib,
        "warnings": list(report.warnings),
    }


def job_json(host: str, job: Job, at: float | None) -> dict[str, Any]:
    """One job of ``jobs --json``."""
    return {
        "id": job.id,
        "label": job.label,
        "host": host,
        "name": job.name,
        "user": job.user,
        "state": job.state,
        "phase": job.phase.value,
        "reason": job.reason,
        "partition": job.partition,
        "nodes": job.nodes,
        "node_list": job.node_list,
        "cpus": job.cpus,
        "memory_mib": job.memory_mib,
        "gpus": job.gpus,
        "elapsed": job.elapsed,
        "time_limit": job.time_limit,
        "submitted_at": stamp(job.submitted_at),
        "started_at": stamp(job.started_at),
        "ends_at": stamp(job.ends_at),
        "comment": job.comment,
        "observed_at": stamp(at),
        "source": "squeue",
    }


def trouble_json(trouble: Trouble | None) -> dict[str, Any] | None:
    """One failing layer as JSON."""
    if trouble is None:
        return None
    return {
        "layer": trouble.layer,
        "what": trouble.what,
        "remedy": trouble.remedy,
        "since": stamp(trouble.since),
    }
