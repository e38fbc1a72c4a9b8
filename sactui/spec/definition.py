"""An agent as its file defines it: plain, frozen values, ready for a runtime."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: What the reference calls the models in ``SCITEX_AGENT_CONTAINER_MODEL``.
_MODEL_NAMES = {
    "opus": "Claude Opus",
    "opus[1m]": "Claude Opus (1M)",
    "sonnet": "Claude Sonnet",
    "sonnet[1m]": "Claude Sonnet (1M)",
    "haiku": "Claude Haiku",
}

#: The runtimes that sactui starts; others are read and shown.
STARTABLE = ("slurm", "slurm-tenant")


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a definition that a person should know, though it is not wrong."""

    key: str  # dotted, e.g. spec.health
    text: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


@dataclass(frozen=True, slots=True)
class SlurmHooks:
    """Paths of shell fragments that are sourced inside the job; empty means none."""

    pre_submit: str = ""
    pre_agent: str = ""
    walltime_signal: str = ""
    post_agent: str = ""
    attach: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A command that runs every ``interval_s`` seconds in the job; empty means none."""

    command: str = ""
    interval_s: int = 30
    log_file: str = ""


@dataclass(frozen=True, slots=True)
class SlurmSettings:
    """``spec.slurm``: what ``runtime: slurm`` asks of Slurm; a tenant uses ``reservation`` alone.

    ``time_limit`` and ``mem`` are Slurm's own texts, e.g. ``1-00:00:00`` and ``4G``.
    """

    partition: str = ""
    time_limit: str = "1-00:00:00"
    cpus_per_task: int = 1
    mem: str = "4G"
    nodes: int = 1
    ntasks: int = 1
    gres: str = ""
    job_name: str = ""
    signal: str = "B:USR1@3600"
    auto_resubmit: bool = True
    hold: str = "tail -f /dev/null"
    logs_dir: str = "~/slurm_logs"
    hooks: SlurmHooks = SlurmHooks()
    heartbeat: Heartbeat = Heartbeat()
    extra_directives: tuple[str, ...] = ()
    reservation: str = ""


@dataclass(frozen=True, slots=True)
class ClaudeSettings:
    """``spec.claude``; ``flags`` entries may hold a flag and its value in one text."""

    flags: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    session: str = "continue-or-new"  # continue-or-new, continue, new, resume
    resume_id: str = ""


@dataclass(frozen=True, slots=True)
class StartupCommand:
    """Text that is typed into the agent ``delay`` seconds after it is ready."""

    command: str
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Startup:
    """``spec.startup`` and ``spec.startup_commands``: when the agent is ready, and what it is told then.

    Ready means: every pattern (a regular expression) matches its screen, which then stays
    the same for ``idle_ticks`` looks, ``poll_interval`` seconds apart. Times in seconds.
    """

    patterns: tuple[str, ...] = ()
    idle_ticks: int = 3
    poll_interval: float = 0.5
    timeout: float = 60.0
    on_timeout: str = "capture_and_proceed"  # or capture_and_fail
    commands: tuple[StartupCommand, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentHooks:
    """``spec.hooks``: shell texts or http(s) URLs that run on the console's machine."""

    pre_start: tuple[str, ...] = ()
    post_start: tuple[str, ...] = ()
    pre_stop: tuple[str, ...] = ()
    post_stop: tuple[str, ...] = ()
    on_compact: tuple[str, ...] = ()
    on_restart: tuple[str, ...] = ()
    on_diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """One agent definition.

    ``env`` is what the file says; :attr:`environment` adds what every agent gets. ``command``
    is the program to run instead of Claude Code, or ``None``. Of the host entries at most one
    is set: ``host`` lists hosts in order of preference for the one instance, ``hosts`` (or
    ``all_hosts``) asks for one instance on each. Neither: any host.
    ``digest`` is the sha256 of the file. ``notes`` name what is accepted without effect here.
    """

    name: str
    path: str
    runtime: str = "claude-code"
    model: str = "sonnet"
    model_display: str = ""
    workdir: str = ""  # empty: wherever the runtime starts it
    env: Mapping[str, str] = field(default_factory=dict)
    slurm: SlurmSettings = SlurmSettings()
    claude: ClaudeSettings = ClaudeSettings()
    command: tuple[str, ...] | None = None
    startup: Startup = Startup()
    hooks: AgentHooks = AgentHooks()
    labels: Mapping[str, str] = field(default_factory=dict)
    host: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    all_hosts: bool = False
    extensions: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    digest: str = ""

    @property
    def reservation(self) -> str:
        """The lease (its name or id) a tenant lives in; empty for other runtimes."""
        return self.slurm.reservation if self.runtime == "slurm-tenant" else ""

    @property
    def startable(self) -> bool:
        """True when sactui itself can start it."""
        return self.runtime in STARTABLE

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the agent's program: those of every agent, then its own."""
        display = self.model_display or _MODEL_NAMES.get(self.model, self.model)
        variables = {
            "CLAUDE_AGENT_ID": self.name,
            "SCITEX_AGENT_CONTAINER_AGENT": self.name,
            "SCITEX_AGENT_CONTAINER_MODEL": display,
        }
        if role := self.labels.get("role"):
            variables["CLAUDE_AGENT_ROLE"] = role
        return variables | dict(self.env)

    def runs_on(self, host: str) -> bool:
        """Whether the definition lets it run on ``host``."""
        wanted = self.host or self.hosts
        return not wanted or host in wanted

    def instance(self, host: str) -> AgentDefinition:
        """The definition for one host.

        Only ``hosts`` changes anything: the name gets ``-<host>`` (unless it ends so), and
        ``${HOSTNAME}`` is replaced in every text.
        """
        if not (self.hosts or self.all_hosts):
            return self
        changed: AgentDefinition = _with_host(self, host)
        name = self.name if self.name.endswith(f"-{host}") or self.name == host else f"{self.name}-{host}"
        return dataclasses.replace(changed, name=name, path=self.path, notes=self.notes, digest=self.digest)


def _with_host(value: Any, host: str) -> Any:
    if isinstance(value, str):
        return value.replace("${HOSTNAME}", host).replace("${SCITEX_OROCHI_HOSTNAME}", host)
    if isinstance(value, tuple):
        return tuple(_with_host(one, host) for one in value)
    if isinstance(value, Mapping):
        return {key: _with_host(one, host) for key, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: _with_host(getattr(value, f.name), host) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    return value
