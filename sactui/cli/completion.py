"""``sactui completion``: what a shell needs to complete our command line.

Commands and options come from the parser, so they cannot differ from it. Names are read
from files of this machine; completing never asks a cluster.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from .arguments import parser

#: Commands whose words are names of agents, and of reservations (below ``reservations``).
_OF_AGENTS = ("agents", "start", "stop", "restart", "attach", "logs", "send", "explain", "wait", "migrate")
_OF_RESERVATIONS = ("show", "refresh", "release", "extend")


def completion(args: argparse.Namespace) -> int:
    """``sactui completion bash|zsh|fish``, or ``sactui completion names agents|reservations``."""
    if args.shell == "names":
        for name in sorted(_names(args)):
            print(name)
        return 0
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](), end="")
    return 0


def _names(args: argparse.Namespace) -> set[str]:
    if args.what == "reservations":
        return set(_lease_names())
    from .context import configuration

    found = set()
    for directory in configuration(args).agent_directories:
        if not directory.is_dir():
            continue
        found |= {
            one.name
            for one in directory.iterdir()
            if (one / f"{one.name}.yaml").is_file() or (one / f"{one.name}.yml").is_file()
        }
    return found


def _lease_names() -> Iterator[str]:
    from ..leases.places import lease_directory

    directory: Path = lease_directory()
    for path in sorted(directory.glob("*.json")) if directory.is_dir() else ():
        try:
            name = json.loads(path.read_text(encoding="utf-8")).get("name")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(name, str) and name.isprintable():
            yield name


# -- the parser, as words -----------------------------------------------------------------


def _tree() -> dict[str, tuple[list[str], list[str]]]:
    """Path of a command ("", "jobs", "jobs show") -> (its sub-commands, its options)."""
    tree: dict[str, tuple[list[str], list[str]]] = {}

    def walk(path: str, sub: argparse.ArgumentParser) -> None:
        commands: list[str] = []
        options: list[str] = []
        for action in sub._actions:
            options += [option for option in action.option_strings if option.startswith("--")]
            if isinstance(action, argparse._SubParsersAction):
                for name, inner in action.choices.items():
                    commands.append(name)
                    walk(f"{path} {name}".strip(), inner)
            elif action.choices and not action.option_strings:
                commands += list(map(str, action.choices))
        tree[path] = (commands, options)

    walk("", parser())
    # These two read their own arguments.
    tree["lab"] = (["up", "down", "status", "env"], [])
    return tree


def _bash() -> str:
    cases = []
    for path, (commands, options) in sorted(_tree().items()):
        cases.append(f'    "{path}") offers="{" ".join([*commands, *options])}" ;;')
    agents = " | ".join(f'"{name}"' for name in _OF_AGENTS)
    reservations = " | ".join(f'"reservations {name}"' for name in _OF_RESERVATIONS)
    nested = "|".join(path for path, (commands, _) in sorted(_tree().items()) if commands and path)
    lines = "\n".join(cases)
    return f"""# bash completion of sactui: source <(sactui completion bash)
_sactui() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} path= offers= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    case $word in
      --host | --agents | --config | --theme) ((i++)); continue ;;
      -*) continue ;;
    esac
    if [ -z "$path" ]; then path=$word
    elif [[ "$path" =~ ^({nested})$ ]]; then path="$path $word"; break
    else break; fi
  done
  case $path in
{lines}
  esac
  if [[ $current != -* ]]; then
    case $path in
      {agents}) offers="$offers $(sactui completion names agents 2>/dev/null)" ;;
      {reservations}) offers="$offers $(sactui completion names reservations 2>/dev/null)" ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$current")
}}
complete -F _sactui sactui
"""


def _zsh() -> str:
    # zsh runs bash's functions; one table serves both.
    return (
        "#compdef sactui\n# zsh completion of sactui: source <(sactui completion zsh)\n"
        "autoload -Uz bashcompinit && bashcompinit\n"
        + _bash()
        .split("\n", 1)[1]
        .replace(
            'mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$current")',
            'COMPREPLY=($(compgen -W "$offers" -- "$current"))',
        )
    )


def _fish() -> str:
    lines = ["# fish completion of sactui: sactui completion fish | source", "complete -c sactui -f"]
    tree = _tree()
    commands, options = tree[""]
    for option in options:
        lines.append(f"complete -c sactui -n __fish_use_subcommand -l {option.removeprefix('--')}")
    for command in commands:
        lines.append(f"complete -c sactui -n __fish_use_subcommand -a {command}")
    for path, (inner, options) in sorted(tree.items()):
        if not path:
            continue
        seen = " && ".join(f"__fish_seen_subcommand_from {word}" for word in path.split())
        for word in inner:
            lines.append(f"complete -c sactui -n '{seen}' -a {word}")
        for option in options:
            lines.append(f"complete -c sactui -n '{seen}' -l {option.removeprefix('--')}")
    for names, what in ((_OF_AGENTS, "agents"), (_OF_RESERVATIONS, "reservations")):
        lines.append(
            f"complete -c sactui -n '__fish_seen_subcommand_from {' '.join(names)}' "
            f"-a '(sactui completion names {what} 2>/dev/null)'"
        )
    return "\n".join(lines) + "\n"
