"""The command line: arguments in, an exit code out. Heavy imports wait until they are needed.

Exit codes: 0 done and verified, 1 failed, 2 usage or invalid definition, 3 partly,
4 could not be determined (unreachable, timed out).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import cast

from ..errors import DefinitionError, LabError, Refused, SactuiError, SettingsError, TransportError
from .arguments import parser

_USAGE_ERRORS = (DefinitionError, SettingsError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["lab"]:
            return _lab(words[1:])
        args = parser().parse_args(words)
        return cast("Callable[[argparse.Namespace], int]", args.run)(args)
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


def _complain(error: SactuiError, code: int) -> int:
    print(f"sactui: {error.message}", file=sys.stderr)
    for line in error.remedy.splitlines():
        print(f"  {line}", file=sys.stderr)
    return code


__all__ = ["main", "parser"]
