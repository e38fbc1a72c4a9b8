"""``sactui lab up|down|status|env``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sactui.errors import LabError

if TYPE_CHECKING:
    from sactui.lab import Lab, LabOptions, Report

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` (of ``sactui lab``) its actions and options."""
    actions = parser.add_subparsers(dest="lab_action", metavar="up|down|status|env", required=True)
    up = actions.add_parser("up", help="start a private Slurm cluster on this machine")
    down = actions.add_parser("down", help="end every process of it and remove its directory")
    status = actions.add_parser("status", help="show whether it runs, and where")
    env = actions.add_parser("env", help='print shell exports: eval "$(sactui lab env)"')
    for each in (up, down, status, env):
        each.add_argument(
            "--name", default="lab", help="name of the lab and SSH alias of its login host (lab)"
        )
        each.add_argument("--json", action="store_true", help="print one JSON object")
    up.add_argument("--nodes", type=int, help="number of nodes (4)")
    up.add_argument("--cpus", type=int, help="cores of one node, made up (32)")
    up.add_argument("--memory", type=int, metavar="MB", help="memory of one node in MB, made up (128000)")
    up.add_argument(
        "--partition",
        action="append",
        dest="partitions",
        metavar="NAME[:MAXTIME]",
        help="a partition over all nodes; the first one is the default (main, short:04:00:00)",
    )
    up.add_argument("--gpus", type=int, help="pretended GPUs of one node (0)")
    up.add_argument("--accounting", action="store_true", help="with slurmdbd and a private MariaDB")
    up.add_argument(
        "--cgroup", action="store_true", help="with cgroups and a /tmp for each job (root, cgroup version 1)"
    )
    up.add_argument("--logins", type=int, help="number of login hosts (1): lab, lab-login2, ...")
    up.add_argument("--max-sessions", type=int, help="channels that one SSH connection may carry (10)")
    up.add_argument(
        "--set",
        action="append",
        dest="settings",
        metavar="KEY=VALUE",
        help="a setting of slurm.conf, e.g. MaxStepCount=40; may repeat",
    )
    up.add_argument("--port", type=int, help="first TCP port (found by itself)")
    up.add_argument("--owner", type=int, metavar="PID", help="the lab ends when this process ends")


def run(args: argparse.Namespace) -> int:
    """Do what the parsed ``args`` ask for. Exit status: 0 done, 1 failed, 2 usage."""
    from sactui.lab import Lab, LabOptions

    try:
        lab = Lab(_options(args) if args.lab_action == "up" else LabOptions(name=args.name))
    except LabError as error:
        return _complain(args, error, EXIT_USAGE)
    try:
        return {"up": _up, "down": _down, "status": _status, "env": _env}[args.lab_action](args, lab)
    except LabError as error:
        return _complain(args, error, EXIT_FAILED)


def _options(args: argparse.Namespace) -> LabOptions:
    from sactui.lab import LabOptions, Partition

    given: dict[str, Any] = {"name": args.name, "accounting": args.accounting, "cgroup": args.cgroup}
    for field in ("nodes", "cpus", "memory", "gpus", "logins", "port", "owner", "max_sessions"):
        value = getattr(args, field)
        if value is not None:
            given[field] = value
    if args.partitions:
        given["partitions"] = tuple(Partition.parse(text) for text in args.partitions)
    if args.settings:
        pairs = [text.partition("=") for text in args.settings]
        given["settings"] = tuple((key, value) for key, _, value in pairs)
    return LabOptions(**given)


def _up(args: argparse.Namespace, lab: Lab) -> int:
    fresh = lab.up(lambda line: None if args.json else print(line, flush=True))
    known = lab.status()
    assert known is not None
    if args.json:
        print(json.dumps({"started": fresh, **_described(lab, known)}))
        return EXIT_OK
    name = lab.options.name
    print(f"lab {name} is up ({known.started_in:.1f} s)" if fresh else f"lab {name} is already up")
    print(f"  ssh -F {shlex.quote(str(lab.ssh_config))} {lab.alias}")
    print(f"  end it: sactui lab down --name {name}" if name != "lab" else "  end it: sactui lab down")
    return EXIT_OK


def _down(args: argparse.Namespace, lab: Lab) -> int:
    ended = lab.down()
    if args.json:
        print(json.dumps({"name": lab.options.name, "ended": ended}))
    else:
        print(f"lab {lab.options.name} is down" if ended else f"there is no lab {lab.options.name}")
    return EXIT_OK


def _status(args: argparse.Namespace, lab: Lab) -> int:
    known = lab.status()
    if known is None:
        raise LabError(f"there is no lab {lab.options.name!r}", _how_to_start(lab))
    if args.json:
        print(json.dumps(_described(lab, known)))
    else:
        print(f"lab {lab.options.name}: {known.state}, in {lab.directory}")
        for line in filter(None, (known.error, known.remedy)):
            print(f"  {line}")
        for name, daemon in known.daemons.items():
            print(f"  {name:<12} {daemon.state:<8} {daemon.pid}")
        for login in known.logins:
            print(f"  {login.alias:<12} {login.server} on port {login.port}")
    return EXIT_OK if known.state == "up" else EXIT_FAILED


def _env(args: argparse.Namespace, lab: Lab) -> int:
    known = lab.status()
    if known is None or known.state != "up":
        raise LabError(f"the lab {lab.options.name!r} is not up", _how_to_start(lab))
    exports = lab.exports()
    if args.json:
        print(json.dumps(exports))
    else:
        for name, value in exports.items():
            print(f"export {name}={shlex.quote(value)}")
    return EXIT_OK


def _described(lab: Lab, known: Report) -> dict[str, Any]:
    return {
        "name": lab.options.name,
        "directory": str(lab.directory),
        "slurm_conf": str(lab.layout.slurm_conf),
        "ssh_config": str(lab.ssh_config),
        **asdict(known),
    }


def _how_to_start(lab: Lab) -> str:
    name = lab.options.name
    return "sactui lab up" if name == "lab" else f"sactui lab up --name {name}"


def _complain(args: argparse.Namespace, error: LabError, status: int) -> int:
    if args.json:
        print(json.dumps({"error": error.message, "remedy": error.remedy}))
    else:
        print(f"sactui lab: {error.message}", file=sys.stderr)
        if error.remedy:
            print(f"  {error.remedy}", file=sys.stderr)
    return status
