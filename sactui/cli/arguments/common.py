"""Options that every command has, before and after its name."""

from __future__ import annotations

import argparse


def common(sub: argparse.ArgumentParser, *, changes: bool = False, top: bool = False) -> None:
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
