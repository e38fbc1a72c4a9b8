"""The user's keys: agent, plain identity files, encrypted ones whose passphrase is asked for."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from .config import Login

#: Asks for the passphrase of a file; the flag says that the last answer was wrong.
AskPassphrase = Callable[[Path, bool], Awaitable[str | None]]

_TRIES = 3
_ENCRYPTED = "Passphrase"


@dataclass(frozen=True, slots=True)
class Identities:
    """What a login may offer. ``agent_only`` limits the agent's keys (IdentitiesOnly)."""

    pairs: list[asyncssh.SSHKeyPair]
    agent_only: list[asyncssh.SSHKey] | None
    use_agent: bool


async def load(login: Login, ask: AskPassphrase) -> Identities:
    """Read the identity files. A passphrase is asked for only when the host accepts its key."""
    loop = asyncio.get_running_loop()

    async def passphrase(filename: str) -> str | None:
        data = await asyncio.to_thread(Path(filename).read_bytes)
        for attempt in range(_TRIES):
            answer = await ask(Path(filename), attempt > 0)
            if answer is None:
                return None
            if await asyncio.to_thread(_opens, data, answer):
                return answer
        return None

    # asyncssh's annotation knows texts only; its documentation also allows a coroutine.
    ask_late: Any = passphrase

    def read() -> Identities:
        certificates = [str(path) for path in login.certificates if _is_certificate(path)]
        pairs: list[asyncssh.SSHKeyPair] = []
        public: list[asyncssh.SSHKey] = []
        for path in login.identities:
            key = _public(path)
            if key is not None:
                public.append(key)
            if _usable(path, key):
                try:
                    pairs.extend(asyncssh.load_keypairs([str(path)], ask_late, certificates, loop=loop))
                except (OSError, ValueError):
                    # Not a private key (a .pub that names an agent's key), or not readable.
                    continue
        if login.identities_only:
            return Identities(pairs, public, bool(public))
        return Identities(pairs, None, True)

    return await asyncio.to_thread(read)


def _public(path: Path) -> asyncssh.SSHKey | None:
    for candidate in (path.with_name(f"{path.name}.pub"), path):
        try:
            return asyncssh.read_public_key(str(candidate))
        except (OSError, ValueError):
            continue
    return None


def _is_certificate(path: Path) -> bool:
    try:
        asyncssh.read_certificate(str(path))
    except (OSError, ValueError):
        # One that cannot be read must not take the keys with it.
        return False
    return True


def _usable(path: Path, public: asyncssh.SSHKey | None) -> bool:
    """Whether the file holds a private key that can be opened here, perhaps with a passphrase."""
    try:
        data = path.read_bytes()
        asyncssh.import_private_key(data)
    except OSError:
        return False
    except ValueError as error:
        # asyncssh opens OpenSSH's own encrypted format only with the bcrypt package, and
        # finds out late; it asks late only for a key whose public half it can read.
        readable = b"OPENSSH PRIVATE KEY" not in data or importlib.util.find_spec("bcrypt") is not None
        return str(error).startswith(_ENCRYPTED) and public is not None and readable
    return True


def _opens(data: bytes, passphrase: str) -> bool:
    try:
        asyncssh.import_private_key(data, passphrase)
    except ValueError:
        return False
    return True
