"""What the user's SSH configuration says of one name.

Where OpenSSH is installed it says so itself (``ssh -G``): Include, Match, Match exec and
canonical names then mean exactly what they mean to the user's own ssh. Elsewhere asyncssh's
parser reads the file. What follows from it is dialled by us, so that every jump, key and
question goes through our own callbacks.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConnectFailed

DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_DEFAULT_IDENTITIES = ("id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa", "id_rsa")
_JUMP = re.compile(r"(?:(?P<user>[^@]+)@)?(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:]+))(?::(?P<port>\d+))?\Z")
#: Seconds that ``ssh -G`` may take: ``Match exec`` lines can hang.
PATIENCE = 5.0

#: What ``ssh -G`` prints of a name: every value of each keyword, in order.
Printed = Mapping[str, Sequence[str]]


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
    #: files that asyncssh reads the rest from; none when OpenSSH has said everything
    config_files: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    #: a program instead of a TCP connection, tokens replaced; shell text
    proxy_command: str = ""
    #: the agent's socket: None for the environment's, "" for none
    agent: str | None = None
    #: "ssh -G" or "asyncssh": who has read the configuration
    read_by: str = "asyncssh"
    #: OpenSSH's own words for what asyncssh must be told (ciphers, addressfamily ...)
    rest: Mapping[str, str] = field(default_factory=dict)
    #: the configuration asks for it; sactui never does
    forwards_agent: bool = False


async def resolve(
    name: str,
    ssh_config: Path | None,
    user: str | None = None,
    port: int | None = None,
    *,
    binary: str = "ssh",
) -> Login:
    """Look ``name`` up; ``user`` and ``port`` go before the file. Raises ConnectFailed for a bad file."""
    printed = await printed_by(name, ssh_config, user, port, binary=binary)
    if printed is not None:
        usual = await _usual(binary)
        return from_printed(name, printed, usual, user)
    from . import own_config

    # asyncssh reads files, and runs Match exec, without giving way to anybody.
    return await asyncio.to_thread(own_config.read, name, ssh_config, user, port)


async def printed_by(
    name: str,
    ssh_config: Path | None,
    user: str | None = None,
    port: int | None = None,
    *,
    binary: str = "ssh",
) -> Printed | None:
    """What ``ssh -G`` says of a name; None where there is no ssh program.

    Raises ConnectFailed when it refuses the configuration or does not answer in time.
    """
    argv = [binary]
    if ssh_config is not None:
        argv += ["-F", str(ssh_config)]
    if user:
        argv += ["-l", user]
    if port:
        argv += ["-p", str(port)]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            *("-G", "-T", "--", name),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    except TimeoutError:
        raise ConnectFailed(
            f"{name}: the SSH configuration was not read within {PATIENCE:g} s",
            f"Look for a Match exec that hangs: ssh -G {name}",
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        said = " ".join(err.decode("utf-8", "replace").split()) or f"ssh -G ended with {process.returncode}"
        raise ConnectFailed(
            f"{name}: the SSH configuration cannot be used: {said}",
            f"Correct it; ssh -G {name} shows how ssh reads it.",
        )
    return parse_printed(out.decode("utf-8", "replace"))


def parse_printed(text: str) -> dict[str, list[str]]:
    """``ssh -G`` output: a keyword in small letters, a blank, the value, on each line."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key.lower(), []).append(value.strip())
    return found


_usual_of: dict[str, Printed] = {}


async def _usual(binary: str) -> Printed:
    """What ``ssh -G`` prints without any configuration: what differs from it was set by somebody."""
    if binary not in _usual_of:
        _usual_of[binary] = await printed_by("localhost", Path("/dev/null"), binary=binary) or {}
    return _usual_of[binary]


#: Keywords that asyncssh is told when they are not the usual ones.
_REST = (
    *("addressfamily", "bindaddress", "ciphers", "compression", "hostkeyalgorithms", "kexalgorithms", "macs"),
    *("preferredauthentications", "pubkeyauthentication", "passwordauthentication"),
    *("kbdinteractiveauthentication", "gssapiauthentication", "gssapidelegatecredentials", "connecttimeout"),
)


