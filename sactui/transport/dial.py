"""Dialling: one SSH connection to one name, every jump dialled by us with the same callbacks.

asyncssh's own ProxyJump would not ask through our callbacks, so each hop is a connection
here, the next one tunnelled through it. Nothing is ever forwarded: no agent, no X11, no
ports. What a person types is handed to the protocol and kept nowhere.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncssh

from ..errors import AuthenticationFailed, ConnectFailed
from . import hostkeys, identities
from .base import Asker, Question
from .config import Jump, Login, resolve
from .options import connection_options

#: asyncssh would print warnings over the screen when nobody has set up logging.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())

#: Hops of hops of hops: a configuration that jumps in a circle.
_DEEPEST = 8
#: Seconds that a host may take for a login in which it asks nobody anything (a key is
#: touched, a directory service is slow); a person has the login timeout.
_SILENT_LOGIN = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to dial; times in seconds."""

    ssh_config: Path | None
    asker: Asker | None
    keepalive_interval: float
    keepalive_count: int
    connect_timeout: float
    login_timeout: float
    #: the local ssh program, asked for the configuration only
    binary: str = "ssh"


@dataclass(slots=True)
class Line:
    """An open connection with the hops under it, the last one being the host's."""

    connections: list[asyncssh.SSHClientConnection] = field(default_factory=list)
    interactive: bool = False
    lost: bool = False
    #: why it was lost, as asyncssh says
    reason: str = ""

    @property
    def connection(self) -> asyncssh.SSHClientConnection:
        return self.connections[-1]

    async def close(self, seconds: float = 3.0) -> None:
        """Close the connection, then its hops; a peer that says nothing is cut off."""
        self.lost = True
        for connection in reversed(self.connections):
            connection.close()
            try:
                async with asyncio.timeout(seconds):
                    await connection.wait_closed()
            except TimeoutError:
                connection.abort()
                await connection.wait_closed()


class Client(asyncssh.SSHClient):
    """asyncssh's questions during one dial, and the news of the connection's end."""

    def __init__(self, login: Login, asker: Asker | None, line: Line) -> None:
        self._login = login
        self._asker = asker
        self._line = line
        self._declined = False
        #: the key the host showed, when it was not a trusted one
        self.offered: asyncssh.SSHKey | None = None
        #: True once the host wanted something only a person has
        self.wanted_person = False
        self.answered = False
        #: True once the login is complete
        self.established = False
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn

    @property
    def secured(self) -> bool:
        """Whether the host has answered and keys are agreed on: from here on it is about who we are."""
        return self._connection is not None and bool(self._connection.get_extra_info("send_cipher"))

    def auth_completed(self) -> None:
        self.established = True

    def connection_lost(self, exc: Exception | None) -> None:
        # A dial that fails tells so itself, and a further one may follow on this line.
        if self.established:
            self._line.lost = True
            self._line.reason = str(exc) if exc else ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offered = key
        return False

    async def ask(self, question: Question) -> str | None:
        """Ask once; after a question that nobody answered no further one follows."""
        self.wanted_person = True
        if self._asker is None or self._declined:
            return None
        self._line.interactive = True
        answer = await self._asker(question)
        self._declined = answer is None
        self.answered = answer is not None
        return answer

    def _question(self, kind: str, prompt: str, detail: str = "", echo: bool = False) -> Question:
        return Question(kind, self._login.name, prompt, detail, echo)

    async def passphrase(self, path: Path, again: bool) -> str | None:
        """The passphrase of an identity file."""
        detail = "That was not the passphrase." if again else ""
        return await self.ask(self._question("passphrase", f"Passphrase for the key {path}", detail))

    async def password_auth_requested(self) -> str | None:
        who = f"{self._login.user} on {self._login.hostname}"
        return await self.ask(self._question("password", f"Password of {who}"))

    def kbdint_auth_requested(self) -> str | None:
        if self._asker is None or self._declined:
            self.wanted_person = True
            return None
        return ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        # Also without a prompt somebody was bothered: a push message to a phone.
        self.wanted_person = self._line.interactive = True
        detail = "\n".join(part for part in (name.strip(), instructions.strip()) if part)
        answers = []
        for prompt, echo in prompts:
            kind = "password" if "password" in prompt.lower() else "code"
            answer = await self.ask(self._question(kind, prompt.strip() or "Code", detail, echo))
            if answer is None:
                return None
            answers.append(answer)
        return answers


async def dial(
    name: str, settings: Settings, default_user: str | None = None, user: str | None = None
) -> Line:
    """Connect to an SSH name; ``user`` goes before the configuration, ``default_user`` behind it.

    Raises ConnectFailed, AuthenticationFailed, HostKeyError.
    """
    line = Line()
    try:
        await _extend(line, Jump(name, user or default_user), settings, 0, as_default=user is None)
    except BaseException:
        await line.close(0.5)
        raise
    return line


async def _extend(line: Line, hop: Jump, settings: Settings, depth: int, as_default: bool = False) -> None:
    """Connect to ``hop`` through the connections the line has, its own jumps first."""
    login = await resolve(
        hop.name, settings.ssh_config, None if as_default else hop.user, hop.port, binary=settings.binary
    )
    if as_default and hop.user and not login.user_given:
        login = replace(login, user=hop.user)
    if depth > _DEEPEST:
        raise ConnectFailed(f"{login.name}: ProxyJump leads in a circle", "Correct the SSH configuration.")
    if not line.connections or depth == 0:
        # As with ssh -J a,b: only the first hop's own jumps count.
        for index, jump in enumerate(login.jumps):
            if index == 0 or line.connections:
                await _extend(line, jump, settings, depth + 1)
    line.connections.append(await _connect(line, login, settings))


