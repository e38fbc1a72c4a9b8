"""``sactui``: the console itself."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import Refused
from .context import configuration, settings_of


def console(args: argparse.Namespace) -> int:
    """Start the console; returns its exit code."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("the console needs a terminal", "without one: sactui agents --json")
    settings = settings_of(args)
    from ..ui.app import SactuiApp

    app = SactuiApp(
        configuration(args, settings),
        theme=args.theme or settings.theme,
        keys=settings.keys,
        settings=settings,
        config=Path(args.config).expanduser() if args.config else None,
    )
    return app.run_console()
