"""The whole command line as one parser: only argparse, so that ``--help`` stays quick.

Each command names its function, which imports what it needs when it runs.
"""

from __future__ import annotations

import argparse

from ... import __version__
from . import agents, jobs, reservations, tools
from .common import common


def parser() -> argparse.ArgumentParser:
    """The parser of ``sactui`` and all its commands."""
    root = argparse.ArgumentParser(
        prog="sactui",
        description="The console for long-lived programs on Slurm clusters reached by SSH.",
        epilog="Without a command: the console. sactui demo: a private Slurm cluster and the console on it.",
    )
    root.add_argument("--version", action="version", version=f"sactui {__version__}")
    common(root, top=True)
    root.add_argument("--theme", metavar="T", help="name of a colour theme")
    root.set_defaults(run=_console)
    commands = root.add_subparsers(dest="command", metavar="COMMAND")
    for group in (tools, agents, reservations, jobs):
        group.add(commands)
    return root


def _console(args: argparse.Namespace) -> int:
    from ..console import console

    return console(args)
