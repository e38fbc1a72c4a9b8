"""The schema ``scitex-agent-container/v3``, kind Agent: every key, its type, its default.

The reference accepts far more than it understands (``auto_resubmit: "false"`` is true
there, ``mem: 16`` is 16 megabytes, a misspelt key is nothing at all). Here the same keys
are accepted, and whatever cannot be meant is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from .mistakes import Block, describe, wrong
from .words import (
    Amount,
    Argv,
    Count,
    Directive,
    FilledLine,
    FilledWord,
    Flag,
    Line,
    Memory,
    OneOrMany,
    Regex,
    Seconds,
    Signal,
    Text,
    TimeLimit,
    Variable,
    VariableValue,
    Word,
    keyed,
)

API_VERSION = "scitex-agent-container/v3"
KIND = "Agent"

Session = Literal["continue-or-new", "continue", "new", "resume"]
Runtime = Literal["claude-code", "cursor", "aider", "slurm", "slurm-tenant"]


class SlurmHooksBlock(Block):
    pre_submit: Line = ""
    """Shell fragment of the reference's launcher."""
    pre_agent: Line = ""
    """Shell fragment that is sourced before the agent starts, e.g. with `module load`."""
    walltime_signal: Line = ""
    """Shell fragment that is sourced when the time limit is near."""
    post_agent: Line = ""
    """Shell fragment that is sourced after the agent."""
    attach: Line = ""
    """Shell fragment of the reference's attach."""


class HeartbeatBlock(Block):
    command: Text = ""
    """Shell command that runs again and again in the job; empty: none."""
    interval_s: Count = 30
    """Seconds between two runs."""
    log_file: Line = ""
    """Where its output goes; empty: `<logs_dir>/<jobid>.heartbeat.log`."""


class SlurmBlock(Block):
    partition: Word = ""
    """Partition; empty: the site's default."""
    time_limit: TimeLimit = "1-00:00:00"
    """Time limit in Slurm's form, in quotes."""
    cpus_per_task: Count = 1
    """CPUs of the agent."""
    mem: Memory = "4G"
    """Memory with its unit, in quotes."""
    nodes: Count = 1
    """Nodes."""
    ntasks: Count = 1
    """Tasks."""
    gres: Word = ""
    """Generic resources, e.g. `gpu:1`."""
    job_name: Word = ""
    """Name of the job; empty: the agent's name."""
    signal: Signal = "B:USR1@3600"
    """When Slurm announces the end."""
    auto_resubmit: bool = True
    """Whether a successor is submitted before the time limit."""
    hold: Text = "tail -f /dev/null"
    """What keeps the job alive."""
    logs_dir: Line = "~/slurm_logs"
    """Directory of the job's logs, on the cluster."""
    hooks: SlurmHooksBlock = SlurmHooksBlock()
    """Shell fragments in the job."""
    heartbeat: HeartbeatBlock = HeartbeatBlock()
    """A command that runs beside the agent."""
    extra_directives: list[Directive] = Field(default_factory=list)
    """Further `#SBATCH` lines."""
    reservation: Word = ""
    """slurm-tenant only: name or id of the lease the agent lives in."""


class ClaudeBlock(Block):
    channels: list[FilledLine] = Field(default_factory=list)
    """Channels (`--channels`)."""
    flags: list[Flag] = Field(default_factory=list)
    """Further flags, each with or without its value."""
    session: Session = "continue-or-new"
    """Which conversation it starts with."""
    resume_id: Word = ""
    """The conversation of `session: resume`."""
    continue_max_age_minutes: Amount | None = None
    """Oldest conversation that is continued."""
    auto_accept: bool = True
    """Whether the reference answers the first dialogs."""


class StartupCommandBlock(Block):
    command: Annotated[Text, Field(min_length=1)]
    """Text that is typed into the agent."""
    delay: Amount = 0
    """Seconds to wait first."""


class ReadyPatternBlock(Block):
    regex: Regex
    """Regular expression that must match the agent's screen."""