def from_printed(name: str, printed: Printed, usual: Printed, user: str | None = None) -> Login:
    """The login that ``ssh -G`` describes. Raises ConnectFailed for a jump nobody can read."""
    local_user = getpass.getuser()

    def one(keyword: str, default: str = "") -> str:
        values = printed.get(keyword)
        return values[0] if values else default

    hostname, port = one("hostname", name), one("port", "22")
    number = int(port) if port.isdigit() else 22
    alias = one("hostkeyalias")
    login_user = one("user", local_user)
    tokens = token_table(name, hostname, number, login_user, local_user, alias)

    def paths(keyword: str, defaults: Sequence[str]) -> tuple[Path, ...]:
        words = one(keyword).split() or list(defaults)
        return tuple(expand(word, tokens) for word in words if word.lower() not in ("none", "/dev/null"))

    known = paths("userknownhostsfile", DEFAULT_KNOWN_HOSTS)
    keys = [
        expand(word, tokens)
        for word in printed.get("identityfile", [str(path) for path in default_identities()])
        if word.lower() != "none"
    ]
    certificates = [expand(word, tokens) for word in printed.get("certificatefile", ())]
    rest = {
        keyword: one(keyword)
        for keyword in _REST
        if printed.get(keyword) and printed[keyword] != usual.get(keyword)
    }
    command = one("proxycommand", "none")
    if command == "none":
        command = ""
    return Login(
        name=name,
        hostname=hostname,
        port=number,
        user=login_user,
        # ssh -G prints the local name where nothing is set: the same name, set, is no other login.
        user_given=bool(user) or login_user != local_user,
        jumps=jumps(one("proxyjump")),
        key_name=key_name(alias, hostname, number),
        known_hosts=known,
        global_known_hosts=paths("globalknownhostsfile", GLOBAL_KNOWN_HOSTS),
        keeps_no_keys=not known,
        identities=tuple(dict.fromkeys(key for key in keys if key.is_file())),
        identities_only=one("identitiesonly") == "yes",
        host_key_algorithms_given="hostkeyalgorithms" in rest,
        certificates=tuple(path for path in certificates if path.is_file()),
        proxy_command=_with_tokens(command, tokens),
        agent=_agent(one("identityagent"), tokens),
        read_by="ssh -G",
        rest=rest,
        forwards_agent=one("forwardagent", "no") != "no",
    )


def _agent(value: str, tokens: Mapping[str, str]) -> str | None:
    if not value or value == "SSH_AUTH_SOCK":
        return None
    if value.lower() == "none":
        return ""
    if value.startswith("$"):
        return os.environ.get(value[1:].strip("{}"), "")
    return str(expand(value, tokens))


def default_identities() -> tuple[Path, ...]:
    """The identity files of a user who names none."""
    return tuple(Path.home() / ".ssh" / word for word in _DEFAULT_IDENTITIES)


def key_name(alias: str, hostname: str, port: int) -> str:
    """The name under which a host's key is filed, as OpenSSH writes it."""
    if alias:
        return alias.lower()
    return hostname.lower() if port == 22 else f"[{hostname.lower()}]:{port}"


def token_table(
    name: str, hostname: str, port: int, user: str, local_user: str, alias: str = ""
) -> dict[str, str]:
    """The percent tokens of ssh_config that we replace."""
    return {
        "%": "%",
        "d": str(Path.home()),
        "h": hostname,
        "k": alias or hostname,
        "n": name,
        "p": str(port),
        "r": user,
        "u": local_user,
    }


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


def expand(word: str, tokens: Mapping[str, str]) -> Path:
    """A path of the configuration: variables, tokens, and ``~``."""
    return Path(_with_tokens(os.path.expandvars(word), tokens)).expanduser()


def _with_tokens(text: str, tokens: Mapping[str, str]) -> str:
    return re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)
