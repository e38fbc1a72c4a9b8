"""Arguments of ``sactui reservations``."""

from __future__ import annotations

import argparse

from .common import common


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``sactui reservations``."""
    sub = commands.add_parser("reservations", help="list, book and release reservations")
    sub.set_defaults(run=_reservations)
    common(sub)
    actions = sub.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("show", help="one reservation")
    show.add_argument("name", metavar="NAME")
    common(show)
    refresh = actions.add_parser("refresh", help="look, and bind the lease again")
    refresh.add_argument("name", metavar="NAME")
    common(refresh)
    release = actions.add_parser("release", help="cancel its job, verify, remove the lease")
    release.add_argument("name", metavar="NAME")
    common(release, changes=True)
    book = actions.add_parser("book", help="book an allocation for tenants")
    book.add_argument("name", metavar="NAME")
    for option, text in (
        ("partition", "partition"),
        ("mem", "memory, as 16G"),
        ("time", "time limit, as 4:00:00 or 7-0"),
        ("gpus", "GPUs, as 1 or a100:2"),
        ("account", "account"),
        ("qos", "QOS"),
        ("nodelist", "these nodes"),
        ("constraint", "node features"),
    ):
        book.add_argument(f"--{option}", default="", metavar=option.upper(), help=text)
    book.add_argument("--cpus", type=int, default=0, metavar="N", help="CPUs")
    book.add_argument("--nodes", type=int, default=1, metavar="N", help="nodes (default 1)")
    book.add_argument(
        "--tmux-server", default="sac", metavar="S", help="prefix of the tmux socket (default sac)"
    )
    book.add_argument("--hold-body", metavar="F", help="file with shell text that replaces the waiting")
    book.add_argument("--setup", metavar="F", help="file with shell text that runs first (modules, venv)")
    book.add_argument(
        "--option", action="append", default=[], metavar="X=Y", help="further sbatch option --X=Y"
    )
    book.add_argument("--no-wait", action="store_true", help="return when the job is submitted")
    common(book, changes=True)


def _reservations(args: argparse.Namespace) -> int:
    from ..reservations import run

    return run(args)
