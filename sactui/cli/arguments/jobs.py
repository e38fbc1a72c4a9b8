"""Arguments of ``sactui jobs``."""

from __future__ import annotations

import argparse

from .common import common


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``sactui jobs``."""
    jobs = commands.add_parser("jobs", help="list own jobs")
    jobs.set_defaults(run=_jobs)
    common(jobs)


def _jobs(args: argparse.Namespace) -> int:
    from ..lists import jobs

    return jobs(args)