async def _connect(line: Line, login: Login, settings: Settings) -> asyncssh.SSHClientConnection:
    """Connect, asking for an unknown host key once."""
    while True:
        known = hostkeys.KnownKeys(login)
        client = Client(login, settings.asker, line)
        try:
            return await _attempt(line, login, settings, client, known)
        except asyncssh.HostKeyNotVerifiable as error:
            await _accept(login, settings, client, known, str(error))
        except asyncssh.PermissionDenied as error:
            raise _denied(login, client, str(error)) from error
        except asyncssh.KeyExchangeFailed as error:
            if known.any and "host key" in str(error).lower():
                raise hostkeys.changed(login, None, "the kind of key on file is not the kind") from error
            raise _failed(login, line, f"no common way to encrypt: {error}") from error
        except asyncssh.ChannelOpenError as error:
            raise _failed(login, line, f"the jump host cannot reach it: {error}") from error
        except asyncssh.Error as error:
            if "authentication failures" in str(error).lower():
                # sshd hangs up after so many wrong keys: dialling again would lock the account.
                raise _denied(login, client, str(error)) from error
            raise _failed(login, line, str(error) or type(error).__name__) from error
        except socket.gaierror as error:
            raise ConnectFailed(
                f"{login.name}: there is no host called {login.hostname}: {error.strerror}",
                "Check the name, HostName in the SSH configuration, and whether a VPN is needed.",
            ) from error
        except TimeoutError as error:
            seconds = _patience(login, settings) + (_SILENT_LOGIN if client.secured else 0)
            raise _failed(login, line, f"no answer within {seconds:g} s") from error
        except OSError as error:
            # asyncio's own text names the call; over several addresses it has no number.
            raise _failed(login, line, os.strerror(error.errno) if error.errno else str(error)) from error
        except ValueError as error:
            raise ConnectFailed(
                f"{login.name}: the SSH configuration or a key file cannot be used: {error}",
                f"ssh -G {login.name} shows what applies to it.",
            ) from error


async def _attempt(
    line: Line, login: Login, settings: Settings, client: Client, known: hostkeys.KnownKeys
) -> asyncssh.SSHClientConnection:
    keys = await identities.load(login, client.passphrase)
    options = connection_options(login)
    if not known.authorities and not login.host_key_algorithms_given:
        options["server_host_key_algs"] = known.algorithms
    if not keys.use_agent:
        options["agent_path"] = None
    tunnel = line.connections[-1] if line.connections else None
    if tunnel is not None:
        options["proxy_command"] = None
    dialling = asyncio.ensure_future(
        asyncssh.connect(
            port=login.port,
            username=login.user,
            tunnel=tunnel,
            client_factory=lambda: client,
            known_hosts=known.matching,
            client_keys=keys.pairs,
            agent_identities=keys.agent_only,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=settings.login_timeout,
            keepalive_interval=settings.keepalive_interval,
            keepalive_count_max=settings.keepalive_count,
            **options,
        )
    )
    try:
        # Not asyncssh's connect_timeout: that one also runs while a person looks for a phone.
        await asyncio.wait({dialling}, timeout=_patience(login, settings))
        if not dialling.done() and not client.secured:
            raise TimeoutError
        await asyncio.wait({dialling}, timeout=_SILENT_LOGIN)
        if not dialling.done() and not client.wanted_person:
            raise TimeoutError
        return await dialling
    finally:
        if not dialling.done():
            dialling.cancel()
            await asyncio.gather(dialling, return_exceptions=True)


def _patience(login: Login, settings: Settings) -> float:
    """Seconds until the host must have answered: ConnectTimeout, where the user sets one."""
    own = login.rest.get("connecttimeout", "")
    return float(own) if own.isdigit() and int(own) else settings.connect_timeout


async def _accept(
    login: Login, settings: Settings, client: Client, known: hostkeys.KnownKeys, reason: str
) -> None:
    """Ask about an unknown host key and keep it on yes; otherwise raise HostKeyError."""
    key = client.offered
    if key is None:
        raise hostkeys.changed(login, None, f"{reason}: not the trusted identity")
    if known.any:
        raise hostkeys.changed(login, key, "the key is not the one on file")
    if login.keeps_no_keys:
        raise hostkeys.unknown(login, key, "there is no file to keep it in")
    if settings.asker is None:
        raise hostkeys.unknown(login, key, "there is nobody to ask")
    answer = await settings.asker(
        Question(
            "host-key",
            login.name,
            f"The {key.get_algorithm()} key of {login.key_name} is not known. Accept it for good?",
            key.get_fingerprint(),
            echo=True,
        )
    )
    if answer is None or answer.strip().lower() != "yes":
        raise hostkeys.unknown(login, key, "it was not accepted")
    await asyncio.to_thread(hostkeys.add, login, key)


def _denied(login: Login, client: Client, text: str) -> AuthenticationFailed:
    who = f"{login.user}@{login.hostname}"
    if not client.wanted_person:
        why = "it accepts none of the keys"
    elif client.answered:
        why = "what was typed was not accepted"
    else:
        why = "it wants a password, code or passphrase, and nobody gave it"
    return AuthenticationFailed(
        f"{login.name}: {who} does not let us in: {why} ({text})",
        f"Load the key into the agent (ssh-add), or put it there (ssh-copy-id {login.name})."
        f" Where a code is asked each time, log in once with a shared connection: ssh -fNM {login.name}",
    )


def _failed(login: Login, line: Line, why: str) -> ConnectFailed:
    through = " through its jump host" if line.connections else ""
    return ConnectFailed(
        f"{login.name}: cannot connect to {login.hostname} port {login.port}{through}: {why}",
        f"Check network and VPN; compare with: ssh -v {login.name} true",
    )
