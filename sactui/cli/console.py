"""``sactui``: the console itself."""

from __future__ import annotations

import argparse
import sys

from ..errors import Refused
from .context import configuration, settings_of


def console(args: argparse.Namespace) -> int:
    """Start the console; returns its exit code."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("the console needs a terminal", "without one: sactui agents --json")
    settings = settings_of(args)
    from ..ui.app import SactuiApp

    app = SactuiApp(configuration(args, settings), theme=args.theme or settings.theme, keys=settings.keys)
    return app.run_console()
