"""What the user's SSH configuration says of one name, as far as sactui must know itself.

The file is read with asyncssh's parser (Host, Match, Include); most of it asyncssh then
applies by itself. Read here are the parts it would apply otherwise than OpenSSH does, or
where it would not ask with our callbacks: jumps, host keys, identities.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asyncssh.config import ConfigParseError, SSHClientConfig

from ..errors import ConnectFailed

_DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_DEFAULT_IDENTITIES = ("id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa", "id_rsa")
_JUMP = re.compile(r"(?:(?P<user>[^@]+)@)?(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:]+))(?::(?P<port>\d+))?\Z")


@dataclass(frozen=True, slots=True)
class Jump:
    """One hop of a ProxyJump; ``user`` and ``port`` override the configuration."""

    name: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """One SSH name, resolved."""

    name: str
    hostname: str
    port: int
    user: str
    #: whether the configuration or the caller names a user
    user_given: bool
    jumps: tuple[Jump, ...]
    #: the name under which the host's key is filed (known_hosts form)
    key_name: str
    known_hosts: tuple[Path, ...]
    global_known_hosts: tuple[Path, ...]
    #: True when the configuration names no file to keep host keys in (none, /dev/null)
    keeps_no_keys: bool
    identities: tuple[Path, ...]
    identities_only: bool
    host_key_algorithms_given: bool
    config_files: tuple[Path, ...]


def resolve(name: str, ssh_config: Path | None, user: str | None = None, port: int | None = None) -> Login:
    """Look ``name`` up; ``user`` and ``port`` go before the file. Raises ConnectFailed for a bad file."""
    path = ssh_config if ssh_config is not None else Path("~/.ssh/config").expanduser()
    if ssh_config is not None and not path.is_file():
        raise ConnectFailed(f"{name}: there is no SSH configuration file {path}", "Correct its path.")
    files = (path,) if path.is_file() and os.access(path, os.R_OK) else ()
    local_user = getpass.getuser()
    arguments = (local_user, user or (), name, port or ())
    try:
        read = SSHClientConfig.load(None, list(files), False, False, False, *arguments)
        if read.has_match_final():
            read = SSHClientConfig.load(read, list(files), True, False, True, *arguments)
        return _login(name, read.get, files, local_user)
    except (ConfigParseError, OSError, UnicodeDecodeError) as error:
        raise ConnectFailed(
            f"{name}: the SSH configuration cannot be used: {error}",
            f"Correct {path}; ssh -G {name} shows how ssh reads it.",
        ) from error


def _login(name: str, get: Callable[..., object], files: tuple[Path, ...], local_user: str) -> Login:
    hostname = str(get("Hostname") or name)
    port = get("Port")
    number = port if isinstance(port, int) else 22
    user = get("User")
    alias = get("HostKeyAlias")
    if alias:
        key_name = str(alias).lower()
    else:
        key_name = hostname.lower() if number == 22 else f"[{hostname.lower()}]:{number}"
    tokens = {
        "%": "%",
        "d": str(Path.home()),
        "h": hostname,
        "k": str(alias or hostname),
        "n": name,
        "p": str(number),
        "r": str(user or local_user),
        "u": local_user,
    }

    def paths(option: str, defaults: tuple[str, ...]) -> tuple[Path, ...]:
        value = get(option)
        words = [str(word) for word in value] if isinstance(value, list) else list(defaults)
        return tuple(_expand(word, tokens) for word in words if word.lower() not in ("none", "/dev/null"))

    known = paths("UserKnownHostsFile", _DEFAULT_KNOWN_HOSTS)
    identities = get("IdentityFile")
    if isinstance(identities, list):
        keys = tuple(_expand(str(word), tokens) for word in identities)
    else:
        keys = tuple(Path.home() / ".ssh" / word for word in _DEFAULT_IDENTITIES)
    return Login(
        name=name,
        hostname=hostname,
        port=number,
        user=str(user or local_user),
        user_given=bool(user),
        jumps=jumps(str(get("ProxyJump") or "")),
        key_name=key_name,
        known_hosts=known,
        global_known_hosts=paths("GlobalKnownHostsFile", _GLOBAL_KNOWN_HOSTS),
        keeps_no_keys=not known,
        identities=tuple(key for key in keys if key.is_file()),
        identities_only=bool(get("IdentitiesOnly")),
        host_key_algorithms_given=bool(get("HostKeyAlgorithms")),
        config_files=files,
    )


def jumps(text: str) -> tuple[Jump, ...]:
    """The hops of a ProxyJump value: ``[user@]host[:port]`` or ``ssh://...``, comma-separated."""
    hops = []
    for word in text.split(","):
        spec = word.strip().removeprefix("ssh://").rstrip("/")
        if not spec or spec.lower() == "none":
            continue
        match = _JUMP.match(spec)
        if match is None:
            raise ConnectFailed(
                f"ProxyJump {word!r} is no [user@]host[:port]", "Correct the SSH configuration."
            )
        port = match["port"]
        hops.append(Jump(match["six"] or match["host"], match["user"], int(port) if port else None))
    return tuple(hops)


def _expand(word: str, tokens: dict[str, str]) -> Path:
    expanded = re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), os.path.expandvars(word))
    return Path(expanded).expanduser()
