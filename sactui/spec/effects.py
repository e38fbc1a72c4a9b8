"""Keys that are accepted and do nothing here: nobody should have to find that out by waiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .definition import STARTABLE, Note
from .yaml_source import Document, KeyPath, dotted

#: Accepted key -> why it does nothing in sactui.
NO_EFFECT: dict[KeyPath, str] = {
    ("spec", "python-venv"): "source it in the reservation's setup or in slurm.hooks.pre_agent",
    ("spec", "env-file"): "write the variables into spec.env",
    ("spec", "screen"): "the tmux session is always sac-<name>",
    ("spec", "multiplexer"): "agents always run in tmux",
    ("spec", "container"): "agents run directly on the node",
    ("spec", "health"): "every agent is looked at by itself",
    ("spec", "watchdog"): "dialogs are shown and answered by a person",
    ("spec", "restart"): "an agent that has ended is shown, and started by a person",
    ("spec", "context_management"): "the agent keeps its own context",
    ("spec", "telegram"): "sactui opens no connections of its own",
    ("spec", "orochi"): "sactui opens no connections of its own",
    ("spec", "a2a"): "sactui opens no connections of its own",
    ("spec", "listen"): "a declaration for other programs",
    ("spec", "skills"): "put them into the working directory on the cluster",
    ("spec", "mcp_servers"): "write .mcp.json into the working directory on the cluster",
    ("spec", "remote"): "the way to a host is in the settings and ~/.ssh/config; spec.host chooses the host",
    ("spec", "claude", "auto_accept"): "dialogs are shown and answered by a person",
    ("spec", "claude", "continue_max_age_minutes"): "Claude Code itself chooses the conversation",
    ("spec", "hooks"): "nothing runs on this machine but sactui itself",
    ("spec", "slurm", "hooks", "walltime_signal"): "auto_resubmit submits the next job near the end",
    ("spec", "slurm", "hooks", "attach"): "attaching runs nothing but tmux",
}

#: Keys of ``slurm`` that ``runtime: slurm`` has its own way for.
_OF_JOBS = {
    "job_name": "the job is named after the agent",
    "hold": "the job waits by itself until it is stopped",
}

#: Values that ask for nothing, so that nothing is missed.
_OFF: dict[KeyPath, tuple[str, Any]] = {
    ("spec", "health"): ("enabled", False),
    ("spec", "watchdog"): ("enabled", False),
    ("spec", "orochi"): ("enabled", False),
    ("spec", "restart"): ("policy", "never"),
    ("spec", "container"): ("runtime", "none"),
    ("spec", "context_management"): ("strategy", "noop"),
}

_NONE = "accepted, no effect here"
_NOTHING: tuple[Any, ...] = (None, {}, [], "")


def notes(document: Document) -> Iterator[Note]:
    """What the file says and sactui does not do. The document must be a valid definition."""
    spec: Mapping[str, Any] = document.data["spec"]
    runtime = spec.get("runtime") or "claude-code"
    if runtime not in STARTABLE:
        yield _note(document, ("spec", "runtime"), f"{runtime}: not started by sactui", "it is shown only")
    for path, why in NO_EFFECT.items():
        value = _at(document.data, path)
        if value in _NOTHING or (path == ("spec", "multiplexer") and value == "tmux"):
            continue
        if path in _OFF and isinstance(value, dict):
            key, off = _OFF[path]
            if value.get(key, off) == off:
                continue
        yield _note(document, path, _NONE, why)
    yield from _slurm(document, runtime, spec.get("slurm") or {})
    command = _at(document.data, ("spec", "extensions", "sactui", "command"))
    if command not in _NOTHING:
        for path in (("spec", "claude"), ("spec", "session")):
            if _at(document.data, path) not in _NOTHING:
                yield _note(document, path, _NONE, "spec.extensions.sactui.command is started instead")
    yield from _strangers(document)


def _slurm(document: Document, runtime: str, slurm: Mapping[str, Any]) -> Iterator[Note]:
    for key, value in slurm.items():
        path = ("spec", "slurm", key)
        if runtime == "slurm-tenant" and key != "reservation" and value not in _NOTHING:
            yield _note(document, path, _NONE, "the reservation owns the job")
        elif runtime == "slurm" and key == "reservation" and value not in _NOTHING:
            yield _note(document, path, _NONE, "only runtime: slurm-tenant joins a reservation")
        elif runtime == "slurm" and key in _OF_JOBS and value not in _NOTHING:
            yield _note(document, path, _NONE, _OF_JOBS[key])
        elif runtime == "slurm" and key == "mem" and str(value).isdigit() and value != "0":
            what = f"Slurm takes {value} as {value} megabytes"
            yield _note(document, path, what, f'"{value}G" is gigabytes')


def _strangers(document: Document) -> Iterator[Note]:
    metadata = document.data.get("metadata") or {}
    for key in metadata:
        if key != "labels":
            yield _note(document, ("metadata", key), _NONE, "only labels are read")


def _note(document: Document, path: KeyPath, what: str, why: str) -> Note:
    return Note(dotted(path), f"{what} ({why})", document.position(path, of_key=True)[0])


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return None
        data = data[part]
    return data
