"""``sactui explain``: why an agent is in its state, or what the rules read in a saved screen."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .. import clock
from ..core.controller import Controller
from ..domain.explaining import explain as explained
from ..domain.screen import ScreenVerdict, judge
from ..domain.text import visible
from ..errors import SettingsError
from ..spec.rules import load_rules
from .context import looked, print_json, stamp
from .lists import agent_json, complain, reachable


def explain(args: argparse.Namespace) -> int:
    """``sactui explain NAME | --screen FILE``."""
    if bool(args.name) == bool(args.screen):
        raise SettingsError("explain needs one agent, or --screen FILE", "as in: sactui explain trainer-2")
    return _screen(args) if args.screen else looked(args, lambda controller: _agent(args, controller))


async def _agent(args: argparse.Namespace, controller: Controller) -> int:
    agent = controller.agent(args.name)
    if args.json:
        chain = [
            {
                "source": item.source,
                "text": item.text,
                "at": stamp(item.at),
                "used": item.used,
                "note": item.note,
            }
            for item in agent.verdict.chain
        ]
        print_json({**agent_json(agent), "stale": agent.verdict.stale, "chain": chain})
    else:
        print("\n".join(explained(agent, clock.now())))
    complain(controller.fleet)
    return reachable(controller.fleet)


def _screen(args: argparse.Namespace) -> int:
    rules = load_rules()
    if args.program not in rules:
        raise SettingsError(f"there are no rules for {args.program!r}", f"known: {', '.join(sorted(rules))}")
    text, at = _read(args.screen)
    verdict = judge(text, rules, args.program)
    if args.json:
        print_json({**_verdict_json(verdict), "observed_at": stamp(at), "source": args.screen})
        return 0
    print(f"{verdict.state.value}{': ' + visible(verdict.why) if verdict.why else ''}")
    if verdict.rule:
        line = "" if verdict.line is None else f", line {verdict.line}"
        print(f"  rule {verdict.rule}{line}:  {visible(verdict.evidence)}")
    for tried in verdict.tried:
        if not tried.matched:
            print(f"  not {tried.rule}{': ' + visible(tried.note) if tried.note else ''}")
    return 0


def _read(name: str) -> tuple[str, float]:
    try:
        if name == "-":
            return sys.stdin.read(), clock.now()
        path = Path(name).expanduser()
        return path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mtime
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror or error}") from error


def _verdict_json(verdict: ScreenVerdict) -> dict[str, Any]:
    return {
        "state": verdict.state.value,
        "why": verdict.why,
        "rule": verdict.rule,
        "line": verdict.line,
        "evidence": verdict.evidence,
        "facts": dict(verdict.facts),
        "tried": [{"rule": t.rule, "matched": t.matched, "note": t.note} for t in verdict.tried],
    }
