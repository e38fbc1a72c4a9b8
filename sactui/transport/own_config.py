"""The SSH configuration read by asyncssh's parser (Host, Match, Include), where no ssh program is.

Most of the file asyncssh then applies by itself; read here are the parts it would apply
otherwise than OpenSSH does, or where it would not ask with our callbacks.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path

from asyncssh.config import ConfigParseError, SSHClientConfig

from ..errors import ConnectFailed
from .config import (
    DEFAULT_KNOWN_HOSTS,
    GLOBAL_KNOWN_HOSTS,
    Login,
    default_identities,
    expand,
    jumps,
    key_name,
    token_table,
)


def read(name: str, ssh_config: Path | None, user: str | None = None, port: int | None = None) -> Login:
    """Look ``name`` up; ``user`` and ``port`` go before the file. Raises ConnectFailed for a bad file."""
    path = ssh_config if ssh_config is not None else Path("~/.ssh/config").expanduser()
    if ssh_config is not None and not path.is_file():
        raise ConnectFailed(f"{name}: there is no SSH configuration file {path}", "Correct its path.")
    files = (path,) if path.is_file() and os.access(path, os.R_OK) else ()
    local_user = getpass.getuser()
    arguments = (local_user, user or (), name, port or ())
    try:
        parsed = SSHClientConfig.load(None, list(files), False, False, False, *arguments)
        if parsed.has_match_final():
            parsed = SSHClientConfig.load(parsed, list(files), True, False, True, *arguments)
        return _login(name, parsed.get, files, local_user)
    except (ConfigParseError, OSError, UnicodeDecodeError) as error:
        raise ConnectFailed(
            f"{name}: the SSH configuration cannot be used: {error}", f"Correct {path}."
        ) from error


def _login(name: str, get: Callable[..., object], files: tuple[Path, ...], local_user: str) -> Login:
    hostname = str(get("Hostname") or name)
    port = get("Port")
    number = port if isinstance(port, int) else 22
    user = get("User")
    alias = str(get("HostKeyAlias") or "")
    tokens = token_table(name, hostname, number, str(user or local_user), local_user, alias)

    def paths(option: str, defaults: tuple[str, ...]) -> tuple[Path, ...]:
        value = get(option)
        words = [str(word) for word in value] if isinstance(value, list) else list(defaults)
        return tuple(expand(word, tokens) for word in words if word.lower() not in ("none", "/dev/null"))

    known = paths("UserKnownHostsFile", DEFAULT_KNOWN_HOSTS)
    identities = get("IdentityFile")
    if isinstance(identities, list):
        keys = tuple(expand(str(word), tokens) for word in identities)
    else:
        keys = default_identities()
    return Login(
        name=name,
        hostname=hostname,
        port=number,
        user=str(user or local_user),
        user_given=bool(user),
        jumps=jumps(str(get("ProxyJump") or "")),
        key_name=key_name(alias, hostname, number),
        known_hosts=known,
        global_known_hosts=paths("GlobalKnownHostsFile", GLOBAL_KNOWN_HOSTS),
        keeps_no_keys=not known,
        identities=tuple(key for key in keys if key.is_file()),
        identities_only=bool(get("IdentitiesOnly")),
        host_key_algorithms_given=bool(get("HostKeyAlgorithms")),
        config_files=files,
    )
