"""Arguments of the commands about agents."""

from __future__ import annotations

import argparse

from .common import common


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``agents``, ``start``, ``stop``, ``attach``, ``logs``."""
    agents = commands.add_parser("agents", help="list agents and their states")
    agents.add_argument("name", nargs="*", metavar="NAME")
    agents.set_defaults(run=_agents)
    common(agents)
    for verb, text, run in (
        ("start", "start agents", _start),
        ("stop", "stop agents; their reservation stays", _stop),
        ("restart", "stop agents, and start them as their files say now", _restart),
    ):
        sub = commands.add_parser(verb, help=text)
        sub.add_argument("name", nargs="*", metavar="NAME|FILE.yaml" if verb == "start" else "NAME")
        sub.add_argument("--all", action="store_true", help="every agent")
        sub.set_defaults(run=run)
        common(sub, changes=True)
    attach = commands.add_parser("attach", help="attach this terminal to an agent")
    attach.add_argument("name", metavar="NAME")
    attach.set_defaults(run=_attach)
    common(attach)
    logs = commands.add_parser("logs", help="the end of an agent's log")
    logs.add_argument("name", metavar="NAME")
    logs.add_argument(
        "-n", type=int, default=100, dest="lines", metavar="N", help="lines of content (default 100)"
    )
    logs.add_argument("-f", action="store_true", dest="follow", help="follow it until ctrl+c")
    logs.set_defaults(run=_logs)
    common(logs)
    send = commands.add_parser("send", help="type a text and enter into an agent")
    send.add_argument("name", metavar="NAME")
    send.add_argument("text", metavar="TEXT", help="what to type (- reads it from standard input)")
    send.add_argument(
        "--expect-hash", default="", metavar="H", help="only while its screen is still this one (--json)"
    )
    send.set_defaults(run=_send)
    common(send, changes=True)
    explain = commands.add_parser("explain", help="why an agent is in its state: all the evidence")
    explain.add_argument("name", nargs="?", metavar="NAME")
    explain.add_argument("--screen", metavar="FILE", help="judge a saved screen by the rules (- reads it)")
    explain.add_argument("--program", default="claude", metavar="P", help="whose rules (default claude)")
    explain.set_defaults(run=_explain)
    common(explain)
    wait = commands.add_parser("wait", help="wait until an agent is in a state")
    wait.add_argument("name", metavar="NAME")
    wait.add_argument("--until", required=True, metavar="S,...", help="states, or needs-you, alive, ended")
    wait.add_argument("--timeout", type=float, metavar="T", help="seconds at the most (default: no limit)")
    wait.set_defaults(run=_wait)
    common(wait)
    events = commands.add_parser("events", help="follow: one line per change, until ctrl+c")
    events.add_argument("--kind", metavar="K,...", help="agent, reservation, job, link, problem")
    events.set_defaults(run=_events)
    common(events)


def _agents(args: argparse.Namespace) -> int:
    from ..lists import agents

    return agents(args)


def _attach(args: argparse.Namespace) -> int:
    from ..operate import attach

    return attach(args)


def _logs(args: argparse.Namespace) -> int:
    from ..operate import logs

    return logs(args)


def _start(args: argparse.Namespace) -> int:
    from ..operate import start

    return start(args)


def _stop(args: argparse.Namespace) -> int:
    from ..operate import stop

    return stop(args)


def _explain(args: argparse.Namespace) -> int:
    from ..explaining import explain

    return explain(args)


def _wait(args: argparse.Namespace) -> int:
    from ..waiting import wait

    return wait(args)


def _events(args: argparse.Namespace) -> int:
    from ..waiting import events

    return events(args)


def _restart(args: argparse.Namespace) -> int:
    from ..operate import restart

    return restart(args)


def _send(args: argparse.Namespace) -> int:
    from ..operate import send

    return send(args)
