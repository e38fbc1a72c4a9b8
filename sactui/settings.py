"""The settings file: ``$XDG_CONFIG_HOME/sactui/config.yaml``. Everything in it is optional.

What it says is weaker than the command line and stronger than the defaults here. State is
kept in ``$XDG_STATE_HOME/sactui``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from .errors import SettingsError
from .spec.mistakes import Block, note_errors
from .spec.words import FilledLine, FilledWord, Line, Seconds, Word, keyed
from .spec.yaml_source import BrokenFileError, Document, read


class HostSettings(Block):
    """One cluster; a bare name stands for all defaults."""

    name: FilledWord
    """What it is called in tables, leases and on the command line: an alias of ~/.ssh/config."""
    login_hosts: list[FilledWord] = Field(default_factory=list)
    """Its login hosts, tried in this order; none: the name itself."""
    user: Word = ""
    """The user there; empty: what ~/.ssh/config says."""
    transport: Literal["auto", "ssh", "openssh", "local"] = "auto"
    """auto rides a live ControlMaster of the user's and dials itself otherwise; local needs no SSH."""
    clusters: list[FilledWord] = Field(default_factory=list)
    """Slurm clusters behind this login (`squeue -M`); none: the login's own."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The login hosts to try, never empty."""
        return tuple(self.login_hosts) or (self.name,)


class WatchSettings(Block):
    """How definition files are watched."""

    mode: Literal["auto", "events", "poll", "off"] = "auto"
    """auto asks the system, and compares files where they are on a network file system."""
    poll_interval: Annotated[Seconds, Field(ge=0.2, le=3600)] = 2.0
    """Seconds between two comparisons."""


Host = Annotated[HostSettings, BeforeValidator(keyed("name"), json_schema_input_type=str | HostSettings)]


class Settings(Block):
    """All settings."""

    hosts: list[Host] = Field(default_factory=list)
    """The clusters to show; `--host` replaces them."""
    interval: Annotated[Seconds, Field(ge=2, le=3600)] = 10.0
    """Seconds between two looks at one's own jobs; shorter for a while after an action."""
    theme: Line = ""
    """Name of a colour theme; empty: the default one."""
    agents: list[FilledLine] = Field(default_factory=list)
    """Further directories of definitions, before the default ones."""
    read_only: bool = False
    """Refuse everything that changes a cluster."""
    keys: dict[FilledWord, FilledWord] = Field(default_factory=dict)
    """Action: key, for keys other than the usual ones; `sactui keys` shows the actions."""
    flash: bool = True
    """Whether what changed flashes once."""
    ascii: bool = False
    """Draw with ASCII only."""
    start_stagger: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 0.0
    """Seconds between two agents that are started together."""
    watch: WatchSettings = WatchSettings()
    """How definition files are watched."""

    def host(self, name: str) -> HostSettings:
        """The settings of one host; defaults for one that is not in the file. Raises SettingsError."""
        for one in self.hosts:
            if one.name == name:
                return one
        try:
            return HostSettings(name=name)
        except ValidationError:
            raise SettingsError(
                f"{name!r} cannot be the name of a host", "give an alias of ~/.ssh/config"
            ) from None


def load_settings(path: Path | None = None) -> Settings:
    """The settings in ``path``, or in the usual place, where the file may be missing.

    Raises SettingsError with every mistake at its line.
    """
    place = path or config_path()
    if path is None and not os.path.lexists(place):
        return Settings()
    try:
        document = read(place)
    except BrokenFileError as error:
        # A file of comments alone is what an editor leaves behind: it sets nothing.
        if [one.message for one in error.mistakes] == ["the file is empty"]:
            return Settings()
        raise SettingsError(error.message, error.remedy) from error
    settings = _validate(document)
    if settings is None or document.mistakes:
        broken = BrokenFileError(document.mistakes)
        raise SettingsError(broken.message, broken.remedy)
    return settings


def config_path(environment: Mapping[str, str] | None = None) -> Path:
    """Where the settings file is, whether or not it exists."""
    return _base("XDG_CONFIG_HOME", "~/.config", environment) / "sactui" / "config.yaml"


def state_path(environment: Mapping[str, str] | None = None) -> Path:
    """Where state is kept, whether or not it exists."""
    return _base("XDG_STATE_HOME", "~/.local/state", environment) / "sactui"


def state_dir(environment: Mapping[str, str] | None = None) -> Path:
    """The directory for state, made for the user alone (0700). Raises SettingsError."""
    path = state_path(environment)
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        message = f"{path}: cannot be used for state: {error.strerror or error}"
        raise SettingsError(message, "check its permissions, or set XDG_STATE_HOME") from error
    return path


def _base(variable: str, default: str, environment: Mapping[str, str] | None) -> Path:
    variables: Mapping[str, str] = os.environ if environment is None else environment
    value = variables.get(variable, "")
    # The XDG specification: a relative path in these variables is to be ignored.
    return Path(value) if value.startswith("/") else Path(default).expanduser()


def _validate(document: Document) -> Settings | None:
    data: Any = document.data
    if data is None:
        return Settings()
    if not isinstance(data, dict):
        document.add((), "the file must be a mapping", "write 'key: value' lines")
        return None
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        note_errors(document, error, Settings)
        return None
    seen: dict[str, int] = {}
    for index, host in enumerate(settings.hosts):
        if host.name in seen:
            message = f"hosts[{index}] has the name of hosts[{seen[host.name]}]: {host.name}"
            document.add(
                ("hosts", index), message, "give it another name, or list its login_hosts in one entry"
            )
        seen.setdefault(host.name, index)
    return settings
