"""From a definition file to an :class:`AgentDefinition`, or to everything that is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from . import effects
from .agent import API_VERSION, AgentFile, SpecBlock
from .definition import (
    AgentDefinition,
    AgentHooks,
    ClaudeSettings,
    Heartbeat,
    SlurmHooks,
    SlurmSettings,
    Startup,
    StartupCommand,
)
from .mistakes import nearest, note_errors
from .yaml_source import BrokenFileError, Document, KeyPath, dotted, parse, read_bytes, shown

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_NAME_LIMIT = 100


def load_agent(path: Path | str) -> AgentDefinition:
    """Read one definition. Raises BrokenFileError (a DefinitionError) with every mistake in it.

    The agent is named after the directory the file stands in, links not followed.
    """
    place = absolute(path)
    return agent_from_bytes(read_bytes(place), place)


def agent_from_bytes(raw: bytes, path: Path) -> AgentDefinition:
    """The definition in ``raw``, which is the content of ``path`` (absolute)."""
    document = parse(raw, str(path))
    name = path.parent.name
    _check_name(document, name)
    content = _validate(document)
    if document.mistakes or content is None:
        raise BrokenFileError(document.mistakes)
    return _definition(document, content, name, str(path))


def absolute(path: Path | str) -> Path:
    """``path`` from the root, ``~`` expanded and ``..`` folded, symbolic links kept."""
    return Path(os.path.abspath(Path(path).expanduser()))


def name_trouble(name: str) -> str:
    """Why a directory's name cannot be an agent's name; empty when it can."""
    if not name:
        return "it has no name"
    if len(name) > _NAME_LIMIT:
        return f"it is longer than {_NAME_LIMIT} characters"
    if _NAME.fullmatch(name):
        return ""
    bad = next((c for c in name if not re.fullmatch(r"[A-Za-z0-9_-]", c)), "")
    if not bad:
        return 'it starts with "-"'
    words = {" ": "a space", ".": '"."', ":": '":"'}
    return f"it contains {words.get(bad, shown(bad) if not bad.isprintable() else repr(bad))}"


def _check_name(document: Document, name: str) -> None:
    if why := name_trouble(name):
        message = f"the directory {shown(name)!r} cannot name an agent: {why}"
        document.add((), message, "tmux and file names need letters, digits, - and _: rename the directory")


def _validate(document: Document) -> AgentFile | None:
    data = document.data
    if not isinstance(data, dict):
        document.add((), "the file must be a mapping", f"start it with apiVersion: {API_VERSION}")
        return None
    data = _without_refused(document, data)
    try:
        content = AgentFile.model_validate(data)
    except ValidationError as error:
        note_errors(document, error, AgentFile)
        # What holds between keys is checked on the raw data, so that it is said at once.
        _check_reservation(document, data)
        _check_one_host_key(document, data)
        return None
    _check_reservation(document, data)
    _check_one_host_key(document, data)
    session = content.spec.session or content.spec.claude.session
    if session == "resume" and not content.spec.claude.resume_id:
        place: KeyPath = ("spec", "session") if content.spec.session else ("spec", "claude", "session")
        message = "session: resume needs spec.claude.resume_id"
        document.add(place, message, "write the id, or use session: continue")
    _check_numbers(document, ("spec", "env"), content.spec.env)
    _check_numbers(document, ("metadata", "labels"), content.metadata.labels)
    return content


def _without_refused(document: Document, data: dict[str, Any]) -> dict[str, Any]:
    """Note the two keys that older schemas had, and take them away."""
    metadata, spec = data.get("metadata"), data.get("spec")
    if isinstance(metadata, dict) and "name" in metadata:
        remedy = "remove it: an agent is named after its directory"
        document.add(("metadata", "name"), "metadata.name is not accepted", remedy, of_key=True)
    if isinstance(spec, dict) and "scheduling" in spec:
        remedy = "use spec.host (one instance) or spec.hosts (one on each)"
        document.add(("spec", "scheduling"), "spec.scheduling is not accepted", remedy, of_key=True)
        data = {**data, "spec": {key: value for key, value in spec.items() if key != "scheduling"}}
    if isinstance(metadata, dict) and "labels" not in metadata:
        for key in metadata:
            if key != "name" and nearest(key, ["labels"]):
                place = ("metadata", key)
                document.add(place, f"unknown key {dotted(place)}", "did you mean labels?", of_key=True)
    return data


def _check_reservation(document: Document, data: Mapping[str, Any]) -> None:
    spec = data.get("spec")
    if not isinstance(spec, dict) or spec.get("runtime") != "slurm-tenant":
        return
    slurm = spec.get("slurm")
    if slurm is not None and not isinstance(slurm, dict):
        return
    if not (slurm or {}).get("reservation"):
        place: KeyPath = ("spec", "slurm") if slurm else ("spec", "runtime")
        message = "runtime: slurm-tenant requires spec.slurm.reservation to be set"
        remedy = "write the name of the reservation the agent joins; book one first"
        document.add(place, message, remedy, of_key=True)


def _check_one_host_key(document: Document, data: Mapping[str, Any]) -> None:
    spec = data.get("spec")
    if isinstance(spec, dict) and spec.get("host") and spec.get("hosts"):
        message = "spec.host and spec.hosts exclude each other"
        remedy = "host: one instance on the first host that is there; hosts: one instance on each"
        document.add(("spec", "hosts"), message, remedy, of_key=True)


def _check_numbers(document: Document, place: KeyPath, values: Mapping[str, str | int | float]) -> None:
    """A number may stand for its text only where every reader gives the same text."""
    for key, value in values.items():
        source = document.source((*place, key))
        if not isinstance(value, str) and str(value) != (source or str(value)):
            message = f"{dotted((*place, key))} is text, and YAML reads {source} as the number {value}"
            document.add((*place, key), message, f'write it in quotes: "{source}"')


def _definition(document: Document, content: AgentFile, name: str, path: str) -> AgentDefinition:
    spec = content.spec
    ours = spec.extensions.sactui
    labels = {key: str(value) for key, value in content.metadata.labels.items()} | ours.labels
    hooks = {key: tuple(getattr(spec.hooks, key)) for key in AgentHooks.__dataclass_fields__}
    all_hosts = spec.hosts == ("all",)
    return AgentDefinition(
        name=name,
        path=path,
        runtime=spec.runtime,
        model=spec.model,
        model_display=ours.model_display,
        workdir=spec.workdir,
        env={key: str(value) for key, value in spec.env.items()},
        slurm=_slurm(spec),
        claude=ClaudeSettings(
            flags=tuple(spec.claude.flags),
            channels=tuple(spec.claude.channels),
            session=spec.session or spec.claude.session,
            resume_id=spec.claude.resume_id,
        ),
        command=ours.command,
        startup=_startup(spec),
        hooks=AgentHooks(**hooks),
        labels=labels,
        host=spec.host,
        hosts=() if all_hosts else spec.hosts,
        all_hosts=all_hosts,
        extensions=(document.data["spec"].get("extensions") or {}),
        notes=tuple(sorted(effects.notes(document), key=lambda note: note.line)),
        digest=document.digest,
    )


def _slurm(spec: SpecBlock) -> SlurmSettings:
    block, default = spec.slurm, SlurmSettings()
    # As for the reference, an empty text means the default.
    return SlurmSettings(
        partition=block.partition,
        time_limit=block.time_limit or default.time_limit,
        cpus_per_task=block.cpus_per_task,
        mem=block.mem or default.mem,
        nodes=block.nodes,
        ntasks=block.ntasks,
        gres=block.gres,
        job_name=block.job_name,
        signal=block.signal or default.signal,
        auto_resubmit=block.auto_resubmit,
        hold=block.hold or default.hold,
        logs_dir=block.logs_dir or default.logs_dir,
        hooks=SlurmHooks(**block.hooks.model_dump()),
        heartbeat=Heartbeat(**block.heartbeat.model_dump()),
        extra_directives=tuple(block.extra_directives),
        reservation=block.reservation,
    )


def _startup(spec: SpecBlock) -> Startup:
    block = spec.startup
    commands = block.commands or spec.startup_commands
    return Startup(
        patterns=tuple(one.regex for one in block.ready_patterns),
        idle_ticks=block.ready_idle_ticks,
        poll_interval=float(block.ready_poll_interval_seconds),
        timeout=float(block.ready_timeout_seconds),
        on_timeout=block.on_timeout,
        commands=tuple(StartupCommand(one.command, one.delay) for one in commands),
    )
