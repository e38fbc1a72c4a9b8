"""Booking defaults: what ``scitex-hpc`` would take for an option that nobody gave.

Option, then ``SCITEX_HPC_<KEY>``, then ``hpc/config.yaml`` (flat keys, or
``hpc.defaults.<key>``), then ``dev/config.yaml``, then the built-in value. Every value
keeps where it came from.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..domain.fleet import Problem
from .places import default_files

#: Key -> what it is when nothing says otherwise; empty leaves it to the site.
BUILT_IN: Mapping[str, str] = {
    "host": "",
    "partition": "",
    "cpus": "4",
    "time": "00:20:00",
    "mem": "8G",
    "nodelist": "",
    "account": "",
    "qos": "",
    "gpus": "",
}

_ALIASES = {"cpus_per_task": "cpus"}
_SIZE_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class Defaults:
    """The default of every booking option; texts in Slurm's own form.

    ``sources`` says for each where it came from: a variable, a file, or ``built in``.
    """

    host: str
    partition: str
    cpus: int
    time: str
    mem: str
    nodelist: str
    account: str
    qos: str
    gpus: str
    sources: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


def booking_defaults(
    environment: Mapping[str, str] | None = None, working_directory: Path | None = None
) -> Defaults:
    """The defaults as they are now. Never raises: what is wrong is in ``problems``."""
    variables = os.environ if environment is None else environment
    values = dict(BUILT_IN)
    sources = dict.fromkeys(BUILT_IN, "built in")
    problems: list[Problem] = []
    for path in reversed(default_files(variables, working_directory)):
        for key, value in _from_file(path, problems).items():
            values[key], sources[key] = value, str(path)
    for key in BUILT_IN:
        name = f"SCITEX_HPC_{key.upper()}"
        if value := variables.get(name, ""):
            values[key], sources[key] = value, name
    cpus = values.pop("cpus")
    if not (cpus.isascii() and cpus.isdigit() and int(cpus) > 0):
        what = f"cpus must be a whole number above 0, not {cpus!r}"
        problems.append(Problem("settings", sources["cpus"], what, f"{BUILT_IN['cpus']} is used"))
        cpus, sources["cpus"] = BUILT_IN["cpus"], "built in"
    return Defaults(**values, cpus=int(cpus), sources=sources, problems=tuple(problems))


def _from_file(path: Path, problems: list[Problem]) -> dict[str, str]:
    try:
        with path.open("rb") as stream:
            raw = stream.read(_SIZE_LIMIT)
        # The base loader takes every value as it is written: for others 1:30:00 is 5400.
        data = yaml.load(raw.decode("utf-8"), Loader=yaml.BaseLoader)
    except FileNotFoundError:
        return {}
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        problems.append(Problem("settings", f"{path}:1:1", what, "check its permissions"))
        return {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = f"is not YAML: {error.problem or error}"
        problems.append(Problem("settings", f"{path}:{line}:{column}", what, "mend the file"))
        return {}
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        problems.append(Problem("settings", f"{path}:1:1", "is not YAML in UTF-8", "mend the file"))
        return {}
    if not isinstance(data, dict):
        return {}
    # Nested values come first, as in the program that this file belongs to.
    return {**_keys(data), **_keys(_nested(data))}


def _nested(data: Mapping[str, Any]) -> Mapping[str, Any]:
    hpc = data.get("hpc")
    defaults = hpc.get("defaults") if isinstance(hpc, dict) else None
    return defaults if isinstance(defaults, dict) else {}


def _keys(data: Mapping[str, Any]) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in data.items():
        name = _ALIASES.get(key, key)
        if name in BUILT_IN and isinstance(value, str) and value not in ("", "null", "~"):
            values.setdefault(name, value)
    return values
