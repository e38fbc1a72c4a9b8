"""Arguments of ``sactui reservations``."""

from __future__ import annotations

import argparse

from .common import common


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``sactui reservations``."""
    sub = commands.add_parser("reservations", help="list, book, extend, adopt and release reservations")
    sub.set_defaults(run=_reservations)
    common(sub)
    actions = sub.add_subparsers(dest="action", metavar="ACTION")
    for name, text in (
        ("list", "all reservations"),
        ("show", "one reservation, with what its node offers"),
        ("refresh", "look, and bind the lease to the job that is its own now"),
    ):
        one = actions.add_parser(name, help=text)
        if name != "list":
            one.add_argument("name", metavar="NAME")
        common(one)
    release = actions.add_parser("release", help="cancel its job and successors, verify, remove the lease")
    release.add_argument("name", metavar="NAME")
    common(release, changes=True)
    extend = actions.add_parser("extend", help="change the time limit of its job, or submit the next one")
    extend.add_argument("name", metavar="NAME")
    extend.add_argument("--time", default="", metavar="TIME", help="new time limit, counted from its start")
    extend.add_argument(
        "--successor", action="store_true", help="submit its next job now; it starts beside this one"
    )
    common(extend, changes=True)
    adopt = actions.add_parser("adopt", help="write a lease for a job that runs")
    adopt.add_argument("job", type=int, metavar="JOBID")
    adopt.add_argument("name", metavar="NAME")
    adopt.add_argument("--tmux-server", default="", metavar="S", help="its tmux socket (found by itself)")
    common(adopt, changes=True)
    _book(actions)


def _book(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
    book.add_argument(
        "--persistent", action="store_true", help="submit a successor one hour before the job's end"
    )
    book.add_argument(
        "--generations", type=int, default=0, metavar="N", help="jobs in all when persistent (default 3)"
    )
    book.add_argument("--until", default="", metavar="DATE", help="no successor after it, as 2030-12-24")
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