Command = Annotated[
    StartupCommandBlock,
    BeforeValidator(keyed("command"), json_schema_input_type=str | StartupCommandBlock),
]
ReadyPattern = Annotated[
    ReadyPatternBlock, BeforeValidator(keyed("regex"), json_schema_input_type=str | ReadyPatternBlock)
]


class StartupBlock(Block):
    ready_patterns: list[ReadyPattern] = Field(default_factory=list)
    """What the screen shows once the agent is ready."""
    ready_idle_ticks: Count = 3
    """How many looks the screen must stay the same."""
    ready_poll_interval_seconds: Seconds = 0.5
    """Seconds between two looks."""
    ready_timeout_seconds: Seconds = 60.0
    """Longest wait in seconds."""
    on_timeout: Literal["capture_and_proceed", "capture_and_fail"] = "capture_and_proceed"
    """What happens when it is not ready in time."""
    commands: list[Command] = Field(default_factory=list)
    """What is typed into the agent once it is ready."""


class HooksBlock(Block):
    pre_start: list[Text] = Field(default_factory=list)
    post_start: list[Text] = Field(default_factory=list)
    pre_stop: list[Text] = Field(default_factory=list)
    post_stop: list[Text] = Field(default_factory=list)
    on_compact: list[Text] = Field(default_factory=list)
    on_restart: list[Text] = Field(default_factory=list)
    on_diff: list[Text] = Field(default_factory=list)


class BackoffBlock(Block):
    initial: Amount = 30
    max: Amount = 300
    multiplier: Count = 2


class RestartBlock(Block):
    policy: Literal["never", "on-failure", "always"] = "never"
    max_retries: Amount = 3
    backoff: BackoffBlock = BackoffBlock()


class HealthBlock(Block):
    enabled: bool = False
    interval: Seconds = 30
    timeout: Seconds = 5
    method: Literal["multiplexer-alive"] = "multiplexer-alive"


class ContainerBlock(Block):
    runtime: Literal["none", "docker", "apptainer"] = "none"
    image: Line = ""
    volumes: list[Line] = Field(default_factory=list)
    network: Literal["host", "bridge", "none"] = "host"
    mount_host_claude: bool = False


class ContextManagementBlock(Block):
    strategy: Literal["noop", "compact", "restart"] = "noop"
    trigger_at_percent: Annotated[float, Field(ge=0, le=100)] = 70.0
    warn_before_n_checks: Amount = 0
    check_interval_seconds: Count = 300
    state_file: Line = ""


class SkillsBlock(Block):
    required: list[Line] = Field(default_factory=list)
    available: list[Line] = Field(default_factory=list)
    injection_mode: Literal["at-import", "block"] = "at-import"
    match_by: list[Literal["skill-id", "tag", "filename"]] = Field(default_factory=list)
    match_style: Literal["exact", "partial"] = "exact"


class ListenBlock(Block):
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    proto: Literal["tcp", "udp", "unix"] = "tcp"
    path: Line = ""
    name: Line = ""
    owner: Line = ""

    @model_validator(mode="after")
    def _bindable(self) -> ListenBlock:
        if self.proto == "unix" and not self.path:
            raise wrong("has proto unix and no path", "write path: /the/socket")
        if self.proto != "unix" and not self.port:
            raise wrong(f"has proto {self.proto} and no port", "write port: 1234")
        return self


class RemoteBlock(Block):
    hops: list[FilledWord] = Field(default_factory=list)
    host: Word = ""
    user: Word = ""
    key: Line = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    timeout: Count = 60
    login_shell: bool = True
    no_preflight: bool = False


class ScreenBlock(Block):
    name: Line = ""


class SactuiBlock(Block):
    """What sactui adds to the schema, where the reference lets everything through."""

    command: Argv | None = None
    """The agent's program instead of Claude Code: a command line, or a list of its words."""
    model_display: Line = ""
    """How the model is called in tables and in SCITEX_AGENT_CONTAINER_MODEL."""
    labels: dict[FilledLine, Line] = Field(default_factory=dict)
    """Further labels, on top of metadata.labels."""


