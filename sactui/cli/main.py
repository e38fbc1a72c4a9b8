"""The command line: arguments in, an exit code out. Heavy imports wait until they are needed.

Exit codes: 0 done and verified, 1 failed, 2 usage or invalid definition, 3 partly,
4 could not be determined (unreachable, timed out).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import DefinitionError, LabError, Refused, SactuiError, SettingsError, TransportError

_USAGE_ERRORS = (DefinitionError, SettingsError)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(
        prog="sactui",
        description="The console for long-lived programs on Slurm clusters reached by SSH.",
        epilog="Without a command: the console. sactui demo: a private Slurm cluster and the console on it.",
    )
    root.add_argument("--version", action="version", version=f"sactui {__version__}")
    _common(root, top=True)
    root.add_argument("--theme", metavar="T", help="name of a colour theme")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    demo = commands.add_parser(
        "demo", help="private Slurm cluster + example agents + console; leaves nothing behind"
    )
    demo.add_argument("--theme", metavar="T", default=argparse.SUPPRESS)
    demo.add_argument("--nodes", type=int, default=4, metavar="N", help="nodes of the cluster (default 4)")

    # Listed here; the lab reads its own arguments, so that this parser need not import it.
    commands.add_parser("lab", help="the private cluster alone: up, down, status, env", add_help=False)

    agents = commands.add_parser("agents", help="list agents and their states")
    agents.add_argument("name", nargs="*", metavar="NAME")
    _common(agents)
    for verb, text in (("start", "start agents"), ("stop", "stop agents; their reservation stays")):
        sub = commands.add_parser(verb, help=text)
        sub.add_argument("name", nargs="*", metavar="NAME" if verb == "stop" else "NAME|FILE.yaml")
        sub.add_argument("--all", action="store_true", help="every agent")
        _common(sub, changes=True)
    attach = commands.add_parser("attach", help="attach this terminal to an agent")
    attach.add_argument("name", metavar="NAME")
    _common(attach)
    logs = commands.add_parser("logs", help="the end of an agent's log")
    logs.add_argument("name", metavar="NAME")
    logs.add_argument(
        "-n", type=int, default=100, dest="lines", metavar="N", help="lines of content (default 100)"
    )
    _common(logs)
    reservations = commands.add_parser("reservations", help="list, book and release reservations")
    _reservations(reservations)
    jobs = commands.add_parser("jobs", help="list own jobs")
    _common(jobs)
    validate = commands.add_parser("validate", help="check definitions; messages carry file:line:column")
    validate.add_argument("path", nargs="*", metavar="PATH")
    _common(validate)
    keys = commands.add_parser("keys", help="print the key table")
    _common(keys)
    return root


def _common(sub: argparse.ArgumentParser, *, changes: bool = False, top: bool = False) -> None:
    # The same options before and after the command: SUPPRESS keeps the later from
    # overwriting the earlier with a default.
    default = None if top else argparse.SUPPRESS
    sub.add_argument("--host", action="append", metavar="H", default=default, help="an SSH alias; may repeat")
    sub.add_argument(
        "--agents",
        action="append",
        metavar="DIR",
        default=default,
        help="directory of definitions; may repeat",
    )
    sub.add_argument("--config", metavar="F", default=default, help="settings file")
    sub.add_argument(
        "--read-only",
        action="store_true",
        default=False if top else argparse.SUPPRESS,
        help="refuse every change",
    )
    if not top:
        sub.add_argument("--json", action="store_true", help="stable JSON on standard output")
    if changes:
        sub.add_argument("--dry-run", action="store_true", help="show what would be done")
        sub.add_argument("--yes", action="store_true", help="do not ask")


def _reservations(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    actions = sub.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("show", help="one reservation")
    show.add_argument("name", metavar="NAME")
    _common(show)
    refresh = actions.add_parser("refresh", help="look, and bind the lease again")
    refresh.add_argument("name", metavar="NAME")
    _common(refresh)
    release = actions.add_parser("release", help="cancel its job, verify, remove the lease")
    release.add_argument("name", metavar="NAME")
    _common(release, changes=True)
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
    _common(book, changes=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["lab"]:
            return _lab(words[1:])
        return _dispatch(parser().parse_args(words))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except _USAGE_ERRORS as error:
        return _complain(error, 2)
    except TransportError as error:
        return _complain(error, 4)
    except (Refused, LabError, SactuiError) as error:
        return _complain(error, 1)
    except BrokenPipeError:
        # The reader of our output went away; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _lab(words: list[str]) -> int:
    from ..lab import command as lab_command

    lab = argparse.ArgumentParser(prog="sactui lab", description="A private Slurm cluster on this machine.")
    lab_command.add_arguments(lab)
    return lab_command.run(lab.parse_args(words))


def _dispatch(args: argparse.Namespace) -> int:
    match args.command:
        case None:
            from .console import console

            return console(args)
        case "demo":
            from .demo import demo

            return demo(args)
        case "keys":
            from .lists import keys

            return keys(args)
        case "validate":
            from .lists import validate

            return validate(args)
        case "agents" | "jobs":
            from . import lists

            return lists.agents(args) if args.command == "agents" else lists.jobs(args)
        case "reservations":
            from . import reservations

            return reservations.run(args)
        case _:
            from . import operate

            return operate.run(args)


def _complain(error: SactuiError, code: int) -> int:
    print(f"sactui: {error.message}", file=sys.stderr)
    for line in error.remedy.splitlines():
        print(f"  {line}", file=sys.stderr)
    return code
