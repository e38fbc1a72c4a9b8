"""The settings file: ``$XDG_CONFIG_HOME/sactui/config.yaml``. Everything in it is optional.

What it says is weaker than the command line and stronger than the defaults here. State is
kept in ``$XDG_STATE_HOME/sactui``.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from .errors import DefinitionError, SettingsError
from .spec.mistakes import Block, note_errors, wrong
from .spec.words import FilledLine, FilledWord, Line, Seconds, Word, keyed
from .spec.yaml_editing import set_key
from .spec.yaml_source import BrokenFileError, Document, parse, read

#: What a new file begins with.
_HEAD = "# sactui: every key is optional; sactui --help and the README say more.\n"
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")


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


def _quiet(value: str) -> str:
    times = value.split("-")
    if value and (len(times) != 2 or not all(_CLOCK.fullmatch(time.strip()) for time in times)):
        raise wrong(f"must be two times, not {value!r}", 'write "22:00-07:00"')
    return value


NoticeEvent = Literal["asking", "ended", "limited", "idle", "reservation", "job", "link"]
_USUAL_EVENTS: tuple[NoticeEvent, ...] = ("asking", "ended", "reservation")


class NoticeSettings(Block):
    """When and how the console calls a person who looks elsewhere."""

    events: list[NoticeEvent] = Field(default_factory=lambda: [*_USUAL_EVENTS])
    """Which changes notify; an empty list: none."""
    bell: bool = True
    """Ring the terminal's bell."""
    desktop: bool = True
    """Ask the terminal for a notification of the desktop (OSC 9)."""
    command: list[FilledLine] = Field(default_factory=list)
    """A program to run, word by word; {title} {text} {event} {host} {name} are replaced."""
    quiet: Annotated[Line, AfterValidator(_quiet)] = ""
    """Quiet hours of the local day, as "22:00-07:00"."""


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
    notices: NoticeSettings = NoticeSettings()
    """When and how the console calls a person who looks elsewhere."""

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


def save_settings(changes: Mapping[str, Any], path: Path | None = None) -> Path:
    """Write some settings into the file, keeping its comments and everything else.

    A new key stands below the sentence that explains it. The result is validated before
    it takes the file's place, atomically. Raises SettingsError; the file is then untouched.
    """
    # Reads our own source: only for who saves.
    from .spec.schema import descriptions

    place = path or config_path()
    sentences = descriptions(Settings)
    try:
        text = place.read_text(encoding="utf-8") if place.exists() else _HEAD
        for key, value in changes.items():
            text = set_key(text, key, value, sentences.get(key, ""))
        document = parse(text.encode(), str(place))
        if _validate(document) is None or document.mistakes:
            raise BrokenFileError(document.mistakes)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A link to a file in a repository of dotfiles stays a link.
        target = place.resolve()
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".config.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except DefinitionError as error:
        raise SettingsError(f"{place} was not changed: {error.message}", error.remedy) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{place} was not changed: {error}", "check its permissions") from error
    return place


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