def _extensions(value: Any) -> Any:
    if not isinstance(value, dict) or "sactui" in value:
        return value
    # A sister name that is nearly ours is a slip, not somebody else's data.
    for key in value:
        if isinstance(key, str) and key.lower() == "sactui":
            raise wrong(f"has the key {key}", "write sactui in small letters")
    return value


class ExtensionsBlock(Block):
    model_config: ClassVar[ConfigDict] = {**Block.model_config, "extra": "allow"}

    sactui: SactuiBlock = SactuiBlock()
    """What sactui reads; everything else here belongs to others and is left alone."""


class MetadataBlock(Block):
    model_config: ClassVar[ConfigDict] = {**Block.model_config, "extra": "allow"}

    labels: dict[FilledLine, VariableValue] = Field(default_factory=dict)
    """Labels; role, machine and capabilities have a meaning."""


def _remote(value: Any) -> Any:
    if isinstance(value, str):
        return {"hops": [value] if value else []}
    return {"hops": value} if isinstance(value, list) else value


def _hosts(value: Any) -> Any:
    if value == "all":
        return (value,)
    if isinstance(value, str):
        raise wrong(f'must be "all" or a list of hosts, not {describe(value)}', "or write host:")
    if isinstance(value, list):
        return tuple(value)
    raise wrong(f'must be "all" or a list of hosts, not {describe(value)}', "write '- name' lines")


class SpecBlock(Block):
    runtime: Runtime = "claude-code"
    """What starts the agent; sactui starts slurm and slurm-tenant."""
    model: FilledWord = "sonnet"
    """The model (`--model`)."""
    workdir: Line = ""
    """Working directory on the node."""
    python_venv: Annotated[OneOrMany, Field(alias="python-venv")] = ()
    env: dict[Variable, VariableValue] = Field(default_factory=dict)
    """Environment of the agent; `~/` and `${VAR}` are the node's."""
    env_file: Annotated[OneOrMany, Field(alias="env-file")] = ()
    screen: ScreenBlock = ScreenBlock()
    container: ContainerBlock = ContainerBlock()
    claude: ClaudeBlock = ClaudeBlock()
    """How Claude Code is started."""
    health: HealthBlock = HealthBlock()
    watchdog: dict[str, Any] = Field(default_factory=dict)
    restart: RestartBlock = RestartBlock()
    hooks: HooksBlock = HooksBlock()
    """Commands on the console's machine."""
    telegram: dict[str, Any] = Field(default_factory=dict)
    remote: Annotated[
        RemoteBlock, BeforeValidator(_remote, json_schema_input_type=str | list[str] | RemoteBlock)
    ] = RemoteBlock()
    slurm: SlurmBlock = SlurmBlock()
    """What the job asks of Slurm, or the reservation a tenant lives in."""
    skills: SkillsBlock = SkillsBlock()
    startup_commands: list[Command] = Field(default_factory=list)
    """What is typed into the agent, without waiting for it."""
    startup: StartupBlock = StartupBlock()
    """What is typed into the agent once it is ready."""
    context_management: ContextManagementBlock = ContextManagementBlock()
    listen: list[ListenBlock] = Field(default_factory=list)
    extensions: Annotated[ExtensionsBlock, BeforeValidator(_extensions)] = ExtensionsBlock()
    mcp_servers: dict[str, dict[str, Any]] = Field(default_factory=dict)
    multiplexer: Literal["tmux", "screen"] = "tmux"
    host: OneOrMany = ()
    """Hosts in order of preference; one instance runs."""
    hosts: Annotated[
        tuple[FilledWord, ...], BeforeValidator(_hosts, json_schema_input_type=Literal["all"] | list[str])
    ] = ()
    """`all`, or hosts that run one instance each."""
    session: Session | None = None
    """The same as claude.session, and stronger."""
    a2a: dict[str, Any] = Field(default_factory=dict)
    orochi: dict[str, Any] = Field(default_factory=dict)


class AgentFile(Block):
    """A whole definition file."""

    api_version: Annotated[Literal["scitex-agent-container/v3"], Field(alias="apiVersion")]
    kind: Literal["Agent"]
    metadata: MetadataBlock = MetadataBlock()
    spec: SpecBlock
