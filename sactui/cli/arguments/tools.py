"""Arguments of the commands that look after sactui itself."""

from __future__ import annotations

import argparse

from .common import common


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``demo``, ``lab``, ``validate``, ``keys``."""
    demo = commands.add_parser(
        "demo", help="private Slurm cluster + example agents + console; leaves nothing behind"
    )
    demo.add_argument("--theme", metavar="T", default=argparse.SUPPRESS)
    demo.add_argument("--nodes", type=int, default=4, metavar="N", help="nodes of the cluster (default 4)")
    demo.set_defaults(run=_demo)

    # Listed here; the lab reads its own arguments, so that this parser need not import it.
    commands.add_parser("lab", help="the private cluster alone: up, down, status, env", add_help=False)

    doctor = commands.add_parser(
        "doctor", help="preflight: what works, what does not, what cannot be tested; what sactui costs"
    )
    doctor.add_argument("--purge", action="store_true", help="remove our files of ended jobs (~/.sactui)")
    doctor.set_defaults(run=_doctor)
    common(doctor, changes=True)

    validate = commands.add_parser("validate", help="check definitions; messages carry file:line:column")
    validate.add_argument("path", nargs="*", metavar="PATH")
    validate.set_defaults(run=_validate)
    common(validate)
    keys = commands.add_parser("keys", help="print the key table")
    keys.set_defaults(run=_keys)
    common(keys)
    schema = commands.add_parser("schema", help="print the JSON Schema of definitions, for editors")
    schema.set_defaults(run=_schema)
    common(schema)
    completion = commands.add_parser("completion", help="print a shell's completion script")
    completion.add_argument("shell", choices=("bash", "zsh", "fish", "names"), metavar="bash|zsh|fish")
    completion.add_argument(
        "what", nargs="?", choices=("agents", "reservations"), default="agents", help=argparse.SUPPRESS
    )
    completion.set_defaults(run=_completion)
    common(completion)


def _demo(args: argparse.Namespace) -> int:
    from ..demo import demo

    return demo(args)


def _doctor(args: argparse.Namespace) -> int:
    from ..doctor import doctor

    return doctor(args)


def _validate(args: argparse.Namespace) -> int:
    from ..lists import validate

    return validate(args)


def _keys(args: argparse.Namespace) -> int:
    from ..lists import keys

    return keys(args)


def _schema(args: argparse.Namespace) -> int:
    from ..lists import schema

    return schema(args)


def _completion(args: argparse.Namespace) -> int:
    from ..completion import completion

    return completion(args)
