"""Arguments of ``sactui jobs``."""

from __future__ import annotations

import argparse

from .common import common

_VERBS = {
    "cancel": "end jobs; of a folded array only what waits",
    "hold": "keep waiting jobs from starting",
    "release": "let held jobs start",
    "requeue": "send running jobs back into the queue: what they did is lost",
    "signal": "send a signal to running jobs",
    "time": "change the time limit; users may only lower it",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``sactui jobs`` and its actions."""
    jobs = commands.add_parser("jobs", help="list jobs, explain one, cancel, hold, release, requeue")
    jobs.add_argument("--all-users", action="store_true", help="of all users, not only your own")
    jobs.set_defaults(run=_jobs)
    common(jobs)
    actions = jobs.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("show", help="everything that is known about jobs, in words")
    show.add_argument("job", nargs="+", metavar="JOBID", help="12, 12_3 for a task, or HOST:12")
    common(show)
    for verb, text in _VERBS.items():
        sub = actions.add_parser(verb, help=text)
        if verb == "signal":
            sub.add_argument("signal", metavar="SIGNAL", help="USR1, TERM, ...")
            sub.add_argument(
                "--to",
                choices=("steps", "script", "all"),
                default="steps",
                help="the job's steps (default), its batch script, or both with all their children",
            )
        if verb == "time":
            sub.add_argument("limit", metavar="TIME", help="4:00:00 or 7-0 (days-hours)")
        sub.add_argument("job", nargs="+", metavar="JOBID", help="12, 12_3 for a task, or HOST:12")
        common(sub, changes=True)


def _jobs(args: argparse.Namespace) -> int:
    from ..jobs import run

    return run(args)
